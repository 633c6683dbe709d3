// SPDX-License-Identifier: Apache-2.0
#include "machine/share/share_key.h"

#include <charconv>

#include "base/hash.h"

namespace moldau::share {

std::string SharePartitionKey::text() const {
  return group_id + ":" + topic_id.text() + ":" + std::to_string(partition.value());
}

TopicIdPartition SharePartitionKey::topic_partition() const {
  TopicIdPartition id;
  id.topic_id = topic_id;
  id.partition = partition;
  return id;
}

PartitionId SharePartitionKey::state_partition(std::size_t partitions) const {
  return state_partition_of(text(), partitions);
}

PartitionId state_partition_of(std::string_view key_text, std::size_t partitions) {
  return PartitionId(java_abs(java_string_hash(key_text)) % static_cast<std::int32_t>(partitions));
}

bool is_share_key(std::string_view text) {
  const std::size_t number_at = text.rfind(':');
  if (number_at == std::string_view::npos || number_at == 0) return false;
  const std::size_t topic_at = text.rfind(':', number_at - 1);
  if (topic_at == std::string_view::npos || topic_at == 0) return false;
  const std::string_view number = text.substr(number_at + 1);
  std::int32_t parsed = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), parsed);
  if (error != std::errc() || end != number.data() + number.size()) return false;
  return Uuid::parse(text.substr(topic_at + 1, number_at - topic_at - 1)).has_value();
}

}  // namespace moldau::share
