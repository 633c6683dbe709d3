// SPDX-License-Identifier: Apache-2.0
#include "record/batch_builder.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "record/record_iterator.h"

namespace moldau::record {
namespace {

constexpr std::size_t kBatchBytesMax = INT32_MAX - kLogOverhead;

Error invalid(std::string detail) {
  return {ErrorCode::kInvalidRecord, std::move(detail)};
}

std::size_t sized_bytes(const NullableBytes& bytes) {
  if (!bytes) return varint_size(-1);
  return varint_size(static_cast<std::int32_t>(bytes->size())) + bytes->size();
}

std::byte* write_sized(std::byte* p, const NullableBytes& bytes) {
  if (!bytes) return write_varint(p, -1);
  p = write_varint(p, static_cast<std::int32_t>(bytes->size()));
  if (!bytes->empty()) std::memcpy(p, bytes->data(), bytes->size());
  return p + bytes->size();
}

/// Key, value and headers.
std::size_t payload_size(const RecordFields& record) {
  std::size_t size = sized_bytes(record.key) + sized_bytes(record.value) +
                     varint_size(static_cast<std::int32_t>(record.headers.size()));
  for (const HeaderView& header : record.headers)
    size += sized_bytes(as_view(header.key)) + sized_bytes(header.value);
  return size;
}

std::uint16_t attributes_of(const BatchFields& fields) {
  auto bits = static_cast<std::uint16_t>(fields.compression.type);
  if (fields.timestamp_type == TimestampType::kLogAppendTime) bits |= kTimestampTypeBit;
  if (fields.transactional) bits |= kTransactionalBit;
  if (fields.control) bits |= kControlBit;
  if (fields.delete_horizon) bits |= kDeleteHorizonBit;
  return bits;
}

/// The fields of a header that BatchFields does not have.
struct HeaderRest {
  std::int32_t last_offset_delta;
  std::int64_t base_timestamp;
  std::int64_t max_timestamp;
  std::int32_t record_count;
};

/// Fills the header of the batch and its checksum.
void write_header(MutableBytes batch, const BatchFields& fields, const HeaderRest& rest) {
  std::byte* p = batch.data();
  store_big(p + at::kBaseOffset, fields.base_offset.value());
  store_big(p + at::kLength, static_cast<std::int32_t>(batch.size() - kLogOverhead));
  store_big(p + at::kLeaderEpoch, fields.leader_epoch.value());
  store_big(p + at::kMagic, kMagicV2);
  store_big(p + at::kAttributes, attributes_of(fields));
  store_big(p + at::kLastOffsetDelta, rest.last_offset_delta);
  store_big(p + at::kBaseTimestamp, rest.base_timestamp);
  store_big(p + at::kMaxTimestamp, rest.max_timestamp);
  store_big(p + at::kProducerId, fields.producer_id.value());
  store_big(p + at::kProducerEpoch, fields.producer_epoch.value());
  store_big(p + at::kBaseSequence, fields.base_sequence);
  store_big(p + at::kRecordCount, rest.record_count);
  store_big(p + at::kCrc, crc32c(batch.subspan(at::kAttributes)));
}

}  // namespace

BatchBuilder::BatchBuilder(const BatchFields& fields, std::size_t size_hint)
    : fields_(fields),
      records_(std::max(size_hint, kBatchOverhead)),
      last_offset_(wrapping_subtract(fields.base_offset.value(), 1)) {
  records_.commit(kBatchOverhead);
  if (fields_.delete_horizon) base_timestamp_ = fields_.delete_horizon->value();
}

std::size_t BatchBuilder::record_size(std::int32_t offset_delta, std::int64_t timestamp_delta,
                                      const RecordFields& record) {
  const std::size_t body =
      1 + varlong_size(timestamp_delta) + varint_size(offset_delta) + payload_size(record);
  return varint_size(static_cast<std::int32_t>(body)) + body;
}

/// Checks, and writes all up to the key; the caller writes `payload` bytes more and commits.
Result<std::byte*> BatchBuilder::begin_record(Offset offset, Timestamp timestamp,
                                              std::size_t payload) {
  if (offset <= last_offset_)
    return invalid("offset " + std::to_string(offset.value()) + " follows offset " +
                   std::to_string(last_offset_.value()));
  const std::int64_t delta = wrapping_subtract(offset.value(), fields_.base_offset.value());
  if (delta < 0 || delta > INT32_MAX)
    return invalid("offset " + std::to_string(offset.value()) + " is too far from the base offset");
  if (count_ == 0 && !fields_.delete_horizon) base_timestamp_ = timestamp.value();
  const std::int64_t timestamp_delta = wrapping_subtract(timestamp.value(), base_timestamp_);
  const auto offset_delta = static_cast<std::int32_t>(delta);
  const std::size_t body = 1 + varlong_size(timestamp_delta) + varint_size(offset_delta) + payload;
  if (records_.size() + body + kVarintBytesMax > kBatchBytesMax)
    return Error(ErrorCode::kMessageTooLarge, "record batch of 2 GiB");
  std::byte* p = records_.reserve(kVarintBytesMax + body);
  p = write_varint(p, static_cast<std::int32_t>(body));
  *p++ = std::byte{0};
  p = write_varlong(p, timestamp_delta);
  p = write_varint(p, offset_delta);
  last_offset_ = offset;
  ++count_;
  max_timestamp_ = std::max(max_timestamp_, timestamp.value());
  return p;
}

Result<void> BatchBuilder::append(const RecordFields& record) {
  return append_at(next_offset(), record);
}

Result<void> BatchBuilder::append_at(Offset offset, const RecordFields& record) {
  if (record.timestamp < kNoTimestamp)
    return Error(ErrorCode::kInvalidTimestamp,
                 "invalid negative timestamp " + std::to_string(record.timestamp.value()));
  MOLDAU_ASSIGN_OR_RETURN(std::byte * p,
                          begin_record(offset, record.timestamp, payload_size(record)));
  p = write_sized(p, record.key);
  p = write_sized(p, record.value);
  p = write_varint(p, static_cast<std::int32_t>(record.headers.size()));
  for (const HeaderView& header : record.headers) {
    p = write_sized(p, as_view(header.key));
    p = write_sized(p, header.value);
  }
  records_.commit(static_cast<std::size_t>(p - (records_.data() + records_.size())));
  return {};
}

Result<void> BatchBuilder::append_copy(Offset offset, const RecordView& record) {
  const std::size_t payload = sized_bytes(record.key) + sized_bytes(record.value) +
                              varint_size(record.header_count) + record.header_bytes.size();
  MOLDAU_ASSIGN_OR_RETURN(std::byte * p, begin_record(offset, record.timestamp, payload));
  p = write_sized(p, record.key);
  p = write_sized(p, record.value);
  p = write_varint(p, record.header_count);
  if (!record.header_bytes.empty())
    std::memcpy(p, record.header_bytes.data(), record.header_bytes.size());
  p += record.header_bytes.size();
  records_.commit(static_cast<std::size_t>(p - (records_.data() + records_.size())));
  return {};
}

Result<void> BatchBuilder::append_control(ControlRecordType type, Timestamp timestamp,
                                          ByteView value) {
  MOLDAU_CHECK(fields_.control && type != ControlRecordType::kUnknown);
  std::byte key[4];
  store_big(key, std::int16_t{0});
  store_big(key + 2, static_cast<std::int16_t>(type));
  RecordFields record;
  record.timestamp = timestamp;
  record.key = ByteView(key, sizeof key);
  record.value = value;
  return append(record);
}

Timestamp BatchBuilder::max_timestamp() const {
  return fields_.timestamp_type == TimestampType::kLogAppendTime ? fields_.log_append_time
                                                                 : Timestamp(max_timestamp_);
}

Result<Slice> BatchBuilder::build(CompressionContext& context) {
  const HeaderRest rest{
      .last_offset_delta = static_cast<std::int32_t>(
          wrapping_subtract(last_offset_.value(), fields_.base_offset.value())),
      .base_timestamp = base_timestamp_,
      .max_timestamp = max_timestamp().value(),
      .record_count = count_,
  };
  if (count_ == 0) fields_.compression = Compression();
  if (fields_.compression.type == CompressionType::kNone) {
    write_header({records_.data(), records_.size()}, fields_, rest);
    return records_.take();
  }
  const ByteView plain = records_.view().subspan(kBatchOverhead);
  GrowingBytes out(kBatchOverhead + plain.size() / 2 + 64);
  out.reserve(kBatchOverhead);
  out.commit(kBatchOverhead);
  MOLDAU_TRY(compress(context, fields_.compression, plain, out));
  if (out.size() > kBatchBytesMax)
    return Error(ErrorCode::kMessageTooLarge, "record batch of 2 GiB");
  write_header({out.data(), out.size()}, fields_, rest);
  return out.take();
}

BatchFields fields_of_batch(const BatchView& batch) {
  BatchFields fields;
  fields.base_offset = batch.base_offset();
  fields.leader_epoch = batch.leader_epoch();
  fields.compression.type = batch.compression_type();
  if (batch.timestamp_type() == TimestampType::kLogAppendTime) {
    fields.timestamp_type = TimestampType::kLogAppendTime;
    fields.log_append_time = batch.max_timestamp();
  }
  fields.producer_id = batch.producer_id();
  fields.producer_epoch = batch.producer_epoch();
  fields.base_sequence = batch.base_sequence();
  fields.transactional = batch.is_transactional();
  fields.control = batch.is_control();
  fields.delete_horizon = batch.delete_horizon();
  return fields;
}

Result<Slice> recompress_batch(const BatchView& batch, Compression target,
                               CompressionContext& context) {
  RecordIterator records(batch, context);
  RecordView record;
  std::optional<BatchBuilder> builder;
  while (records.next(record)) {
    if (!builder) {
      BatchFields fields = fields_of_batch(batch);
      fields.compression = target;
      // Only the first record of a compressed old message tells its base offset.
      if (!batch.is_v2()) fields.base_offset = record.offset;
      builder.emplace(fields, batch.size());
    }
    MOLDAU_TRY(builder->append_copy(record.offset, record));
  }
  MOLDAU_TRY(records.status());
  if (!builder) return build_empty_batch(batch);
  if (batch.is_v2()) builder->set_last_offset(batch.last_offset());
  return builder->build(context);
}

Slice build_empty_batch(const BatchView& batch) {
  MOLDAU_CHECK(batch.is_v2());
  BatchFields fields = fields_of_batch(batch);
  fields.compression = {};
  // Its base timestamp, where the horizon would be, goes with the records.
  fields.delete_horizon = {};
  Slice out = Slice::allocate(kBatchOverhead);
  write_header(out.mutable_view(), fields,
               {.last_offset_delta = batch.last_offset_delta(),
                .base_timestamp = kNoTimestamp.value(),
                .max_timestamp = batch.max_timestamp().value(),
                .record_count = 0});
  return out;
}

}  // namespace moldau::record
