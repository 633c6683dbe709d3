// SPDX-License-Identifier: Apache-2.0
#include "record/batch_view.h"

#include <zlib.h>

#include <string>

#include "base/check.h"
#include "base/hash.h"

namespace moldau::record {
namespace {

// Positions within an old message; the message begins after kLogOverhead.
constexpr std::size_t kLegacyCrc = kLogOverhead;
constexpr std::size_t kLegacyMagic = kLogOverhead + 4;
constexpr std::size_t kLegacyAttributes = kLogOverhead + 5;
constexpr std::size_t kLegacyTimestamp = kLogOverhead + 6;
static_assert(kLegacyMagic == at::kMagic, "every magic has its magic byte at the same place");

std::size_t size_min(std::int8_t magic) {
  if (magic == kMagicV2) return kBatchOverhead;
  return kLogOverhead + (magic == kMagicV1 ? kLegacyOverheadV1 : kLegacyOverheadV0);
}

std::uint32_t crc32_of(ByteView bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

Error corrupt(std::string detail) {
  return {ErrorCode::kCorruptMessage, std::move(detail)};
}

}  // namespace

Result<std::optional<std::size_t>> batch_size_of(ByteView bytes, std::size_t batch_bytes_max) {
  if (bytes.size() < kLogOverhead) return std::optional<std::size_t>();
  const auto length = load_big<std::int32_t>(bytes.data() + at::kLength);
  if (length < static_cast<std::int32_t>(kLegacyOverheadV0))
    return corrupt("record size " + std::to_string(length) +
                   " is less than the minimum record overhead (14)");
  if (static_cast<std::size_t>(length) > batch_bytes_max)
    return corrupt("record size " + std::to_string(length) +
                   " exceeds the largest allowable message size (" +
                   std::to_string(batch_bytes_max) + ")");
  if (bytes.size() < kHeaderSizeUpToMagic) return std::optional<std::size_t>();
  const auto magic = load_big<std::int8_t>(bytes.data() + at::kMagic);
  if (magic < kMagicV0 || magic > kMagicV2)
    return corrupt("invalid magic found in record: " + std::to_string(magic));
  const std::size_t size = static_cast<std::size_t>(length) + kLogOverhead;
  if (size < size_min(magic))
    return corrupt("record batch of magic " + std::to_string(magic) + " has only " +
                   std::to_string(size) + " bytes");
  return std::optional<std::size_t>(size);
}

Result<BatchView> BatchView::parse(ByteView bytes) {
  BatchIterator batches(bytes);
  MOLDAU_ASSIGN_OR_RETURN(auto first, batches.next());
  if (!first) return corrupt("record batch is cut off at " + std::to_string(bytes.size()));
  return *first;
}

Result<std::optional<BatchView>> BatchIterator::next() {
  const ByteView rest = set_.subspan(position_);
  MOLDAU_ASSIGN_OR_RETURN(const auto size, batch_size_of(rest, batch_bytes_max_));
  if (!size || *size > rest.size()) return std::optional<BatchView>();
  position_ += *size;
  return std::optional<BatchView>(BatchView(rest.first(*size)));
}

std::uint16_t BatchView::attributes() const {
  return is_v2() ? load<std::uint16_t>(at::kAttributes) : load<std::uint8_t>(kLegacyAttributes);
}

TimestampType BatchView::timestamp_type() const {
  if (magic() == kMagicV0) return TimestampType::kNone;
  return (attributes() & kTimestampTypeBit) != 0 ? TimestampType::kLogAppendTime
                                                 : TimestampType::kCreateTime;
}

std::optional<Timestamp> BatchView::delete_horizon() const {
  if (!is_v2() || (attributes() & kDeleteHorizonBit) == 0) return std::nullopt;
  return base_timestamp();
}

Timestamp BatchView::max_timestamp() const {
  if (is_v2()) return Timestamp(load<std::int64_t>(at::kMaxTimestamp));
  return magic() == kMagicV1 ? Timestamp(load<std::int64_t>(kLegacyTimestamp)) : kNoTimestamp;
}

std::int32_t BatchView::last_sequence() const {
  const std::int32_t base = base_sequence();
  return base == kNoSequence ? kNoSequence : increment_sequence(base, last_offset_delta());
}

std::uint32_t BatchView::crc() const {
  return load<std::uint32_t>(is_v2() ? at::kCrc : kLegacyCrc);
}

std::uint32_t BatchView::computed_crc() const {
  return is_v2() ? crc32c(bytes_.subspan(at::kAttributes)) : crc32_of(bytes_.subspan(kLegacyMagic));
}

Result<void> BatchView::check_crc() const {
  const std::uint32_t computed = computed_crc();
  if (crc() == computed) [[likely]]
    return {};
  return corrupt("record is corrupt (stored crc = " + std::to_string(crc()) +
                 ", computed crc = " + std::to_string(computed) + ")");
}

void set_base_offset(MutableBytes batch, Offset base_offset) {
  MOLDAU_CHECK(batch.size() >= kHeaderSizeUpToMagic);
  store_big(batch.data() + at::kBaseOffset, base_offset.value());
}

void set_last_offset(MutableBytes batch, Offset last_offset) {
  MOLDAU_CHECK(batch.size() >= kHeaderSizeUpToMagic);
  const bool v2 = load_big<std::int8_t>(batch.data() + at::kMagic) == kMagicV2;
  MOLDAU_CHECK(!v2 || batch.size() >= kBatchOverhead);
  const std::int64_t delta = v2 ? load_big<std::int32_t>(batch.data() + at::kLastOffsetDelta) : 0;
  set_base_offset(batch, Offset(wrapping_subtract(last_offset.value(), delta)));
}

void set_leader_epoch(MutableBytes batch, LeaderEpoch epoch) {
  MOLDAU_CHECK(batch.size() >= kBatchOverhead &&
               load_big<std::int8_t>(batch.data() + at::kMagic) == kMagicV2);
  store_big(batch.data() + at::kLeaderEpoch, epoch.value());
}

void set_max_timestamp(MutableBytes batch, TimestampType type, Timestamp max_timestamp) {
  MOLDAU_CHECK(batch.size() >= kBatchOverhead &&
               load_big<std::int8_t>(batch.data() + at::kMagic) == kMagicV2);
  MOLDAU_CHECK(type != TimestampType::kNone);
  auto attributes = load_big<std::uint16_t>(batch.data() + at::kAttributes);
  const bool append_time = type == TimestampType::kLogAppendTime;
  const auto current = load_big<std::int64_t>(batch.data() + at::kMaxTimestamp);
  if (((attributes & kTimestampTypeBit) != 0) == append_time && current == max_timestamp.value())
    return;
  attributes &= kCodecMask | kTransactionalBit | kControlBit | kDeleteHorizonBit;
  if (append_time) attributes |= kTimestampTypeBit;
  store_big(batch.data() + at::kAttributes, attributes);
  store_big(batch.data() + at::kMaxTimestamp, max_timestamp.value());
  store_big(batch.data() + at::kCrc, crc32c(batch.subspan(at::kAttributes)));
}

void set_producer(MutableBytes batch, ProducerId id, ProducerEpoch epoch,
                  std::int32_t base_sequence) {
  MOLDAU_CHECK(batch.size() >= kBatchOverhead &&
               load_big<std::int8_t>(batch.data() + at::kMagic) == kMagicV2);
  store_big(batch.data() + at::kProducerId, id.value());
  store_big(batch.data() + at::kProducerEpoch, epoch.value());
  store_big(batch.data() + at::kBaseSequence, base_sequence);
  store_big(batch.data() + at::kCrc, crc32c(batch.subspan(at::kAttributes)));
}

}  // namespace moldau::record
