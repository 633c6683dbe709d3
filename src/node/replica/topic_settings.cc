// SPDX-License-Identifier: Apache-2.0
#include "node/replica/topic_settings.h"

namespace moldau::replica {

log::LogConfig log_config_of(const config::TopicConfig& topic, const config::BrokerConfig& broker) {
  return log::log_config_of(topic, Millis(broker.values.producer_id_expiration_ms));
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
