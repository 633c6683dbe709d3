// SPDX-License-Identifier: Apache-2.0
#include "log/batch_header.h"

#include <algorithm>

#include "record/big_endian.h"
#include "record/format.h"

namespace moldau::log {
namespace {

using record::load_big;
namespace at = record::at;

constexpr std::uint32_t kLogOverhead = 12;
constexpr std::int32_t kOldMessageBytesMin = 14;
constexpr std::size_t kOldTimestamp = 18;

Error damaged(std::uint64_t position, const char* why) {
  return Error(ErrorCode::kCorruptMessage,
               "no batch at byte " + std::to_string(position) + ": " + why);
}

}  // namespace

Result<std::optional<BatchPosition>> parse_batch_header(ByteView bytes, std::uint64_t position,
                                                        std::uint64_t end) {
  if (bytes.size() < kBatchHeaderBytesMin) return std::optional<BatchPosition>();
  const std::byte* p = bytes.data();
  const auto base = load_big<std::int64_t>(p + at::kBaseOffset);
  const auto length = load_big<std::int32_t>(p + at::kLength);
  const auto magic = load_big<std::int8_t>(p + at::kMagic);
  if (length < kOldMessageBytesMin) return damaged(position, "its size is too small");
  if (magic < 0 || magic > 2) return damaged(position, "unknown magic");
  const std::uint64_t size = std::uint64_t{kLogOverhead} + static_cast<std::uint32_t>(length);
  if (magic == 2 && size < at::kRecords) return damaged(position, "its size is too small");
  if (base < 0) return damaged(position, "negative offset");
  if (position + size > end) return std::optional<BatchPosition>();
  if (bytes.size() < std::min<std::uint64_t>(size, kBatchHeaderBytesMax))
    return std::optional<BatchPosition>();

  BatchPosition batch;
  batch.base_offset = batch.last_offset = Offset(base);
  batch.position = static_cast<std::uint32_t>(position);
  batch.size = static_cast<std::uint32_t>(size);
  if (magic == 2) {
    const auto delta = load_big<std::int32_t>(p + at::kLastOffsetDelta);
    if (delta < 0 || base > INT64_MAX - delta - 1) return damaged(position, "offsets overflow");
    batch.last_offset = Offset(base + delta);
    batch.leader_epoch = LeaderEpoch(load_big<std::int32_t>(p + at::kLeaderEpoch));
    batch.max_timestamp = Timestamp(load_big<std::int64_t>(p + at::kMaxTimestamp));
  } else if (magic == 1 && size >= kOldTimestamp + 8) {
    batch.max_timestamp = Timestamp(load_big<std::int64_t>(p + kOldTimestamp));
  }
  return std::optional(batch);
}

}  // namespace moldau::log
