// SPDX-License-Identifier: Apache-2.0
#include "machine/partition/partition_machine.h"

#include <algorithm>

namespace moldau::partition {
namespace {

bool contains(const std::vector<NodeId>& nodes, NodeId node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

}  // namespace

PartitionAssignment::PartitionAssignment() = default;

PartitionEffects PartitionMachine::apply(const PartitionAssignment& assignment, Offset log_end,
                                         MonoTime now) {
  if (assignment.partition_epoch < assignment_.partition_epoch) return {};
  const bool newly_leader =
      assignment.leader == self_ &&
      (assignment_.leader != self_ || assignment.leader_epoch != assignment_.leader_epoch);
  assignment_ = assignment;
  wanted_isr_.reset();
  if (!is_leader()) {
    followers_.clear();
    return {};
  }
  if (newly_leader) {
    epoch_start_ = log_end;
    followers_.clear();
  }
  std::map<NodeId, FollowerState> kept;
  for (NodeId replica : assignment_.replicas) {
    if (replica == self_) continue;
    auto found = followers_.find(replica);
    FollowerState state = found == followers_.end() ? FollowerState() : found->second;
    // A new leader gives the members of the ISR the benefit of the doubt for one lag period.
    if (found == followers_.end() && contains(assignment_.isr, replica)) state.caught_up_at = now;
    kept.emplace(replica, state);
  }
  followers_ = std::move(kept);
  return advance();
}

void PartitionMachine::restore_high_watermark(Offset offset, Offset log_start, Offset log_end) {
  high_watermark_ = std::clamp(offset, log_start, std::max(log_start, log_end));
}

PartitionEffects PartitionMachine::local_end(Offset end) {
  local_end_ = std::max(local_end_, end);
  return is_leader() ? advance() : PartitionEffects();
}

void PartitionMachine::truncated(Offset log_start, Offset log_end) {
  local_end_ = std::min(local_end_, log_end);
  high_watermark_ = std::clamp(high_watermark_, log_start, std::max(log_start, log_end));
}

std::vector<NodeId> PartitionMachine::maximal_isr() const {
  std::vector<NodeId> all = assignment_.isr;
  if (wanted_isr_)
    for (NodeId node : *wanted_isr_)
      if (!contains(all, node)) all.push_back(node);
  return all;
}

PartitionEffects PartitionMachine::advance() {
  PartitionEffects effects;
  const std::vector<NodeId> isr = maximal_isr();
  if (static_cast<std::int32_t>(assignment_.isr.size()) < assignment_.min_isr) return effects;
  Offset lowest = local_end_;
  for (const auto& [node, follower] : followers_)
    if (contains(isr, node)) lowest = std::min(lowest, follower.log_end_offset);
  if (lowest > high_watermark_) {
    high_watermark_ = lowest;
    effects.high_watermark_moved = true;
  }
  return effects;
}

bool PartitionMachine::may_join(const FollowerState& follower) const {
  return follower.log_end_offset >= high_watermark_ && follower.log_end_offset >= epoch_start_;
}

PartitionEffects PartitionMachine::follower_fetch(NodeId follower, BrokerEpoch epoch,
                                                  Offset fetch_offset, Offset log_start,
                                                  Offset leader_end, MonoTime now) {
  auto found = followers_.find(follower);
  if (!is_leader() || found == followers_.end()) return {};
  FollowerState& state = found->second;
  if (fetch_offset >= leader_end) {
    state.caught_up_at = now;
  } else if (fetch_offset >= state.leader_end_at_last_fetch) {
    state.caught_up_at = std::max(state.caught_up_at, state.last_fetch_at);
  }
  state.log_end_offset = fetch_offset;
  state.log_start_offset = log_start;
  state.broker_epoch = epoch;
  state.last_fetch_at = now;
  state.leader_end_at_last_fetch = leader_end;
  std::optional<AlterIsr> wish;
  if (!wanted_isr_ && !contains(assignment_.isr, follower) && may_join(state)) {
    std::vector<NodeId> isr = assignment_.isr;
    isr.push_back(follower);
    wanted_isr_ = isr;
    wish = AlterIsr{isr, assignment_.leader_epoch, assignment_.partition_epoch};
  }
  PartitionEffects effects = advance();
  effects.alter_isr = std::move(wish);
  return effects;
}

PartitionEffects PartitionMachine::check_lag(Offset leader_end, MonoTime now, Millis lag_max) {
  PartitionEffects effects;
  if (!is_leader() || wanted_isr_) return effects;
  std::vector<NodeId> isr;
  for (NodeId node : assignment_.isr) {
    auto found = followers_.find(node);
    const bool lags = found != followers_.end() && found->second.log_end_offset != leader_end &&
                      now > found->second.caught_up_at + lag_max;
    if (!lags) isr.push_back(node);
  }
  if (isr.size() == assignment_.isr.size()) return effects;
  // A smaller ISR counts only once the controller has written it: until then the old one rules.
  wanted_isr_ = isr;
  effects.alter_isr = AlterIsr{isr, assignment_.leader_epoch, assignment_.partition_epoch};
  return effects;
}

PartitionEffects PartitionMachine::alter_isr_failed() {
  wanted_isr_.reset();
  return is_leader() ? advance() : PartitionEffects();
}

ErrorCode PartitionMachine::may_append_all() const {
  return static_cast<std::int32_t>(assignment_.isr.size()) < assignment_.min_isr
             ? ErrorCode::kNotEnoughReplicas
             : ErrorCode::kNone;
}

ErrorCode PartitionMachine::committed_verdict() const {
  return static_cast<std::int32_t>(maximal_isr().size()) < assignment_.min_isr
             ? ErrorCode::kNotEnoughReplicasAfterAppend
             : ErrorCode::kNone;
}

ErrorCode PartitionMachine::check_leader_epoch(LeaderEpoch epoch) const {
  if (epoch.value() < 0 || epoch == assignment_.leader_epoch) return ErrorCode::kNone;
  return epoch < assignment_.leader_epoch ? ErrorCode::kFencedLeaderEpoch
                                          : ErrorCode::kUnknownLeaderEpoch;
}

}  // namespace moldau::partition
