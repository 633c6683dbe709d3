// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/strong.h"
#include "base/uuid.h"

namespace moldau {

/// A position in a partition's log; -1 is "none" where Kafka says so.
using Offset = Strong<struct OffsetTag, std::int64_t>;
using LeaderEpoch = Strong<struct LeaderEpochTag, std::int32_t>;
using PartitionEpoch = Strong<struct PartitionEpochTag, std::int32_t>;
using BrokerEpoch = Strong<struct BrokerEpochTag, std::int64_t>;
using NodeId = Strong<struct NodeIdTag, std::int32_t>;
using PartitionId = Strong<struct PartitionIdTag, std::int32_t>;
using ProducerId = Strong<struct ProducerIdTag, std::int64_t>;
using ProducerEpoch = Strong<struct ProducerEpochTag, std::int16_t>;
using TopicId = Uuid;
using DirectoryId = Uuid;

/// Milliseconds since 1970, as records carry them; -1 is "none".
using Timestamp = Strong<struct TimestampTag, std::int64_t>;
/// A span of milliseconds.
using Millis = Strong<struct MillisTag, std::int64_t>;
/// Nanoseconds of the monotonic clock; only differences have a meaning.
using MonoTime = Strong<struct MonoTimeTag, std::int64_t>;

constexpr MonoTime operator+(MonoTime t, Millis span) {
  return t + span.value() * 1'000'000;
}

using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline ByteView as_view(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A partition by name, as log directories and old API versions call it.
struct TopicPartition {
  std::string topic;
  PartitionId partition;
  auto operator<=>(const TopicPartition&) const = default;
  /// "topic-3", the name of its directory.
  std::string text() const { return topic + "-" + std::to_string(partition.value()); }
};

/// A partition by topic id, the key of everything in memory: a re-created topic is another one.
struct TopicIdPartition {
  TopicId topic_id;
  PartitionId partition;
  auto operator<=>(const TopicIdPartition&) const = default;
};

}  // namespace moldau

template <>
struct std::hash<moldau::TopicIdPartition> {
  std::size_t operator()(const moldau::TopicIdPartition& p) const {
    return std::hash<moldau::Uuid>()(p.topic_id) * 31 +
           static_cast<std::size_t>(p.partition.value());
  }
};
