// SPDX-License-Identifier: Apache-2.0
#include "log/log_config.h"

#include "config/topic_config.h"

namespace moldau::log {

LogConfig log_config_of(const config::TopicConfig& topic, Millis producer_id_expiration) {
  LogConfig out;
  out.segment_bytes = topic.segment_bytes;
  out.segment_ms = Millis(topic.segment_ms_max());
  out.segment_jitter_ms = Millis(topic.segment_jitter_ms);
  out.index_interval_bytes = topic.index_interval_bytes;
  out.segment_index_bytes = topic.segment_index_bytes;
  out.max_message_bytes = topic.max_message_bytes;
  out.preallocate = topic.preallocate;
  out.cleanup_delete = topic.delete_old;
  out.cleanup_compact = topic.compact;
  out.retention_ms = Millis(topic.retention_ms);
  out.retention_bytes = topic.retention_bytes;
  out.file_delete_delay_ms = Millis(topic.file_delete_delay_ms);
  out.flush_messages = topic.flush_messages;
  out.flush_ms = Millis(topic.flush_ms);
  out.min_cleanable_dirty_ratio = topic.min_cleanable_dirty_ratio;
  out.min_compaction_lag_ms = Millis(topic.min_compaction_lag_ms);
  out.max_compaction_lag_ms = Millis(topic.max_compaction_lag_ms);
  out.delete_retention_ms = Millis(topic.delete_retention_ms);
  out.producer_id_expiration_ms = producer_id_expiration;
  return out;
}

}  // namespace moldau::log
