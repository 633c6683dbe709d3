// SPDX-License-Identifier: Apache-2.0
#include "config/topic_config.h"

#include "config/field.h"

namespace moldau::config {
namespace {

TopicCompression compression_of(std::string_view name) {
  if (name == "uncompressed") return TopicCompression::kNone;
  if (name == "gzip") return TopicCompression::kGzip;
  if (name == "snappy") return TopicCompression::kSnappy;
  if (name == "lz4") return TopicCompression::kLz4;
  if (name == "zstd") return TopicCompression::kZstd;
  return TopicCompression::kProducer;
}

bool contains(const std::vector<std::string>& list, std::string_view entry) {
  return std::find(list.begin(), list.end(), entry) != list.end();
}

/// What a topic has that sets nothing.
TopicValues broker_defaults(const BrokerConfig& broker) {
  const BrokerValues& from = broker.values;
  auto out = default_values_of<TopicValues>(topic_schema());
  out.cleanup_policy = from.log_cleanup_policy;
  out.compression_gzip_level = from.compression_gzip_level;
  out.compression_lz4_level = from.compression_lz4_level;
  out.compression_type = from.compression_type;
  out.compression_zstd_level = from.compression_zstd_level;
  out.delete_retention_ms = from.log_cleaner_delete_retention_ms;
  out.file_delete_delay_ms = from.log_segment_delete_delay_ms;
  out.flush_messages = from.log_flush_interval_messages;
  out.flush_ms = broker.log_flush_interval_ms;
  out.index_interval_bytes = from.log_index_interval_bytes;
  out.local_retention_bytes = from.log_local_retention_bytes;
  out.local_retention_ms = from.log_local_retention_ms;
  out.max_compaction_lag_ms = from.log_cleaner_max_compaction_lag_ms;
  out.max_message_bytes = from.message_max_bytes;
  out.message_timestamp_after_max_ms = from.log_message_timestamp_after_max_ms;
  out.message_timestamp_before_max_ms = from.log_message_timestamp_before_max_ms;
  out.message_timestamp_type = from.log_message_timestamp_type;
  out.min_cleanable_dirty_ratio = from.log_cleaner_min_cleanable_ratio;
  out.min_compaction_lag_ms = from.log_cleaner_min_compaction_lag_ms;
  out.min_insync_replicas = from.min_insync_replicas;
  out.preallocate = from.log_preallocate;
  out.retention_bytes = from.log_retention_bytes;
  out.retention_ms = broker.log_retention_ms;
  out.segment_bytes = from.log_segment_bytes;
  out.segment_index_bytes = from.log_index_size_max_bytes;
  out.segment_jitter_ms = broker.log_roll_jitter_ms;
  out.segment_ms = broker.log_roll_ms;
  out.unclean_leader_election_enable = from.unclean_leader_election_enable;
  return out;
}

TopicConfig typed(TopicValues&& from) {
  TopicConfig out;
  out.compact = contains(from.cleanup_policy, "compact");
  out.delete_old = contains(from.cleanup_policy, "delete");
  out.retention_ms = from.retention_ms;
  out.retention_bytes = from.retention_bytes;
  out.segment_bytes = from.internal_segment_bytes.value_or(from.segment_bytes);
  out.segment_ms = from.segment_ms;
  out.segment_jitter_ms = from.segment_jitter_ms;
  out.segment_index_bytes = from.segment_index_bytes;
  out.index_interval_bytes = from.index_interval_bytes;
  out.file_delete_delay_ms = from.file_delete_delay_ms;
  out.preallocate = from.preallocate;
  out.flush_messages = from.flush_messages;
  out.flush_ms = from.flush_ms;
  out.max_message_bytes = from.max_message_bytes;
  out.compression_type = compression_of(from.compression_type);
  out.compression_gzip_level = from.compression_gzip_level;
  out.compression_lz4_level = from.compression_lz4_level;
  out.compression_zstd_level = from.compression_zstd_level;
  out.message_timestamp_type = from.message_timestamp_type == "LogAppendTime"
                                   ? TimestampType::kLogAppendTime
                                   : TimestampType::kCreateTime;
  out.message_timestamp_before_max_ms = from.message_timestamp_before_max_ms;
  out.message_timestamp_after_max_ms = from.message_timestamp_after_max_ms;
  out.delete_retention_ms = from.delete_retention_ms;
  out.min_compaction_lag_ms = from.min_compaction_lag_ms;
  out.max_compaction_lag_ms = from.max_compaction_lag_ms;
  out.min_cleanable_dirty_ratio = from.min_cleanable_dirty_ratio;
  out.min_insync_replicas = from.min_insync_replicas;
  out.unclean_leader_election_enable = from.unclean_leader_election_enable;
  out.leader_replication_throttled_replicas = std::move(from.leader_replication_throttled_replicas);
  out.follower_replication_throttled_replicas =
      std::move(from.follower_replication_throttled_replicas);
  out.remote_storage_enable = from.remote_storage_enable;
  out.remote_log_copy_disable = from.remote_log_copy_disable;
  out.remote_log_delete_on_disable = from.remote_log_delete_on_disable;
  out.local_retention_ms = from.local_retention_ms;
  out.local_retention_bytes = from.local_retention_bytes;
  return out;
}

Result<void> apply(TopicValues& values, std::string_view name, std::string_view text) {
  const ConfigSchema& schema = topic_schema();
  const ConfigKey* key = schema.find(name);
  if (key == nullptr) {
    return Error(ErrorCode::kInvalidConfig, "Unknown topic config name: " + std::string(name));
  }
  MOLDAU_ASSIGN_OR_RETURN(ConfigValue value, parse_value(*key, text));
  auto index = static_cast<std::size_t>(key - schema.keys().data());
  assign_field(values, fields_of(&values)[index], value);
  return {};
}

}  // namespace

Result<TopicConfig> effective_topic_config(const BrokerConfig& broker, const ConfigMap& topic) {
  TopicValues values = broker_defaults(broker);
  for (const auto& [name, text] : topic) MOLDAU_TRY(apply(values, name, text));
  if (values.min_compaction_lag_ms > values.max_compaction_lag_ms) {
    return Error(ErrorCode::kInvalidConfig,
                 "conflict topic config setting min.compaction.lag.ms (" +
                     std::to_string(values.min_compaction_lag_ms) + ") > max.compaction.lag.ms (" +
                     std::to_string(values.max_compaction_lag_ms) + ")");
  }
  TopicConfig out = typed(std::move(values));
  for (const auto& [name, text] : topic) out.overridden.insert(name);
  return out;
}

TopicConfig replayed_topic_config(const BrokerConfig& broker, const ConfigMap& topic,
                                  std::vector<std::string>* problems) {
  TopicValues values = broker_defaults(broker);
  std::set<std::string, std::less<>> overridden;
  for (const auto& [name, text] : topic) {
    Result<void> applied = apply(values, name, text);
    if (applied.ok()) {
      overridden.insert(name);
    } else if (problems != nullptr) {
      problems->push_back(applied.error().detail);
    }
  }
  TopicConfig out = typed(std::move(values));
  out.overridden = std::move(overridden);
  return out;
}

TopicValues topic_values(const BrokerConfig& broker, const ConfigMap& topic) {
  TopicValues values = broker_defaults(broker);
  for (const auto& [name, text] : topic) {
    // A bad entry is reported where it is replayed; here the broker's value stands.
    if (!apply(values, name, text).ok()) continue;
  }
  return values;
}

}  // namespace moldau::config
