// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/types.h"
#include "record/big_endian.h"
#include "record/format.h"

namespace moldau::record {

/// The bytes of one record batch (magic 2) or one old message (magic 0, 1), header decoded on
/// demand. Fields that an old message does not have read as Kafka reads them: -1 or false.
///
/// Owner    borrows the bytes; they must outlive the view.
/// Thread   a value.
/// Bounds   made only by parse() and BatchIterator, which know that the whole batch is there and
///          at least as long as its header.
/// Source   DefaultRecordBatch, AbstractLegacyRecordBatch.
class BatchView {
 public:
  /// The batch at the front of `bytes`; what follows it is ignored.
  /// Errors   kCorruptMessage: cut short, a size below the header's, an unknown magic.
  static Result<BatchView> parse(ByteView bytes);

  ByteView bytes() const { return bytes_; }
  /// Offset and length field included.
  std::size_t size() const { return bytes_.size(); }
  std::int8_t magic() const { return load<std::int8_t>(at::kMagic); }
  bool is_v2() const { return magic() == kMagicV2; }

  /// Offset of the first record. Of a compressed old message it is that of the *last* one,
  /// since only a look inside tells the first (RecordIterator knows it).
  Offset base_offset() const { return Offset(load<std::int64_t>(at::kBaseOffset)); }
  Offset last_offset() const {
    return Offset(wrapping_add(base_offset().value(), last_offset_delta()));
  }
  Offset next_offset() const { return Offset(wrapping_add(last_offset().value(), 1)); }
  std::int32_t last_offset_delta() const { return v2<std::int32_t>(at::kLastOffsetDelta, 0); }
  LeaderEpoch leader_epoch() const { return LeaderEpoch(v2<std::int32_t>(at::kLeaderEpoch, -1)); }

  /// All bits of magic 2; the one byte of magic 0 and 1.
  std::uint16_t attributes() const;
  /// May be a code no codec has (5 to 7).
  CompressionType compression_type() const {
    return static_cast<CompressionType>(attributes() & kCodecMask);
  }
  bool is_compressed() const { return (attributes() & kCodecMask) != 0; }
  TimestampType timestamp_type() const;
  bool is_transactional() const { return is_v2() && (attributes() & kTransactionalBit) != 0; }
  bool is_control() const { return is_v2() && (attributes() & kControlBit) != 0; }
  /// When tombstones and transaction markers of this batch may go (set by the cleaner).
  std::optional<Timestamp> delete_horizon() const;

  /// What the deltas of the records count from; holds the delete horizon if there is one.
  Timestamp base_timestamp() const { return Timestamp(v2<std::int64_t>(at::kBaseTimestamp, -1)); }
  Timestamp max_timestamp() const;

  ProducerId producer_id() const { return ProducerId(v2<std::int64_t>(at::kProducerId, -1)); }
  bool has_producer_id() const { return producer_id().value() > kNoProducerId.value(); }
  ProducerEpoch producer_epoch() const {
    return ProducerEpoch(v2<std::int16_t>(at::kProducerEpoch, -1));
  }
  std::int32_t base_sequence() const { return v2<std::int32_t>(at::kBaseSequence, -1); }
  std::int32_t last_sequence() const;
  /// Records in a v2 batch as its header says, so maybe negative; 1 for an old message.
  std::int32_t record_count() const { return v2<std::int32_t>(at::kRecordCount, 1); }
  /// The record section of a v2 batch, compressed or not; empty for an old message.
  ByteView record_bytes() const { return is_v2() ? bytes_.subspan(at::kRecords) : ByteView(); }

  std::uint32_t crc() const;
  std::uint32_t computed_crc() const;
  bool crc_is_valid() const { return crc() == computed_crc(); }
  /// Errors   kCorruptMessage with both checksums.
  Result<void> check_crc() const;

 private:
  friend class BatchIterator;
  explicit BatchView(ByteView bytes) : bytes_(bytes) {}

  template <class T>
  T load(std::size_t position) const {
    return load_big<T>(bytes_.data() + position);
  }
  template <class T>
  T v2(std::size_t position, T otherwise) const {
    return is_v2() ? load<T>(position) : otherwise;
  }

  ByteView bytes_;
};

/// Splits a record set into its batches. A batch that is cut off at the end is no error: reads
/// end anywhere, so the set simply ends there (position() tells where).
///
/// Owner    borrows the bytes.
/// Thread   a value.
/// Bounds   no batch longer than `batch_bytes_max` (length field), none beyond the bytes.
/// Errors   kCorruptMessage: a size below the minimum or above the maximum, an unknown magic.
/// Source   ByteBufferLogInputStream.
class BatchIterator {
 public:
  explicit BatchIterator(ByteView set, std::size_t batch_bytes_max = INT32_MAX)
      : set_(set), batch_bytes_max_(batch_bytes_max) {}

  /// The next whole batch, or nothing at the end.
  Result<std::optional<BatchView>> next();
  /// Where the next batch begins: the bytes of all batches given out so far.
  std::size_t position() const { return position_; }

 private:
  ByteView set_;
  std::size_t batch_bytes_max_;
  std::size_t position_ = 0;
};

/// Size of the batch at the front of `bytes` from its first 17 bytes, offset and length field
/// included, without looking at the rest: for readers of files. Nothing if fewer are there.
/// Errors   as BatchIterator.
Result<std::optional<std::size_t>> batch_size_of(ByteView bytes,
                                                 std::size_t batch_bytes_max = INT32_MAX);

/// Patches a batch in place; neither field is covered by the checksum of a v2 batch.
/// The caller has a BatchView of the same bytes. Of old messages, the offset is their last one.
void set_base_offset(MutableBytes batch, Offset base_offset);
/// As set_base_offset, counted from the end: what a leader does with produced batches.
void set_last_offset(MutableBytes batch, Offset last_offset);
/// v2 only.
void set_leader_epoch(MutableBytes batch, LeaderEpoch epoch);
/// Sets timestamp type and max timestamp of a v2 batch and its checksum; does nothing if both
/// are already so. Attribute bits that no version defines are cleared, as Kafka does.
void set_max_timestamp(MutableBytes batch, TimestampType type, Timestamp max_timestamp);
/// Gives a v2 batch to another producer id, epoch or sequence, and sets its checksum: what an
/// idempotent producer does with a batch that was refused.
void set_producer(MutableBytes batch, ProducerId id, ProducerEpoch epoch,
                  std::int32_t base_sequence);

}  // namespace moldau::record
