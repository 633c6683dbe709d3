// SPDX-License-Identifier: Apache-2.0
// Votes, and the announcements that an epoch begins or ends.
#include <algorithm>
#include <tuple>

#include "machine/raft/raft_machine.h"

namespace moldau::raft {
namespace {

template <class R>
void answer(RequestToken token, R response, RaftEffects& out) {
  Answer entry;
  entry.token = token;
  entry.response = std::move(response);
  out.answers.push_back(std::move(entry));
}

bool at_least(const OffsetAndEpoch& theirs, const OffsetAndEpoch& ours) {
  return std::tie(theirs.epoch, theirs.offset) >= std::tie(ours.epoch, ours.offset);
}

}  // namespace

bool RaftMachine::is_us(const ReplicaKey& addressed) const {
  return addressed.is_none() || addressed.may_be(config_.self);
}

void RaftMachine::on_vote(RequestToken token, const VoteRequest& request, Now now,
                          RaftEffects& out) {
  VoteResponse response;
  const bool known_cluster = !request.cluster_id || *request.cluster_id == config_.cluster_id;
  const bool epochs_fit =
      request.pre_vote ? request.last.epoch <= request.epoch : request.last.epoch < request.epoch;
  if (!known_cluster) {
    response.error = ErrorCode::kInconsistentClusterId;
  } else if (request.candidate.is_none() || request.candidate.id == config_.self.id ||
             request.last.offset.value() < 0 || request.last.epoch.value() < 0 || !epochs_fit) {
    response.error = ErrorCode::kInvalidRequest;
  } else if (request.epoch < epoch_) {
    response.error = ErrorCode::kFencedLeaderEpoch;
  } else {
    if (request.epoch > epoch_) to_unattached(request.epoch, now, out);
    if (!is_us(request.voter)) {
      response.error = ErrorCode::kInvalidVoterKey;
    } else if (config_.may_vote && may_grant(request)) {
      response.granted = true;
      if (!request.pre_vote) grant_vote(request.candidate, now, out);
    }
  }
  response.leader = leader_view();
  answer(token, std::move(response), out);
}

bool RaftMachine::may_grant(const VoteRequest& request) const {
  const bool up_to_date = at_least(request.last, log_.last());
  switch (role_) {
    case Role::kUnattached:
    case Role::kProspective:
      if (request.pre_vote) return up_to_date;
      if (!voted_.is_none()) return voted_.may_be(request.candidate);
      return leader_id_.value() < 0 && up_to_date;
    case Role::kFollower:
      // A leader that answers us is alive, whatever others believe.
      return request.pre_vote && !fetched_from_leader_ && up_to_date;
    case Role::kCandidate:
    case Role::kResigned:
      return request.pre_vote && up_to_date;
    case Role::kLeader:
      return false;
  }
  return false;
}

void RaftMachine::grant_vote(const ReplicaKey& candidate, Now now, RaftEffects& out) {
  enter(Role::kUnattached, epoch_, NodeId(-1), out);
  voted_ = candidate;
  // It has at least as good a chance as we have: wait a whole time-out.
  deadline_ = now.mono + random_election_timeout();
  persist(out);
}

void RaftMachine::on_begin_epoch(RequestToken token, const BeginQuorumEpochRequest& request,
                                 Now now, RaftEffects& out) {
  QuorumEpochResponse response;
  const bool known_cluster = !request.cluster_id || *request.cluster_id == config_.cluster_id;
  const bool second_leader =
      request.epoch == epoch_ && leader_id_.value() >= 0 && leader_id_ != request.leader_id;
  if (!known_cluster) {
    response.error = ErrorCode::kInconsistentClusterId;
  } else if (request.epoch < epoch_) {
    response.error = ErrorCode::kFencedLeaderEpoch;
  } else if (request.leader_id.value() < 0 || request.leader_id == config_.self.id) {
    response.error = ErrorCode::kInvalidRequest;
  } else if (second_leader) {
    out.fault = "node " + std::to_string(request.leader_id.value()) + " claims epoch " +
                std::to_string(epoch_.value()) + " of leader " + std::to_string(leader_id_.value());
    response.error = ErrorCode::kFencedLeaderEpoch;
  } else {
    LeaderView leader;
    leader.leader_id = request.leader_id;
    leader.epoch = request.epoch;
    leader.endpoints = request.leader_endpoints;
    learn(ErrorCode::kNone, leader, now, out);
    if (!is_us(request.voter)) response.error = ErrorCode::kInvalidVoterKey;
  }
  response.leader = leader_view();
  answer(token, std::move(response), out);
}

void RaftMachine::on_end_epoch(RequestToken token, const EndQuorumEpochRequest& request, Now now,
                               RaftEffects& out) {
  QuorumEpochResponse response;
  const bool known_cluster = !request.cluster_id || *request.cluster_id == config_.cluster_id;
  if (!known_cluster) {
    response.error = ErrorCode::kInconsistentClusterId;
  } else if (request.epoch < epoch_) {
    response.error = ErrorCode::kFencedLeaderEpoch;
  } else if (request.leader_id.value() < 0) {
    response.error = ErrorCode::kInvalidRequest;
  } else {
    if (request.epoch > epoch_) to_unattached(request.epoch, now, out);
    if (role_ == Role::kFollower && leader_id_ == request.leader_id) {
      const auto& list = request.preferred;
      const auto it = std::find_if(list.begin(), list.end(), [this](const ReplicaKey& key) {
        return key.may_be(config_.self);
      });
      const auto place = static_cast<std::size_t>(it - list.begin());
      std::int64_t wait = config_.election_backoff_max.value();
      if (it == list.begin() && it != list.end()) {
        wait = 0;
      } else if (it != list.end()) {
        const std::size_t down = std::min<std::size_t>(list.size() - 1, 30);
        wait = std::min(wait, (wait >> down) << std::min<std::size_t>(place - 1, 30));
      }
      deadline_ = now.mono + Millis(wait);
    }
  }
  response.leader = leader_view();
  answer(token, std::move(response), out);
}

void RaftMachine::on_vote_response(NodeId from, const VoteRequest& request,
                                   const VoteResponse& response, Now now, RaftEffects& out) {
  const bool of_this_election = request.epoch == epoch_ &&
                                role_ == (request.pre_vote ? Role::kProspective : Role::kCandidate);
  if (of_this_election && request.pre_vote && response.error == ErrorCode::kUnsupportedVersion) {
    // An older voter knows no pre-vote; asking it properly is the only way.
    to_candidate(now, out);
    return;
  }
  if (!learn(response.error, response.leader, now, out)) {
    if (response.error != ErrorCode::kNone) peers_.back_off(from, now.mono + config_.retry_backoff);
    return;
  }
  if (!of_this_election) return;
  election_.votes[from] = response.granted;
  count_votes(now, out);
}

void RaftMachine::begin_election(Now now) {
  election_.votes.clear();
  election_.retry_at = MonoTime(0);
  for (const auto& [id, voter] : log_.voters().voters()) election_.votes[id] = std::nullopt;
  if (is_voter()) election_.votes[config_.self.id] = true;
  deadline_ = now.mono + random_election_timeout();
}

void RaftMachine::count_votes(Now now, RaftEffects& out) {
  std::size_t granted = 0;
  std::size_t refused = 0;
  for (const auto& [id, vote] : election_.votes) {
    if (!vote || !log_.voters().contains(id)) continue;
    ++(*vote ? granted : refused);
  }
  const std::size_t majority = log_.voters().majority();
  if (granted >= majority) {
    if (role_ == Role::kProspective)
      to_candidate(now, out);
    else
      to_leader(now, out);
    return;
  }
  if (refused + majority <= log_.voters().size()) return;
  if (role_ == Role::kProspective) {
    abandon_election(now, out);
  } else if (election_.retry_at == MonoTime(0)) {
    election_.rounds = std::min(election_.rounds + 1, 10);
    const std::int64_t most = config_.election_backoff_max.value();
    const std::int64_t wait = std::min(most, config_.retry_backoff.value() << election_.rounds);
    const std::int64_t spread =
        random_election_timeout().value() - config_.election_timeout.value();
    election_.retry_at = now.mono + Millis(1 + (wait > 0 ? spread % wait : 0));
  }
}

void RaftMachine::abandon_election(Now now, RaftEffects& out) {
  if (leader_id_.value() >= 0 && !leader_endpoints_.empty()) {
    const std::vector<Endpoint> endpoints = leader_endpoints_;
    to_follower(epoch_, leader_id_, endpoints, now, out);
    return;
  }
  enter(Role::kUnattached, epoch_, NodeId(-1), out);
  deadline_ = now.mono + random_election_timeout();
}

const std::vector<Endpoint>& RaftMachine::endpoints_of(const LeaderView& leader) const {
  const Voter* voter = log_.voters().find(leader.leader_id);
  return leader.endpoints.empty() && voter ? voter->endpoints : leader.endpoints;
}

bool RaftMachine::learn(ErrorCode error, const LeaderView& leader, Now now, RaftEffects& out) {
  const bool other_leader = leader.leader_id.value() >= 0 && leader.leader_id != config_.self.id;
  const bool reachable = other_leader && !endpoints_of(leader).empty();
  if (leader.epoch > epoch_) {
    if (reachable)
      to_follower(leader.epoch, leader.leader_id, endpoints_of(leader), now, out);
    else
      to_unattached(leader.epoch, now, out);
    return false;
  }
  const bool leaderless = leader_id_.value() < 0 && role_ != Role::kLeader;
  if (leader.epoch == epoch_ && reachable && leaderless) {
    to_follower(epoch_, leader.leader_id, endpoints_of(leader), now, out);
    return false;
  }
  return error == ErrorCode::kNone && leader.epoch == epoch_;
}

}  // namespace moldau::raft
