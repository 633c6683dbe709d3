// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "machine/group/classic_member.h"

namespace moldau::group {

/// The numbers are on disk.
enum class MemberState : std::int8_t {
  /// It has what it is to have in its epoch.
  kStable = 0,
  /// It must give up partitions before it gets to the next epoch.
  kUnrevokedPartitions = 1,
  /// Partitions that it is to have are still with others.
  kUnreleasedPartitions = 2,
  /// Written by a later version.
  kUnknown = 127,
};

/// Partitions with the member epoch in which the member got each; fences commits of the past.
using EpochAssignment = std::map<TopicId, std::map<PartitionId, std::int32_t>>;

/// What a member that uses the classic protocol has said in JoinGroup.
struct ClassicMemberMetadata {
  Millis session_timeout{0};
  MemberProtocols protocols;
  bool operator==(const ClassicMemberMetadata&) const = default;
};

/// A member of a consumer group, as two records say it.
/// Thread   a value of the partition's shard.
/// Source   ConsumerGroupMember.
struct ConsumerMember {
  std::string id;

  // ConsumerGroupMemberMetadata.
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  /// Rising, each once.
  std::vector<std::string> topics;
  /// Empty, or null in old records: none.
  std::optional<std::string> regex = std::string();
  /// -1: not said yet.
  std::int32_t rebalance_timeout_ms = -1;
  std::optional<std::string> assignor;
  std::optional<ClassicMemberMetadata> classic;

  // ConsumerGroupCurrentMemberAssignment.
  std::int32_t epoch = 0;
  std::int32_t previous_epoch = -1;
  MemberState state = MemberState::kStable;
  EpochAssignment assigned;
  EpochAssignment revoking;

  bool operator==(const ConsumerMember&) const = default;

  bool uses_classic_protocol() const { return classic.has_value(); }
  bool has_regex() const { return regex && !regex->empty(); }
  bool is_reconciled_to(std::int32_t group_epoch) const {
    return state == MemberState::kStable && epoch == group_epoch;
  }
  void set_epoch(std::int32_t next) {
    previous_epoch = epoch;
    epoch = next;
  }
};

/// Member epochs of a request that are none.
inline constexpr std::int32_t kJoinEpoch = 0;
inline constexpr std::int32_t kLeaveEpoch = -1;
/// A static member that will come back.
inline constexpr std::int32_t kLeaveStaticEpoch = -2;

}  // namespace moldau::group
