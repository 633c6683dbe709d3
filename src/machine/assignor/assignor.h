// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace moldau::assignor {

/// Partitions of a topic: rising, each once.
using PartitionIds = std::vector<PartitionId>;
/// What a member has of each topic; no topic without partitions.
using Assignment = std::map<TopicId, PartitionIds>;

/// A member of the group to assign to. Borrows from the group.
/// Thread   a value.
struct MemberSpec {
  std::optional<std::string_view> instance_id;
  std::optional<std::string_view> rack_id;
  /// Rising, each once; topics that exist.
  std::vector<TopicId> topics;
  /// What it was to have so far; null if nothing.
  const Assignment* target = nullptr;
};

enum class SubscriptionType : std::uint8_t {
  /// All members subscribe to the same topics.
  kHomogeneous,
  kHeterogeneous,
};

/// Everything that an assignor may look at.
/// Thread   a value.
/// Source   GroupSpecImpl, SubscribedTopicDescriberImpl.
struct GroupSpec {
  /// By member id.
  std::map<std::string_view, MemberSpec> members;
  SubscriptionType subscription_type = SubscriptionType::kHomogeneous;
  /// How many partitions each topic has.
  std::map<TopicId, std::int32_t> partition_counts;
  /// By topic and partition: somebody was to have it so far. Missing is no.
  std::map<TopicId, std::vector<bool>> assigned;
  /// Only these may be assigned, if set (share groups).
  std::optional<Assignment> assignable;

  /// Nothing if there is no such topic.
  std::optional<std::int32_t> partition_count(const TopicId& topic) const {
    const auto at = partition_counts.find(topic);
    if (at == partition_counts.end()) return std::nullopt;
    return at->second;
  }
  bool is_assigned(const TopicId& topic, std::int32_t partition) const {
    const auto at = assigned.find(topic);
    return at != assigned.end() && static_cast<std::size_t>(partition) < at->second.size() &&
           at->second[static_cast<std::size_t>(partition)];
  }
};

/// By member id; a member that is missing gets nothing.
using GroupAssignment = std::map<std::string, Assignment, std::less<>>;

}  // namespace moldau::assignor
