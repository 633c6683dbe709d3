// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

#include "base/types.h"

namespace moldau::share {

/// A topic partition as one share group sees it.
/// Thread   a value.
/// Source   SharePartitionKey; KIP-932.
struct SharePartitionKey {
  SharePartitionKey() = default;
  SharePartitionKey(std::string group, TopicId topic, PartitionId index)
      : group_id(std::move(group)), topic_id(topic), partition(index) {}

  std::string group_id;
  TopicId topic_id;
  PartitionId partition;
  auto operator<=>(const SharePartitionKey&) const = default;

  /// "group:topicId:partition", the key that FindCoordinator is asked for.
  std::string text() const;
  TopicIdPartition topic_partition() const;
  /// Which of `partitions` of `__share_group_state` keeps it.
  PartitionId state_partition(std::size_t partitions) const;
};

/// The partition of `__share_group_state` for a key as FindCoordinator has it.
PartitionId state_partition_of(std::string_view key_text, std::size_t partitions);
/// True if `text` is a key: a group, a topic id and a number.
bool is_share_key(std::string_view text);

}  // namespace moldau::share
