// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace moldau::log {

inline constexpr const char* kRecoveryPointCheckpoint = "recovery-point-offset-checkpoint";
inline constexpr const char* kLogStartCheckpoint = "log-start-offset-checkpoint";
inline constexpr const char* kReplicationCheckpoint = "replication-offset-checkpoint";
inline constexpr const char* kCleanerCheckpoint = "cleaner-offset-checkpoint";

/// The content of a checkpoint file: an offset per partition.
///
///   0
///   <number of rows>
///   <topic> <partition> <offset>
///
/// Thread   a value.
/// Bounds   parse() refuses more than kRowsMax rows; the file's size is bounded by its reader.
/// Errors   parse: kCorruptMessage.
/// Source   OffsetCheckpointFile.
struct OffsetCheckpoint {
  static constexpr std::size_t kRowsMax = 10'000'000;
  static constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;

  std::map<TopicPartition, Offset> offsets;

  std::string serialize() const;
  static Result<OffsetCheckpoint> parse(std::string_view text);
};

/// The mark of a clean shutdown, .kafka_cleanshutdown: {"version":0,"brokerEpoch":17}.
inline constexpr const char* kCleanShutdownName = ".kafka_cleanshutdown";
std::string serialize_clean_shutdown(BrokerEpoch epoch);
/// The broker epoch; -1 for the empty file of old versions.
/// Errors   kCorruptMessage.
Result<BrokerEpoch> parse_clean_shutdown(std::string_view text);

}  // namespace moldau::log
