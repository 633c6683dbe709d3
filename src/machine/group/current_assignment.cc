// SPDX-License-Identifier: Apache-2.0
#include "machine/group/current_assignment.h"

#include <algorithm>
#include <utility>

namespace moldau::group {
namespace {

bool owns_any(const OwnedPartitions& owned, const EpochAssignment& of) {
  // Who does not say may still have them.
  if (!owned) return true;
  for (const auto& [topic, partitions] : *owned) {
    const auto at = of.find(topic);
    if (at == of.end()) continue;
    for (const PartitionId partition : partitions) {
      if (at->second.contains(partition)) return true;
    }
  }
  return false;
}

bool is_revoking(const ConsumerMember& member, const TopicId& topic, PartitionId partition) {
  const auto at = member.revoking.find(topic);
  return at != member.revoking.end() && at->second.contains(partition);
}

bool is_in(const assignor::Assignment& target, const TopicId& topic, PartitionId partition) {
  const auto at = target.find(topic);
  return at != target.end() && std::binary_search(at->second.begin(), at->second.end(), partition);
}

ConsumerMember next_assignment(const ConsumerMember& member, const Reconciliation& how) {
  EpochAssignment kept;
  EpochAssignment revoking;
  for (const auto& [topic, partitions] : member.assigned) {
    const bool subscribes = how.subscribed.contains(topic);
    for (const auto& [partition, epoch] : partitions) {
      const bool stays = subscribes && is_in(how.target, topic, partition);
      (stays ? kept : revoking)[topic].emplace(partition, epoch);
    }
  }
  ConsumerMember out = member;
  if (!revoking.empty() && owns_any(how.owned, revoking)) {
    out.set_epoch(member.epoch);
    out.state = MemberState::kUnrevokedPartitions;
    out.assigned = std::move(kept);
    out.revoking = std::move(revoking);
    return out;
  }
  bool has_unreleased = false;
  for (const auto& [topic, partitions] : how.target) {
    if (!how.subscribed.contains(topic)) continue;
    for (const PartitionId partition : partitions) {
      const auto at = kept.find(topic);
      if (at != kept.end() && at->second.contains(partition)) continue;
      // What it is giving up itself it may have again.
      if (how.group.partition_epoch(topic, partition) != -1 &&
          !is_revoking(member, topic, partition)) {
        has_unreleased = true;
        continue;
      }
      kept[topic].emplace(partition, how.target_epoch);
    }
  }
  out.set_epoch(how.target_epoch);
  out.state = has_unreleased ? MemberState::kUnreleasedPartitions : MemberState::kStable;
  out.assigned = std::move(kept);
  out.revoking.clear();
  return out;
}

/// Takes away what it does not subscribe to any more, before there is a new target.
ConsumerMember without_unsubscribed(const ConsumerMember& member, const Reconciliation& how) {
  ConsumerMember out = member;
  // Who subscribes to nothing is written anew in any case, as by Apache.
  bool changed = how.subscribed.empty() && member.revoking.empty();
  for (const auto& [topic, partitions] : member.assigned) {
    if (how.subscribed.contains(topic)) continue;
    changed = true;
    out.assigned.erase(topic);
    auto& revoking = out.revoking[topic];
    for (const auto& [partition, epoch] : partitions) revoking.insert_or_assign(partition, epoch);
  }
  if (!changed) return out;
  out.set_epoch(member.epoch);
  if (!out.revoking.empty() && owns_any(how.owned, out.revoking)) {
    out.state = MemberState::kUnrevokedPartitions;
  } else {
    out.revoking = member.revoking;
  }
  return out;
}

}  // namespace

Result<ConsumerMember> reconcile(const ConsumerMember& member, const Reconciliation& how) {
  switch (member.state) {
    case MemberState::kStable:
      if (member.epoch != how.target_epoch) return next_assignment(member, how);
      if (how.subscription_changed) return without_unsubscribed(member, how);
      return member;
    case MemberState::kUnrevokedPartitions:
      if (!owns_any(how.owned, member.revoking)) return next_assignment(member, how);
      if (how.subscription_changed) return without_unsubscribed(member, how);
      return member;
    case MemberState::kUnreleasedPartitions:
      return next_assignment(member, how);
    case MemberState::kUnknown:
      break;
  }
  if (!how.owned || !how.owned->empty()) {
    return Error(ErrorCode::kFencedMemberEpoch,
                 "The consumer group member is in a unknown state. The member must abandon all its "
                 "partitions and rejoin.");
  }
  return next_assignment(member, how);
}

}  // namespace moldau::group
