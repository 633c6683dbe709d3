// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/buffer.h"
#include "env/env.h"
#include "log/log_view.h"
#include "record/compression.h"
#include "record/keyed_record.h"

namespace moldau::coordinator {

/// One batch of an internal topic, as it lies in the log.
struct LoggedBatch {
  record::KeyedBatch content;
  Offset base_offset{0};
  /// Set for the end of a transaction of content.producer_id.
  bool is_marker = false;
  bool is_commit = false;
};

/// A piece of a log, read by the pool.
struct LoggedPiece {
  std::vector<LoggedBatch> batches;
  /// Where the next piece begins.
  Offset next{0};
  /// Batches that were left out, as they hold no records that can be read.
  std::uint64_t damaged = 0;
};

/// *Blocking.* Reads whole batches from `from` on, until about `bytes_max` are read or the view
/// ends.
/// Thread   any thread.
/// Errors   kKafkaStorageError (os_error ENOENT if a segment is gone: take a new view),
///          kOffsetOutOfRange, kCorruptMessage.
Result<LoggedPiece> read_piece(const log::LogView& view, Offset from, std::uint32_t bytes_max);

/// The batch that `content` is in the log.
/// Errors   as BatchBuilder.
Result<Slice> build_batch(const record::KeyedBatch& content, record::CompressionType type,
                          Timestamp now, record::CompressionContext& context);

}  // namespace moldau::coordinator
