// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/buffer.h"
#include "base/result.h"
#include "base/types.h"
#include "record/batch_view.h"
#include "record/compression.h"
#include "record/record_view.h"

namespace moldau::record {

/// The header of a batch to be built.
struct BatchFields {
  Offset base_offset{0};
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  Compression compression;
  TimestampType timestamp_type = TimestampType::kCreateTime;
  /// The max timestamp of the batch if the type is append time.
  Timestamp log_append_time = kNoTimestamp;
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  std::int32_t base_sequence = kNoSequence;
  bool transactional = false;
  bool control = false;
  std::optional<Timestamp> delete_horizon;
};

/// One record to be appended; everything is borrowed for the call.
struct RecordFields {
  Timestamp timestamp = kNoTimestamp;
  NullableBytes key;
  NullableBytes value;
  std::span<const HeaderView> headers;
};

/// Builds one v2 batch.
///
/// Owner    owns what it has written; build() gives it away, then the builder is spent.
/// Thread   a value, shard-bound through the context given to build().
/// Bounds   the batch must stay below 2 GiB and its offsets within 2^31-1 of the first.
/// Errors   kInvalidTimestamp: below -1; kInvalidRecord: an offset that does not increase or is
///          too far from the first; kMessageTooLarge: 2 GiB; build(): as compress().
///          MOLDAU_CHECKs control records in data batches and the reverse.
/// Source   MemoryRecordsBuilder.
class BatchBuilder {
 public:
  explicit BatchBuilder(const BatchFields& fields, std::size_t size_hint = 512);

  /// At the offset after the last one.
  Result<void> append(const RecordFields& record);
  Result<void> append_at(Offset offset, const RecordFields& record);
  /// A control record; the value is what control_record.h serialises.
  Result<void> append_control(ControlRecordType type, Timestamp timestamp, ByteView value);
  /// Copies a record of another batch, bytes of headers as they are. Its timestamp may be
  /// anything: what is in the log already must stay readable.
  Result<void> append_copy(Offset offset, const RecordView& record);

  /// Whose batch it is, known when it is about to be sent; before build().
  void set_producer(ProducerId id, ProducerEpoch epoch, std::int32_t base_sequence,
                    bool transactional) {
    fields_.producer_id = id;
    fields_.producer_epoch = epoch;
    fields_.base_sequence = base_sequence;
    fields_.transactional = transactional;
  }
  /// Keeps the last offset of a batch whose last records are gone (compaction).
  void set_last_offset(Offset offset) { last_offset_ = offset; }

  std::int32_t record_count() const { return count_; }
  bool empty() const { return count_ == 0; }
  /// Header and records before compression.
  std::size_t uncompressed_size() const { return records_.size(); }
  /// -1 if no record has a timestamp.
  Timestamp max_timestamp() const;
  Offset next_offset() const { return Offset(wrapping_add(last_offset_.value(), 1)); }

  /// The finished batch; without records, an empty header that keeps the producer's state.
  Result<Slice> build(CompressionContext& context);

  /// Bytes a record takes, for callers that fill batches up to a limit.
  static std::size_t record_size(std::int32_t offset_delta, std::int64_t timestamp_delta,
                                 const RecordFields& record);

 private:
  Result<std::byte*> begin_record(Offset offset, Timestamp timestamp, std::size_t payload);

  BatchFields fields_;
  GrowingBytes records_;
  std::int32_t count_ = 0;
  Offset last_offset_;
  std::int64_t base_timestamp_ = -1;
  std::int64_t max_timestamp_ = -1;
};

/// The header fields of an existing batch, its codec at the default level, for writing it again.
BatchFields fields_of_batch(const BatchView& batch);

/// The same records with the same offsets in another codec.
/// Errors   as RecordIterator and BatchBuilder::build.
Result<Slice> recompress_batch(const BatchView& batch, Compression target,
                               CompressionContext& context);

/// A batch without records that keeps offsets and producer fields of `batch`, as the cleaner
/// leaves behind for the last batch of a producer. 61 bytes.
/// Source   DefaultRecordBatch.writeEmptyHeader.
Slice build_empty_batch(const BatchView& batch);

}  // namespace moldau::record
