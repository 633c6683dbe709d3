// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "base/buffer.h"
#include "base/result.h"
#include "base/types.h"
#include "record/batch_view.h"
#include "record/compression.h"
#include "record/record_view.h"

namespace moldau::record {

/// What the cleaner has decided about a batch before it looks at the records.
struct FilterRules {
  /// Keep the header if no record stays: it holds a producer's last sequence, or the marker of a
  /// transaction that still has records.
  bool retain_empty = false;
  /// The batch is the marker of a transaction none of whose records is left; from now on it waits
  /// for its delete horizon like a tombstone.
  bool marker_of_empty_transaction = false;
  Timestamp now;
  /// delete.retention.ms
  Millis delete_retention{0};
};

enum class FilterAction : std::uint8_t {
  kKeep,     // write the batch as it is
  kReplace,  // write FilteredBatch::bytes
  kDrop,     // write nothing
};

/// What becomes of a batch, and what the indexes need to know of it.
struct FilteredBatch {
  FilterAction action = FilterAction::kDrop;
  Slice bytes;
  std::int32_t records_read = 0;
  std::int32_t records_retained = 0;
  /// Of what is written; -1 if nothing is.
  Timestamp max_timestamp = kNoTimestamp;
  Offset last_offset{-1};
};

/// Asked once for every record of a batch, in order.
using KeepRecord = std::function<bool(const RecordView&)>;

/// Compaction of one batch: keeps some records. What stays of a batch has its base offset, last
/// offset and sequences, so that producers and offsets see no change. Tombstones that stay get a
/// delete horizon, once: the batch is then rewritten, its base timestamp being the horizon.
/// Old messages (magic 0, 1) become batches of magic 2.
///
/// Path     log cleaner → this → the cleaned segment.
/// Owner    `batch` and `context` are borrowed for the call.
/// Thread   the context's; pure otherwise.
/// Bounds   one batch, decompressed twice if it is rewritten; memory: its records that stay.
/// Errors   kInvalidRecord, kMessageTooLarge and such, as RecordIterator; the batch is then not
///          to be dropped.
/// Source   MemoryRecords.filterTo; KIP-534 (delete horizon).
Result<FilteredBatch> filter_batch(const BatchView& batch, const FilterRules& rules,
                                   const KeepRecord& keep, CompressionContext& context);

}  // namespace moldau::record
