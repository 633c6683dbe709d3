// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/broker_config.h"

namespace moldau::config {

/// compression.type of a topic; from kNone on, the numbers are the codecs of record batches.
enum class TopicCompression : std::int8_t {
  kProducer = -1,
  kNone = 0,
  kGzip = 1,
  kSnappy = 2,
  kLz4 = 3,
  kZstd = 4,
};

/// The numbers are those of the batch attribute.
enum class TimestampType : std::int8_t { kCreateTime = 0, kLogAppendTime = 1 };

/// The effective configuration of a topic.
///
/// Path     broker (an image with new topics or configs) → effective_topic_config → log, replica.
/// Thread   immutable; shared by pointer.
/// Source   LogConfig of 4.3.
struct TopicConfig {
  /// cleanup.policy; with neither, nothing is ever removed.
  bool compact = false;
  bool delete_old = true;

  /// -1 means no limit.
  std::int64_t retention_ms = 0;
  /// -1 means no limit.
  std::int64_t retention_bytes = 0;
  std::int32_t segment_bytes = 0;
  std::int64_t segment_ms = 0;
  std::int64_t segment_jitter_ms = 0;
  std::int32_t segment_index_bytes = 0;
  std::int32_t index_interval_bytes = 0;
  std::int64_t file_delete_delay_ms = 0;
  bool preallocate = false;

  std::int64_t flush_messages = 0;
  std::int64_t flush_ms = 0;

  std::int32_t max_message_bytes = 0;
  TopicCompression compression_type = TopicCompression::kProducer;
  /// -1 is the library's default.
  std::int32_t compression_gzip_level = 0;
  std::int32_t compression_lz4_level = 0;
  std::int32_t compression_zstd_level = 0;
  TimestampType message_timestamp_type = TimestampType::kCreateTime;
  std::int64_t message_timestamp_before_max_ms = 0;
  std::int64_t message_timestamp_after_max_ms = 0;

  std::int64_t delete_retention_ms = 0;
  std::int64_t min_compaction_lag_ms = 0;
  std::int64_t max_compaction_lag_ms = 0;
  double min_cleanable_dirty_ratio = 0;

  std::int32_t min_insync_replicas = 0;
  bool unclean_leader_election_enable = false;
  /// "partition:broker" entries, or "*".
  std::vector<std::string> leader_replication_throttled_replicas;
  std::vector<std::string> follower_replication_throttled_replicas;

  bool remote_storage_enable = false;
  bool remote_log_copy_disable = false;
  bool remote_log_delete_on_disable = false;
  /// -2 means: as retention.
  std::int64_t local_retention_ms = 0;
  std::int64_t local_retention_bytes = 0;

  /// Keys that the topic sets itself.
  std::set<std::string, std::less<>> overridden;

  /// An append is acknowledged only when it is on stable storage.
  bool durable_acks() const { return flush_messages == 1; }
  /// A compacted log rolls in time for its max compaction lag.
  std::int64_t segment_ms_max() const {
    return compact && max_compaction_lag_ms > 0 ? std::min(max_compaction_lag_ms, segment_ms)
                                                : segment_ms;
  }
  std::int64_t initial_file_bytes() const { return preallocate ? segment_bytes : 0; }
  bool operator==(const TopicConfig&) const = default;
};

/// The effective configuration of a topic: its own configs over the broker's.
/// Errors   kInvalidConfig: an unknown key, a bad value, min.compaction.lag.ms above max.
/// Source   LogConfig.fromProps, KafkaConfig.extractLogConfigMap.
Result<TopicConfig> effective_topic_config(const BrokerConfig& broker, const ConfigMap& topic);

/// The same for configs read back from the metadata log, where a bad value must not stop us:
/// such entries are left out and reported.
TopicConfig replayed_topic_config(const BrokerConfig& broker, const ConfigMap& topic,
                                  std::vector<std::string>* problems);

/// Every topic key with its effective value, for describing it; bad entries are left out.
TopicValues topic_values(const BrokerConfig& broker, const ConfigMap& topic);

}  // namespace moldau::config
