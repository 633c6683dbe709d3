// SPDX-License-Identifier: Apache-2.0
// Timers: what each role does when time passes, and which requests it keeps under way.
#include <algorithm>

#include "machine/raft/raft_machine.h"

namespace moldau::raft {
namespace {

constexpr NodeId kFirstBootstrapServer{-2};

}  // namespace

void RaftMachine::wake_at(MonoTime when) {
  next_tick_ = std::min(next_tick_, when);
}

void RaftMachine::poll(Now now, RaftEffects& out) {
  // Each round is a change of role; more than a few in one step would be a loop.
  for (int round = 0; round < 8; ++round) {
    next_tick_ = MonoTime(INT64_MAX);
    if (!poll_role(now, out)) return;
  }
  next_tick_ = now.mono + Millis(1);
}

bool RaftMachine::poll_role(Now now, RaftEffects& out) {
  const bool may_stand = config_.may_vote && is_voter() && !shutting_down_;
  switch (role_) {
    case Role::kUnattached:
    case Role::kFollower:
      if (may_stand) {
        if (now.mono >= deadline_) {
          to_prospective(now, out);
          return true;
        }
        wake_at(deadline_);
      }
      poll_fetch(now, out);
      return false;
    case Role::kProspective:
    case Role::kCandidate:
      return poll_election(now, out);
    case Role::kLeader:
      poll_leader(now, out);
      return role_ != Role::kLeader;
    case Role::kResigned:
      poll_resigned(now, out);
      return role_ != Role::kResigned;
  }
  return false;
}

bool RaftMachine::poll_election(Now now, RaftEffects& out) {
  if (election_.retry_at != MonoTime(0)) {
    if (now.mono >= election_.retry_at) {
      to_prospective(now, out);
      return true;
    }
    wake_at(election_.retry_at);
    return false;
  }
  if (now.mono >= deadline_) {
    if (role_ == Role::kProspective)
      abandon_election(now, out);
    else
      to_prospective(now, out);
    return true;
  }
  wake_at(deadline_);
  send_votes(now, out);
  return false;
}

void RaftMachine::send_votes(Now now, RaftEffects& out) {
  for (const auto& [id, vote] : election_.votes) {
    const Voter* voter = log_.voters().find(id);
    if (vote || !voter) continue;
    VoteRequest request;
    request.cluster_id = config_.cluster_id;
    request.voter = voter->key;
    request.candidate = config_.self;
    request.epoch = epoch_;
    request.last = log_.last();
    request.pre_vote = role_ == Role::kProspective;
    send(id, std::move(request), now, out);
  }
}

void RaftMachine::poll_leader(Now now, RaftEffects& out) {
  drop_stale_observers(now);
  if (log_.voters().size() > 1) {
    if (now.mono >= leader_.quorum_deadline) {
      to_resigned(now, out);
      return;
    }
    wake_at(leader_.quorum_deadline);
  }
  std::vector<ReplicaKey> due;
  for (const auto& [key, parked] : leader_.parked) {
    if (parked.deadline <= now.mono)
      due.push_back(key);
    else
      wake_at(parked.deadline);
  }
  for (const ReplicaKey& key : due) {
    const auto node = leader_.parked.extract(key);
    answer_fetch(node.mapped().token, node.mapped().request, false, now, out);
  }
  if (now.mono >= leader_.begin_epoch_at) {
    for (const auto& [id, voter] : log_.voters().voters()) {
      const ReplicaProgress* progress = voter_progress(voter);
      if (id != config_.self.id &&
          (!progress || progress->fetched_at + config_.election_timeout <= now.mono))
        leader_.begin_wanted.insert(id);
    }
    leader_.begin_epoch_at = now.mono + config_.election_timeout;
  }
  if (log_.voters().size() > 1) wake_at(leader_.begin_epoch_at);
  std::erase_if(leader_.begin_wanted, [&](NodeId id) {
    const Voter* voter = log_.voters().find(id);
    if (!voter) return true;
    BeginQuorumEpochRequest request;
    request.cluster_id = config_.cluster_id;
    request.voter = voter->key;
    request.leader_id = config_.self.id;
    request.epoch = epoch_;
    request.leader_endpoints = config_.endpoints;
    return send(id, std::move(request), now, out);
  });
}

void RaftMachine::poll_resigned(Now now, RaftEffects& out) {
  for (const NodeId id : end_unacknowledged_) {
    EndQuorumEpochRequest request;
    request.cluster_id = config_.cluster_id;
    request.leader_id = config_.self.id;
    request.epoch = epoch_;
    request.preferred = preferred_successors_;
    send(id, std::move(request), now, out);
  }
  if (shutting_down_) return;
  if (now.mono < deadline_) {
    wake_at(deadline_);
    return;
  }
  // The next epoch: in this one nobody may believe that we lead.
  to_unattached(epoch_ + 1, now, out);
}

Request RaftMachine::fetch_request() const {
  if (download_) {
    FetchSnapshotRequest request;
    request.cluster_id = config_.cluster_id;
    request.replica = config_.self;
    request.current_leader_epoch = epoch_;
    request.snapshot = download_->id;
    request.position = download_->position;
    request.bytes_max = config_.fetch_bytes_max;
    return request;
  }
  FetchRequest request;
  request.cluster_id = config_.cluster_id;
  request.replica = config_.self;
  request.current_leader_epoch = epoch_;
  request.fetch_offset = log_.end();
  request.last_fetched_epoch = log_.last_epoch();
  request.high_watermark = high_watermark_;
  request.max_wait = config_.fetch_wait_max;
  request.bytes_max = config_.fetch_bytes_max;
  return request;
}

void RaftMachine::poll_fetch(Now now, RaftEffects& out) {
  // A fetch offset says "I hold everything before, durably".
  if (config_.may_vote && flushed_end_ < log_.end()) return;
  if (download_ && download_->installing) return;
  if (!peers_.idle(now.mono)) {
    wake_at(now.mono + config_.request_timeout);
    return;
  }
  if (role_ == Role::kFollower) {
    if (send(leader_id_, fetch_request(), now, out)) return;
    if (is_voter() || download_) return;
  }
  // Nobody known to ask: one of those the configuration names, in turn.
  std::vector<NodeId> others;
  for (const auto& [id, voter] : log_.voters().voters())
    if (config_.bootstrap_servers == 0 && id != config_.self.id) others.push_back(id);
  for (std::int32_t i = 0; i < config_.bootstrap_servers; ++i)
    others.push_back(kFirstBootstrapServer - i);
  if (others.empty()) return;
  next_bootstrap_ =
      static_cast<std::int32_t>((static_cast<std::size_t>(next_bootstrap_) + 1) % others.size());
  send(others[static_cast<std::size_t>(next_bootstrap_)], fetch_request(), now, out);
}

bool RaftMachine::send(NodeId to, Request request, Now now, RaftEffects& out) {
  if (!peers_.ready(to, now.mono)) {
    wake_at(peers_.ready_at(to));
    return false;
  }
  OutboundRequest outbound;
  outbound.to = to;
  if (to == leader_id_ && role_ == Role::kFollower)
    outbound.endpoints = leader_endpoints_;
  else if (const Voter* voter = log_.voters().find(to))
    outbound.endpoints = voter->endpoints;
  outbound.request = request;
  const MonoTime deadline = now.mono + config_.request_timeout;
  outbound.id = peers_.sent(to, std::move(request), deadline);
  out.send.push_back(std::move(outbound));
  wake_at(deadline);
  return true;
}

}  // namespace moldau::raft
