// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "base/result.h"
#include "base/types.h"
#include "record/batch_view.h"
#include "record/compression.h"
#include "record/record_view.h"

namespace moldau::record {

class RecordWindow;
class LegacyRecords;

/// Walks the records of one batch of any magic and codec, every length checked.
///
///   RecordIterator records(batch, context);
///   RecordView record;
///   while (records.next(record)) …
///   MOLDAU_TRY(records.status());
///
/// Owner    borrows the batch's bytes and the context; of a compressed batch the views in a
///          RecordView live until the next next(), of others as long as the bytes.
/// Thread   as the context; several iterators may be open at a time.
/// Bounds   the record count of the header and the length of each record against the bytes; of a
///          compressed batch a window (grown to the largest record, within context.limits). Old
///          compressed messages are decompressed whole, since the last inner offset comes first.
/// Errors   kInvalidRecord: records that do not hold together, bytes left over, damaged
///          compression; kCorruptMessage: an old inner message too small; as Decompressor.
/// Source   DefaultRecordBatch.iterator, AbstractLegacyRecordBatch.DeepRecordsIterator.
class RecordIterator {
 public:
  RecordIterator(BatchView batch, CompressionContext& context);
  ~RecordIterator();
  RecordIterator(const RecordIterator&) = delete;
  RecordIterator& operator=(const RecordIterator&) = delete;

  /// False at the end and at the first error.
  bool next(RecordView& record);
  /// Fine as long as no error was met.
  const Result<void>& status() const { return status_; }

 private:
  bool fail(Error error);
  bool next_raw(RawRecord& raw);
  bool check_end();

  BatchView batch_;
  std::int64_t base_offset_;
  std::int64_t base_timestamp_;
  std::int32_t base_sequence_;
  std::optional<Timestamp> log_append_time_;
  std::int32_t left_;
  const std::byte* p_ = nullptr;
  const std::byte* end_ = nullptr;
  std::unique_ptr<RecordWindow> window_;
  std::unique_ptr<LegacyRecords> legacy_;
  Result<void> status_;
};

}  // namespace moldau::record
