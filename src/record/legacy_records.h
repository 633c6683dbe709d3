// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/buffer.h"
#include "base/result.h"
#include "record/batch_view.h"
#include "record/compression.h"
#include "record/record_view.h"

namespace moldau::record {

/// The records in one old message (magic 0 or 1): itself, or what a compressed one wraps.
///
/// Path     RecordIterator → this → decompress.
/// Owner    borrows the batch; owns what it decompressed.
/// Thread   shard-bound, as the context.
/// Bounds   context.limits for the decompressed set; every size against the bytes at hand.
/// Errors   kInvalidRecord: no inner message, an inner message compressed again, zstd, a null
///          value, sizes that lead outside; kCorruptMessage: an inner message below 14 bytes.
/// Source   AbstractLegacyRecordBatch, LegacyRecord; KIP-31, KIP-32.
class LegacyRecords {
 public:
  static Result<LegacyRecords> open(BatchView batch, CompressionContext& context);

  /// False at the end.
  Result<bool> next(RecordView& record);

 private:
  explicit LegacyRecords(BatchView batch) : batch_(batch) {}
  Result<void> open_wrapper(CompressionContext& context);

  BatchView batch_;
  Slice inner_;
  std::size_t position_ = 0;
  /// What is added to the offsets of inner messages (magic 1 counts them from the wrapper's first).
  std::int64_t offset_base_ = 0;
  bool wrapper_ = false;
  bool done_ = false;
};

}  // namespace moldau::record
