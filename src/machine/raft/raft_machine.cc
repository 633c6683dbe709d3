// SPDX-License-Identifier: Apache-2.0
#include "machine/raft/raft_machine.h"

#include <algorithm>

namespace moldau::raft {

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kUnattached:
      return "Unattached";
    case Role::kFollower:
      return "Follower";
    case Role::kProspective:
      return "Prospective";
    case Role::kCandidate:
      return "Candidate";
    case Role::kLeader:
      return "Leader";
    case Role::kResigned:
      return "Resigned";
  }
  return "";
}

RaftMachine::RaftMachine(RaftConfig config, const std::optional<ElectionState>& stored,
                         LogState log)
    : config_(std::move(config)), log_(std::move(log)), random_state_(config_.seed) {
  if (stored) {
    epoch_ = stored->epoch;
    leader_id_ = stored->leader_id;
    voted_ = stored->voted;
  }
  flushed_end_ = log_.end();
  if (const auto snapshot = log_.latest_snapshot()) high_watermark_ = snapshot->offset;
}

RaftEffects RaftMachine::start(Now now) {
  RaftEffects out;
  deadline_ = now.mono + random_election_timeout();
  const bool was_leader = leader_id_ == config_.self.id;
  if (epoch_ < log_.last_epoch()) {
    // The file was lost or is older than the log: what it says of votes is worth nothing.
    voted_ = ReplicaKey();
    enter(Role::kUnattached, log_.last_epoch(), NodeId(-1), out);
  } else if (was_leader) {
    // Unsynced records of this epoch may be lost: nobody may append to it again.
    role_ = Role::kResigned;
    for (const auto& [id, voter] : log_.voters().voters())
      if (id != config_.self.id) end_unacknowledged_.insert(id);
  } else if (!voted_.is_none() && voted_ == config_.self) {
    role_ = Role::kCandidate;
    leader_id_ = NodeId(-1);
    begin_election(now);
  } else {
    const Voter* leader = log_.voters().find(leader_id_);
    if (leader && !leader->endpoints.empty()) {
      role_ = Role::kFollower;
      leader_endpoints_ = leader->endpoints;
      deadline_ = now.mono + config_.fetch_timeout;
    } else {
      leader_id_ = NodeId(-1);
    }
  }
  out.leader_changed = true;
  persist(out);
  if (config_.may_vote && log_.voters().is_only_voter(config_.self)) to_prospective(now, out);
  poll(now, out);
  return out;
}

RaftEffects RaftMachine::tick(Now now) {
  RaftEffects out;
  poll(now, out);
  return out;
}

RaftEffects RaftMachine::receive(RequestToken token, const Request& request, Now now) {
  RaftEffects out;
  if (const auto* vote = std::get_if<VoteRequest>(&request)) on_vote(token, *vote, now, out);
  if (const auto* begin = std::get_if<BeginQuorumEpochRequest>(&request))
    on_begin_epoch(token, *begin, now, out);
  if (const auto* end = std::get_if<EndQuorumEpochRequest>(&request))
    on_end_epoch(token, *end, now, out);
  if (const auto* fetch = std::get_if<FetchRequest>(&request)) on_fetch(token, *fetch, now, out);
  if (const auto* snapshot = std::get_if<FetchSnapshotRequest>(&request))
    on_fetch_snapshot(token, *snapshot, now, out);
  poll(now, out);
  return out;
}

void RaftMachine::forget(RequestToken token) {
  std::erase_if(leader_.parked, [token](const auto& e) { return e.second.token == token; });
}

RaftEffects RaftMachine::receive(CorrelationId id, const Response& response, Now now) {
  RaftEffects out;
  const auto sent = peers_.take(id);
  if (!sent) return out;
  if (const auto* vote = std::get_if<VoteResponse>(&response)) {
    if (const auto* request = std::get_if<VoteRequest>(&sent->request))
      on_vote_response(sent->to, *request, *vote, now, out);
  } else if (const auto* fetch = std::get_if<FetchResponse>(&response)) {
    if (std::holds_alternative<FetchRequest>(sent->request))
      on_fetch_response(sent->to, *fetch, now, out);
  } else if (const auto* snapshot = std::get_if<FetchSnapshotResponse>(&response)) {
    if (std::holds_alternative<FetchSnapshotRequest>(sent->request)) {
      if (snapshot->error != ErrorCode::kNone)
        peers_.back_off(sent->to, now.mono + config_.retry_backoff);
      on_fetch_snapshot_response(*snapshot, now, out);
    }
  } else if (const auto* epoch = std::get_if<QuorumEpochResponse>(&response)) {
    if (epoch->error != ErrorCode::kNone)
      peers_.back_off(sent->to, now.mono + config_.retry_backoff);
    else if (role_ == Role::kResigned)
      end_unacknowledged_.erase(sent->to);
    learn(epoch->error, epoch->leader, now, out);
  }
  poll(now, out);
  return out;
}

RaftEffects RaftMachine::request_failed(CorrelationId id, Now now) {
  RaftEffects out;
  if (const auto sent = peers_.take(id)) {
    peers_.back_off(sent->to, now.mono + config_.retry_backoff);
    // A leader that cannot be reached may have been replaced meanwhile, so ask anew.
    if (std::holds_alternative<FetchSnapshotRequest>(sent->request)) download_.reset();
    poll(now, out);
  }
  return out;
}

Result<RaftEffects> RaftMachine::append(Slice batch, Now now) {
  if (role_ != Role::kLeader) return Error(ErrorCode::kNotController, "not the leader");
  RaftEffects out;
  append_own(std::move(batch), out);
  answer_parked(now, out, false);
  poll(now, out);
  return out;
}

RaftEffects RaftMachine::append_failed(Offset log_end, Now now) {
  RaftEffects out;
  MOLDAU_CHECK(log_end >= high_watermark_, "what is committed was written");
  log_.truncate(log_end);
  flushed_end_ = std::min(flushed_end_, log_end);
  ++truncations_;
  if (role_ == Role::kLeader) to_resigned(now, out);
  poll(now, out);
  return out;
}

RaftEffects RaftMachine::flushed(FlushMark mark, Now now) {
  RaftEffects out;
  // An fsync that began before a truncation says nothing of what was written behind it.
  if (mark.truncations == truncations_) flushed_end_ = std::max(flushed_end_, mark.end);
  if (flushed_end_ < log_.end()) want_flush(out);
  if (role_ == Role::kLeader) advance_high_watermark(now, out);
  poll(now, out);
  return out;
}

RaftEffects RaftMachine::snapshot_installed(OffsetAndEpoch id, std::int64_t size,
                                            std::int16_t kraft_version, VoterSet voters, Now now) {
  RaftEffects out;
  download_.reset();
  log_.note_snapshot(id, size);
  log_.restart_at(id);
  log_.note_snapshot_voters(id, kraft_version, std::move(voters));
  flushed_end_ = id.offset;
  ++truncations_;
  raise_high_watermark(id.offset, out);
  poll(now, out);
  return out;
}

RaftEffects RaftMachine::snapshot_refused(Now now) {
  RaftEffects out;
  download_.reset();
  if (leader_id_.value() >= 0) peers_.back_off(leader_id_, now.mono + config_.fetch_wait_max);
  poll(now, out);
  return out;
}

RaftEffects RaftMachine::resign(Now now) {
  RaftEffects out;
  if (role_ == Role::kLeader) to_resigned(now, out);
  poll(now, out);
  return out;
}

RaftEffects RaftMachine::begin_shutdown(Now now) {
  shutting_down_ = true;
  return resign(now);
}

LeaderView RaftMachine::leader_view() const {
  LeaderView view;
  view.leader_id = leader_id_;
  view.epoch = epoch_;
  if (leader_id_.value() >= 0) view.endpoints = leader_endpoints_;
  return view;
}

ElectionState RaftMachine::election_state() const {
  ElectionState state;
  state.leader_id = leader_id_;
  state.epoch = epoch_;
  state.voted = voted_;
  return state;
}

Millis RaftMachine::random_election_timeout() {
  // splitmix64
  random_state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = random_state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  z ^= z >> 31;
  const std::int64_t least = std::max<std::int64_t>(1, config_.election_timeout.value());
  return Millis(least + static_cast<std::int64_t>(z % static_cast<std::uint64_t>(least)));
}

// The one place where role, epoch and leader change.
void RaftMachine::enter(Role role, LeaderEpoch epoch, NodeId leader, RaftEffects& out) {
  MOLDAU_CHECK(epoch >= epoch_, "an epoch never goes back");
  if (epoch > epoch_) voted_ = ReplicaKey();
  const bool led = role_ == Role::kLeader;
  if (epoch != epoch_ || leader != leader_id_ || led != (role == Role::kLeader))
    out.leader_changed = true;
  const bool left = led && role != Role::kLeader;
  role_ = role;
  epoch_ = epoch;
  leader_id_ = leader;
  peers_.reset();
  download_.reset();
  fetched_from_leader_ = false;
  if (!left) return;
  for (const auto& [key, parked] : leader_.parked) {
    FetchResponse response;
    response.error = ErrorCode::kNotLeaderOrFollower;
    response.leader = leader_view();
    Answer answer;
    answer.token = parked.token;
    answer.response = std::move(response);
    out.answers.push_back(std::move(answer));
  }
  leader_ = Leadership();
}

void RaftMachine::to_unattached(LeaderEpoch epoch, Now now, RaftEffects& out) {
  // Who was about to try keeps its place in the queue: newer epochs must not postpone it for ever.
  if (role_ == Role::kLeader || role_ == Role::kResigned)
    deadline_ = now.mono + random_election_timeout();
  enter(Role::kUnattached, epoch, NodeId(-1), out);
  persist(out);
}

void RaftMachine::to_follower(LeaderEpoch epoch, NodeId leader,
                              const std::vector<Endpoint>& endpoints, Now now, RaftEffects& out) {
  std::vector<Endpoint> kept = endpoints;
  enter(Role::kFollower, epoch, leader, out);
  leader_endpoints_ = std::move(kept);
  deadline_ = now.mono + config_.fetch_timeout;
  election_ = Election();
  persist(out);
}

void RaftMachine::to_prospective(Now now, RaftEffects& out) {
  enter(Role::kProspective, epoch_, leader_id_ == config_.self.id ? NodeId(-1) : leader_id_, out);
  begin_election(now);
  count_votes(now, out);
}

void RaftMachine::to_candidate(Now now, RaftEffects& out) {
  enter(Role::kCandidate, epoch_ + 1, NodeId(-1), out);
  voted_ = config_.self;
  persist(out);
  begin_election(now);
  count_votes(now, out);
}

void RaftMachine::to_leader(Now now, RaftEffects& out) {
  enter(Role::kLeader, epoch_, config_.self.id, out);
  leader_endpoints_ = config_.endpoints;
  voted_ = ReplicaKey();
  persist(out);
  leader_ = Leadership();
  leader_.quorum_deadline = now.mono + Millis(config_.fetch_timeout.value() * 3 / 2);
  leader_.begin_epoch_at = now.mono;
  append_epoch_start(now, out);
  election_ = Election();
}

void RaftMachine::to_resigned(Now now, RaftEffects& out) {
  std::vector<ReplicaProgress> successors;
  end_unacknowledged_.clear();
  for (const auto& [id, voter] : log_.voters().voters()) {
    if (id == config_.self.id) continue;
    end_unacknowledged_.insert(id);
    const ReplicaProgress* progress = voter_progress(voter);
    successors.push_back(progress ? *progress : ReplicaProgress());
    successors.back().key = voter.key;
  }
  std::stable_sort(successors.begin(), successors.end(),
                   [](const auto& a, const auto& b) { return a.end > b.end; });
  preferred_successors_.clear();
  for (const ReplicaProgress& one : successors) preferred_successors_.push_back(one.key);
  // Memory only: whoever reads its own id as leader after a restart begins as resigned anyway.
  enter(Role::kResigned, epoch_, leader_id_, out);
  deadline_ = now.mono + random_election_timeout();
}

}  // namespace moldau::raft
