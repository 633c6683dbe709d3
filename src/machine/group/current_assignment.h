// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <vector>

#include "machine/assignor/assignor.h"
#include "machine/group/consumer_group.h"

namespace moldau::group {

/// Partitions that a member says it owns; rising. Nothing: it does not say.
using OwnedPartitions = std::optional<std::map<TopicId, std::set<PartitionId>>>;

/// What brings a member nearer to its target.
/// Owner    borrows everything for the call.
struct Reconciliation {
  Reconciliation(const ConsumerGroup& g, const assignor::Assignment& t, std::int32_t e,
                 const std::set<TopicId>& s, const OwnedPartitions& o, bool c)
      : group(g), target(t), target_epoch(e), subscribed(s), owned(o), subscription_changed(c) {}
  /// Says who has which partition now.
  const ConsumerGroup& group;
  const assignor::Assignment& target;
  std::int32_t target_epoch;
  /// Topics that the member subscribes to: it keeps no others.
  const std::set<TopicId>& subscribed;
  const OwnedPartitions& owned;
  bool subscription_changed;
};

/// The member as it is to be now: it gives up what is not in its target, then gets to the target's
/// epoch with the partitions that nobody else has any more. kFencedMemberEpoch for a member in a
/// state that is not known here, unless it owns nothing.
/// Thread   pure.
/// Source   CurrentAssignmentBuilder; KIP-848.
Result<ConsumerMember> reconcile(const ConsumerMember& member, const Reconciliation& how);

}  // namespace moldau::group
