// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

#include "base/types.h"

namespace moldau::config {
struct TopicConfig;
}

namespace moldau::log {

/// What a partition log must know of its topic's (and broker's) configuration; log_config_of()
/// takes it from the typed snapshot.
/// Thread   a value.
/// Source   LogConfig; the keys are named in the comments.
struct LogConfig {
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  std::int32_t segment_bytes = 1 << 30;            // segment.bytes, internal.segment.bytes
  Millis segment_ms{7LL * 24 * 3600 * 1000};       // segment.ms
  Millis segment_jitter_ms{0};                     // segment.jitter.ms
  std::int32_t index_interval_bytes = 4096;        // index.interval.bytes
  std::int32_t segment_index_bytes = 10 << 20;     // segment.index.bytes
  std::int32_t max_message_bytes = 1048588;        // max.message.bytes
  bool preallocate = false;                        // preallocate
  bool cleanup_delete = true;                      // cleanup.policy
  bool cleanup_compact = false;                    // cleanup.policy
  Millis retention_ms{7LL * 24 * 3600 * 1000};     // retention.ms; negative: no limit
  std::int64_t retention_bytes = -1;               // retention.bytes; negative: no limit
  Millis file_delete_delay_ms{60'000};             // file.delete.delay.ms
  std::int64_t flush_messages = kNever;            // flush.messages
  Millis flush_ms{kNever};                         // flush.ms
  double min_cleanable_dirty_ratio = 0.5;          // min.cleanable.dirty.ratio
  Millis min_compaction_lag_ms{0};                 // min.compaction.lag.ms
  Millis max_compaction_lag_ms{kNever};            // max.compaction.lag.ms
  Millis delete_retention_ms{24LL * 3600 * 1000};  // delete.retention.ms
  Millis producer_id_expiration_ms{86'400'000};    // producer.id.expiration.ms

  /// One fsync per append, shared by all that wait (durable acks).
  bool durable_acks() const { return flush_messages == 1; }
};

LogConfig log_config_of(const config::TopicConfig& topic, Millis producer_id_expiration);

}  // namespace moldau::log
