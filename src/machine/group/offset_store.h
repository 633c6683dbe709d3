// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/types.h"

namespace moldau::group {

/// What a group has committed for a partition.
struct CommittedOffset {
  Offset offset{0};
  /// -1: none.
  LeaderEpoch leader_epoch{-1};
  std::string metadata;
  Timestamp commit{0};
  /// -1: as the retention says. Set by old clients only.
  Timestamp expire{-1};
  /// Zero if the commit did not name it.
  TopicId topic_id;
  /// Grows with the place in the log; later commits win over those of a transaction.
  std::uint64_t sequence = 0;
};

using PartitionOffsets = std::map<PartitionId, CommittedOffset>;
/// By topic name.
using TopicOffsets = std::map<std::string, PartitionOffsets, std::less<>>;
/// By group id.
using GroupOffsets = std::map<std::string, TopicOffsets, std::less<>>;

/// Committed offsets of all groups of the partition, and those of open transactions.
///
/// Owner    all of them.
/// Thread   a value of the partition's shard.
/// Source   OffsetMetadataManager; KIP-98, KIP-447.
class OffsetStore {
 public:
  void put(std::string_view group, std::string_view topic, PartitionId partition,
           CommittedOffset offset);
  void put_pending(ProducerId producer, std::string_view group, std::string_view topic,
                   PartitionId partition, CommittedOffset offset);
  /// Of transactions too.
  void remove(std::string_view group, std::string_view topic, PartitionId partition);
  void end_transaction(ProducerId producer, bool commit);

  /// Null if the group has none.
  const TopicOffsets* topics(std::string_view group) const;
  const CommittedOffset* find(std::string_view group, std::string_view topic,
                              PartitionId partition) const;
  bool is_pending(std::string_view group, std::string_view topic, PartitionId partition) const;
  bool has_transactions(std::string_view group) const { return transactions_.contains(group); }
  /// Partitions with offsets, committed or pending, each once.
  std::map<std::string_view, std::set<PartitionId>> partitions(std::string_view group) const;
  /// The first group at or behind `from` that has offsets, committed or pending.
  std::optional<std::string> group_from(std::string_view from) const;

  std::int64_t count() const { return count_; }
  std::size_t open_transactions() const { return pending_.size(); }

 private:
  GroupOffsets committed_;
  std::int64_t count_ = 0;
  std::map<ProducerId, GroupOffsets> pending_;
  /// Producers with pending offsets, by group.
  std::map<std::string, std::set<ProducerId>, std::less<>> transactions_;
};

}  // namespace moldau::group
