// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/types.h"

namespace moldau::sim {

/// A partition as the model knows it: by topic id, with what its topic promises.
struct PartitionKey {
  TopicId topic;
  PartitionId index;
  auto operator<=>(const PartitionKey&) const = default;
  std::string text() const { return topic.text() + "-" + std::to_string(index.value()); }
};

/// How many lives of the node had ended when something was asked for: its answer may come late.
using Life = std::uint64_t;

/// A record that a client was told is in the log.
struct Acked {
  PartitionKey partition;
  Offset offset;
  std::string value;
  /// The topic has flush.messages=1: it must survive a power cut too.
  bool durable = false;
  Life life = 0;
};

/// A batch that a client read, with what its producer wrote into it.
struct ReadBatch {
  Offset base_offset;
  Offset last_offset;
  ProducerId producer{-1};
  ProducerEpoch epoch{-1};
  std::int32_t base_sequence = -1;
  std::vector<std::pair<Offset, std::string>> records;
  Life life = 0;
};

struct Watermarks {
  PartitionKey partition;
  /// When it was asked for and answered, in events of the world: answers of several connections
  /// may pass each other.
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  Offset log_start;
  Offset high_watermark;
  bool durable = false;
  Life life = 0;
};

/// DeleteRecords was answered with success.
struct DeletionAcked {
  PartitionKey partition;
  Offset low_watermark;
  std::uint64_t answered = 0;
};

/// The key of a record with such a value: models write it into the value too, behind an @.
inline std::string key_of(const std::string& value) {
  const auto at = value.find('@');
  return at == std::string::npos ? std::string() : value.substr(at, value.find('|') - at);
}

/// A partition read from its log start to its end.
struct FullRead {
  PartitionKey partition;
  Offset log_start;
  Offset end;
  bool durable = false;
  std::vector<ReadBatch> batches;
  /// When the log start was asked for.
  std::uint64_t asked = 0;
  /// Retention may move the log start; compaction may take records whose key has a later one.
  bool expires = false;
  bool compacted = false;
};

/// How a life of the node ended.
enum class DeathKind { kStop, kKill, kPowerCut };

}  // namespace moldau::sim
