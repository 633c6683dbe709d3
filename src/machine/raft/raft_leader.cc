// SPDX-License-Identifier: Apache-2.0
// The leader's side of replication.
#include <algorithm>
#include <functional>

#include "machine/raft/control_records.h"
#include "machine/raft/raft_machine.h"

namespace moldau::raft {

ErrorCode RaftMachine::check_leader_request(const std::optional<std::string>& cluster_id,
                                            LeaderEpoch epoch) const {
  if (cluster_id && *cluster_id != config_.cluster_id) return ErrorCode::kInconsistentClusterId;
  if (epoch < epoch_) return ErrorCode::kFencedLeaderEpoch;
  if (epoch > epoch_) return ErrorCode::kUnknownLeaderEpoch;
  if (role_ != Role::kLeader) return ErrorCode::kNotLeaderOrFollower;
  if (shutting_down_) return ErrorCode::kBrokerNotAvailable;
  return ErrorCode::kNone;
}

void RaftMachine::on_fetch(RequestToken token, const FetchRequest& request, Now now,
                           RaftEffects& out) {
  ErrorCode error = ErrorCode::kNone;
  if (request.cluster_id && *request.cluster_id != config_.cluster_id)
    error = ErrorCode::kInconsistentClusterId;
  else if (request.max_wait.value() < 0 || request.fetch_offset.value() < 0 ||
           request.last_fetched_epoch.value() < 0 ||
           request.last_fetched_epoch > request.current_leader_epoch)
    error = ErrorCode::kInvalidRequest;
  else
    error = check_leader_request(request.cluster_id, request.current_leader_epoch);
  if (error != ErrorCode::kNone) {
    FetchResponse response;
    response.error = error;
    response.leader = leader_view();
    Answer answer;
    answer.token = token;
    answer.response = std::move(response);
    out.answers.push_back(std::move(answer));
    return;
  }
  // A replica has one fetch under way: an older one of it is answered, not forgotten.
  if (auto old = leader_.parked.extract(request.replica); !old.empty())
    answer_fetch(old.mapped().token, old.mapped().request, false, now, out);
  note_quorum(request.replica, now);
  if (log_.locate(request.fetch_offset, request.last_fetched_epoch).kind ==
      FetchPosition::Kind::kValid)
    note_fetch(request, now, out);
  if (answer_fetch(token, request, true, now, out)) return;
  ParkedFetch parked;
  parked.token = token;
  parked.request = request;
  parked.deadline = now.mono + std::min(request.max_wait, config_.fetch_timeout);
  leader_.parked.insert_or_assign(request.replica, std::move(parked));
}

// Answers, or returns false if the fetch should wait.
bool RaftMachine::answer_fetch(RequestToken token, const FetchRequest& request, bool park_allowed,
                               Now, RaftEffects& out) {
  FetchResponse response;
  response.leader = leader_view();
  response.log_start = log_.start();
  if (leader_.high_watermark_known) response.high_watermark = high_watermark_;
  Answer answer;
  answer.token = token;
  const FetchPosition position = log_.locate(request.fetch_offset, request.last_fetched_epoch);
  if (position.kind == FetchPosition::Kind::kSnapshot) {
    response.snapshot = position.at;
  } else if (position.kind == FetchPosition::Kind::kDiverging) {
    response.diverging = position.at;
  } else if (request.fetch_offset < log_.end()) {
    ReadWanted read;
    read.from = request.fetch_offset;
    read.bytes_max = std::clamp(request.bytes_max, 0, config_.fetch_bytes_max);
    answer.read = read;
  } else if (park_allowed && request.max_wait.value() > 0 &&
             request.high_watermark >= response.high_watermark &&
             (leader_.parked.size() < kObserversMax || leader_.parked.contains(request.replica))) {
    return false;
  }
  answer.response = std::move(response);
  out.answers.push_back(std::move(answer));
  return true;
}

void RaftMachine::answer_parked(Now now, RaftEffects& out, bool all) {
  std::erase_if(leader_.parked, [&](const auto& entry) {
    const ParkedFetch& parked = entry.second;
    if (!all && parked.request.fetch_offset >= log_.end()) return false;
    return answer_fetch(parked.token, parked.request, false, now, out);
  });
}

void RaftMachine::note_fetch(const FetchRequest& request, Now now, RaftEffects& out) {
  // Consumers of the log that are nobody (-1) leave no trace.
  if (request.replica.is_none()) return;
  const bool voter = log_.voters().contains(request.replica);
  if (!voter && !leader_.replicas.contains(request.replica) &&
      leader_.replicas.size() >= kObserversMax)
    return;
  ReplicaProgress& progress = leader_.replicas[request.replica];
  progress.key = request.replica;
  if (request.fetch_offset >= log_.end())
    progress.last_caught_up_timestamp = now.wall;
  else if (progress.leader_end_at_fetch.value() >= 0 &&
           request.fetch_offset >= progress.leader_end_at_fetch)
    progress.last_caught_up_timestamp = progress.last_fetch_timestamp;
  progress.last_fetch_timestamp = now.wall;
  progress.fetched_at = now.mono;
  progress.leader_end_at_fetch = log_.end();
  progress.end = request.fetch_offset;
  if (voter) advance_high_watermark(now, out);
}

void RaftMachine::note_quorum(const ReplicaKey& key, Now now) {
  if (!log_.voters().contains(key)) return;
  leader_.fetched.insert(key.id);
  if (leader_.fetched.size() + (is_voter() ? 1 : 0) < log_.voters().majority()) return;
  leader_.fetched.clear();
  leader_.quorum_deadline = now.mono + Millis(config_.fetch_timeout.value() * 3 / 2);
}

void RaftMachine::on_fetch_snapshot(RequestToken token, const FetchSnapshotRequest& request,
                                    Now now, RaftEffects& out) {
  FetchSnapshotResponse response;
  Answer answer;
  response.snapshot = request.snapshot;
  response.position = request.position;
  response.error = check_leader_request(request.cluster_id, request.current_leader_epoch);
  if (response.error == ErrorCode::kNone) {
    const auto size = log_.snapshot_size(request.snapshot);
    if (!size) {
      response.error = ErrorCode::kSnapshotNotFound;
    } else if (request.position < 0 || request.position >= *size) {
      response.error = ErrorCode::kPositionOutOfRange;
    } else {
      note_quorum(request.replica, now);
      response.size = *size;
      answer.snapshot_bytes = std::min<std::int64_t>(
          *size - request.position, std::clamp(request.bytes_max, 1, config_.fetch_bytes_max));
    }
  }
  response.leader = leader_view();
  answer.token = token;
  answer.response = std::move(response);
  out.answers.push_back(std::move(answer));
}

const ReplicaProgress* RaftMachine::voter_progress(const Voter& voter) const {
  const ReplicaProgress* newest = nullptr;
  auto it = leader_.replicas.lower_bound(ReplicaKey(voter.key.id, Uuid(INT64_MIN, INT64_MIN)));
  for (; it != leader_.replicas.end() && it->first.id == voter.key.id; ++it) {
    if (!it->first.may_be(voter.key)) continue;
    if (!newest || it->second.fetched_at > newest->fetched_at) newest = &it->second;
  }
  return newest;
}

void RaftMachine::advance_high_watermark(Now now, RaftEffects& out) {
  std::vector<Offset> ends;
  for (const auto& [id, voter] : log_.voters().voters()) {
    if (log_.voters().contains(config_.self) && id == config_.self.id) {
      ends.push_back(flushed_end_);
    } else {
      const ReplicaProgress* progress = voter_progress(voter);
      ends.push_back(progress ? progress->end : Offset(-1));
    }
  }
  if (ends.empty()) return;
  std::sort(ends.begin(), ends.end(), std::greater<>());
  const Offset replicated = ends[ends.size() / 2];
  // Records of earlier epochs are committed only by one of this epoch (Raft, section 5.4.2).
  if (replicated <= leader_.epoch_start || replicated < high_watermark_) return;
  if (leader_.high_watermark_known && replicated == high_watermark_) return;
  leader_.high_watermark_known = true;
  high_watermark_ = replicated;
  out.high_watermark = replicated;
  answer_parked(now, out, true);
}

void RaftMachine::append_epoch_start(Now now, RaftEffects& out) {
  LeaderChange change;
  change.leader_id = config_.self.id;
  for (const auto& [id, voter] : log_.voters().voters()) change.voters.push_back(voter.key);
  for (const auto& [id, vote] : election_.votes) {
    const Voter* voter = log_.voters().find(id);
    if (voter && vote.value_or(false)) change.granting_voters.push_back(voter->key);
  }
  std::vector<ControlRecord> records;
  records.push_back(std::move(change));
  if (log_.kraft_version() > 0 && log_.voters_from_bootstrap_only()) {
    KraftVersion version;
    version.level = log_.kraft_version();
    records.push_back(version);
    VoterSet voters = log_.voters();
    if (voters.contains(config_.self) && !config_.endpoints.empty())
      voters.put(Voter(config_.self, config_.endpoints));
    records.push_back(KraftVoters(std::move(voters)));
  }
  leader_.epoch_start = log_.end();
  append_own(build_control_batch(records, log_.end(), epoch_, now.wall), out);
}

void RaftMachine::append_own(Slice batch, RaftEffects& out) {
  const record::BatchView view = record::BatchView::parse(batch.view()).value();
  MOLDAU_CHECK(view.size() == batch.size(), "one batch at a time");
  MOLDAU_CHECK(view.base_offset() == log_.end(), "a batch continues the log");
  MOLDAU_CHECK(view.leader_epoch() == epoch_, "a batch is of the leader's epoch");
  log_.note_batch(view).value();
  out.append.push_back(std::move(batch));
  want_flush(out);
}

void RaftMachine::want_flush(RaftEffects& out) {
  FlushMark mark;
  mark.end = log_.end();
  mark.truncations = truncations_;
  out.flush = mark;
}

void RaftMachine::drop_stale_observers(Now now) {
  std::erase_if(leader_.replicas, [&](const auto& entry) {
    return !log_.voters().contains(entry.first) &&
           entry.second.fetched_at + kObserverExpiry < now.mono;
  });
}

QuorumDescription RaftMachine::describe(Now now) const {
  QuorumDescription out;
  out.leader_id = leader_id_;
  out.epoch = epoch_;
  out.high_watermark = high_watermark_;
  out.voter_set = log_.voters();
  for (const auto& [id, voter] : log_.voters().voters()) {
    ReplicaProgress entry;
    if (id == config_.self.id) {
      entry.end = log_.end();
      entry.last_fetch_timestamp = entry.last_caught_up_timestamp = now.wall;
    } else if (const ReplicaProgress* progress = voter_progress(voter)) {
      entry = *progress;
    }
    entry.key = voter.key;
    out.voters.push_back(std::move(entry));
  }
  for (const auto& [key, progress] : leader_.replicas)
    if (!log_.voters().contains(key)) out.observers.push_back(progress);
  return out;
}

}  // namespace moldau::raft
