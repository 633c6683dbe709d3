// SPDX-License-Identifier: Apache-2.0
#include "node/replica/topic_settings.h"

namespace moldau::replica {

log::LogConfig log_config_of(const config::TopicConfig& topic, const config::BrokerConfig& broker) {
  log::LogConfig log;
  log.segment_bytes = topic.segment_bytes;
  log.segment_ms = Millis(topic.segment_ms_max());
  log.segment_jitter_ms = Millis(topic.segment_jitter_ms);
  log.index_interval_bytes = topic.index_interval_bytes;
  log.segment_index_bytes = topic.segment_index_bytes;
  log.max_message_bytes = topic.max_message_bytes;
  log.preallocate = topic.preallocate;
  log.cleanup_delete = topic.delete_old;
  log.cleanup_compact = topic.compact;
  log.retention_ms = Millis(topic.retention_ms);
  log.retention_bytes = topic.retention_bytes;
  log.file_delete_delay_ms = Millis(topic.file_delete_delay_ms);
  log.flush_messages = topic.flush_messages;
  log.flush_ms = Millis(topic.flush_ms);
  log.min_cleanable_dirty_ratio = topic.min_cleanable_dirty_ratio;
  log.min_compaction_lag_ms = Millis(topic.min_compaction_lag_ms);
  log.max_compaction_lag_ms = Millis(topic.max_compaction_lag_ms);
  log.delete_retention_ms = Millis(topic.delete_retention_ms);
  log.producer_id_expiration_ms = Millis(broker.values.producer_id_expiration_ms);
  return log;
}

record::ValidateOptions validate_options_of(const config::TopicConfig& topic) {
  record::ValidateOptions options;
  if (topic.compression_type != config::TopicCompression::kProducer) {
    record::Compression wanted;
    wanted.type = static_cast<record::CompressionType>(topic.compression_type);
    if (wanted.type == record::CompressionType::kGzip) wanted.level = topic.compression_gzip_level;
    if (wanted.type == record::CompressionType::kLz4) wanted.level = topic.compression_lz4_level;
    if (wanted.type == record::CompressionType::kZstd) wanted.level = topic.compression_zstd_level;
    options.compression = wanted;
  }
  options.compacted = topic.compact;
  options.timestamp_type = topic.message_timestamp_type == config::TimestampType::kLogAppendTime
                               ? record::TimestampType::kLogAppendTime
                               : record::TimestampType::kCreateTime;
  options.timestamp_before_max = Millis(topic.message_timestamp_before_max_ms);
  options.timestamp_after_max = Millis(topic.message_timestamp_after_max_ms);
  options.message_bytes_max = static_cast<std::size_t>(topic.max_message_bytes);
  return options;
}

}  // namespace moldau::replica
