// SPDX-License-Identifier: Apache-2.0
#include "record/legacy_records.h"

#include <string>
#include <utility>

namespace moldau::record {
namespace {

constexpr std::size_t kAttributesAt = kLogOverhead + 5;
constexpr std::size_t kTimestampAt = kLogOverhead + 6;

Error invalid(std::string detail) {
  return {ErrorCode::kInvalidRecord, std::move(detail)};
}

/// Reads an int32 size at `position` and the bytes behind it.
Result<NullableBytes> sized_bytes(ByteView message, std::size_t& position) {
  if (message.size() - position < 4) return invalid("message ends within a size");
  const auto size = load_big<std::int32_t>(message.data() + position);
  position += 4;
  if (size < 0) return NullableBytes();
  const auto length = static_cast<std::size_t>(size);
  if (message.size() - position < length)
    return invalid("size " + std::to_string(size) + " leads out of the message");
  position += length;
  return NullableBytes(message.subspan(position - length, length));
}

/// Fills key, value, size and the message's own timestamp. `message` includes offset and length.
Result<void> read_message(ByteView message, RecordView& record) {
  const bool v0 = load_big<std::int8_t>(message.data() + at::kMagic) == kMagicV0;
  std::size_t position = v0 ? kTimestampAt : kTimestampAt + 8;
  if (message.size() < position) return invalid("message ends within its header");
  MOLDAU_ASSIGN_OR_RETURN(record.key, sized_bytes(message, position));
  MOLDAU_ASSIGN_OR_RETURN(record.value, sized_bytes(message, position));
  record.offset = Offset(load_big<std::int64_t>(message.data()));
  record.timestamp =
      v0 ? kNoTimestamp : Timestamp(load_big<std::int64_t>(message.data() + kTimestampAt));
  record.sequence = kNoSequence;
  record.size = static_cast<std::int32_t>(message.size());
  record.header_count = 0;
  record.header_bytes = {};
  return {};
}

/// The inner message at the front of `rest`, empty if the rest is too short for one.
Result<ByteView> inner_message(ByteView rest) {
  if (rest.size() < kLogOverhead) return ByteView();
  const auto size = load_big<std::int32_t>(rest.data() + at::kLength);
  if (size < static_cast<std::int32_t>(kLegacyOverheadV0))
    return Error(ErrorCode::kCorruptMessage,
                 "record size is less than the minimum record overhead (14)");
  const std::size_t whole = kLogOverhead + static_cast<std::size_t>(size);
  if (whole > rest.size()) return ByteView();
  return rest.first(whole);
}

}  // namespace

Result<LegacyRecords> LegacyRecords::open(BatchView batch, CompressionContext& context) {
  LegacyRecords records(batch);
  if (batch.is_compressed()) MOLDAU_TRY(records.open_wrapper(context));
  return records;
}

Result<void> LegacyRecords::open_wrapper(CompressionContext& context) {
  wrapper_ = true;
  if (batch_.compression_type() == CompressionType::kZstd)
    return invalid("zstd is not allowed in messages of magic " + std::to_string(batch_.magic()));
  RecordView outer;
  MOLDAU_TRY(read_message(batch_.bytes(), outer));
  if (!outer.value) return invalid("found compressed record set with null value");
  const bool v0 = batch_.magic() == kMagicV0;
  MOLDAU_ASSIGN_OR_RETURN(inner_, decompress(context, batch_.compression_type(), *outer.value, v0));
  std::int64_t last_inner_offset = 0;
  std::size_t position = 0;
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(const ByteView message, inner_message(inner_.view().subspan(position)));
    if (message.empty()) break;
    last_inner_offset = load_big<std::int64_t>(message.data());
    position += message.size();
  }
  if (position == 0) return invalid("found compressed record set with no inner records");
  // An outer offset of 0 comes from producers that did not count; inner offsets hold then.
  const std::int64_t outer_offset = batch_.last_offset().value();
  if (v0 || outer_offset == 0) return {};
  if (outer_offset < last_inner_offset)
    return invalid("wrapper offset " + std::to_string(outer_offset) +
                   " is less than the last inner message offset " +
                   std::to_string(last_inner_offset));
  offset_base_ = wrapping_subtract(outer_offset, last_inner_offset);
  return {};
}

Result<bool> LegacyRecords::next(RecordView& record) {
  if (done_) return false;
  if (!wrapper_) {
    done_ = true;
    MOLDAU_TRY(read_message(batch_.bytes(), record));
    return true;
  }
  MOLDAU_ASSIGN_OR_RETURN(const ByteView message, inner_message(inner_.view().subspan(position_)));
  if (message.empty()) {
    done_ = true;
    return false;
  }
  position_ += message.size();
  if ((static_cast<std::uint8_t>(message[kAttributesAt]) & kCodecMask) != 0)
    return invalid("inner messages must not be compressed");
  MOLDAU_TRY(read_message(message, record));
  record.offset = Offset(wrapping_add(record.offset.value(), offset_base_));
  if (load_big<std::int8_t>(message.data() + at::kMagic) != kMagicV0 &&
      batch_.timestamp_type() == TimestampType::kLogAppendTime)
    record.timestamp = batch_.max_timestamp();
  return true;
}

}  // namespace moldau::record
