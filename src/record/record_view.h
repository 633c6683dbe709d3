// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/types.h"
#include "record/format.h"
#include "record/varint.h"

namespace moldau::record {

/// Key, value and headers that may be null.
using NullableBytes = std::optional<ByteView>;

/// One header of a record. The key is UTF-8 by contract, which nobody checks (Kafka neither).
struct HeaderView {
  std::string_view key;
  NullableBytes value;
};

/// The headers of one record, decoded as they are asked for. Made from bytes that were walked
/// already, so reading cannot fail.
/// Thread   a value; borrows the record's bytes.
class HeaderIterator {
 public:
  HeaderIterator(ByteView bytes, std::int32_t count) : p_(bytes.data()), left_(count) {
    end_ = p_ + bytes.size();
  }
  std::optional<HeaderView> next();

 private:
  const std::byte* p_;
  const std::byte* end_ = nullptr;
  std::int32_t left_;
};

/// One record, its bytes borrowed from the batch (or from the iterator that decompressed it).
/// Thread   a value.
struct RecordView {
  Offset offset;
  /// That of the batch if the batch has append time; -1 for magic 0.
  Timestamp timestamp;
  /// kNoSequence if the batch has none.
  std::int32_t sequence = kNoSequence;
  /// All bytes of the record in the uncompressed batch, its length field included.
  std::int32_t size = 0;
  NullableBytes key;
  NullableBytes value;
  std::int32_t header_count = 0;
  ByteView header_bytes;

  HeaderIterator headers() const { return {header_bytes, header_count}; }
};

/// Why a record could not be read.
enum class RecordFault : std::uint8_t {
  kNone,
  kCutOff,          // the bytes end within the record
  kBadStructure,    // a length or varint leads out of the record
  kBadHeaderCount,  // negative, or more headers than bytes
  kBadHeaderKey,    // a header without a key
  kSizeMismatch,    // the fields do not fill the record's length
};
std::string_view record_fault_text(RecordFault fault);

/// The fields of a v2 record as they are stored.
struct RawRecord {
  std::int64_t timestamp_delta;
  std::int32_t offset_delta;
  std::int32_t size;        // the length field included
  std::int32_t key_size;    // negative: null
  std::int32_t value_size;  // negative: null
  std::int32_t header_count;
  const std::byte* key;
  const std::byte* value;
  const std::byte* headers;
  const std::byte* end;

  NullableBytes key_view() const {
    return key_size < 0 ? NullableBytes() : ByteView(key, static_cast<std::size_t>(key_size));
  }
  NullableBytes value_view() const {
    return value_size < 0 ? NullableBytes() : ByteView(value, static_cast<std::size_t>(value_size));
  }
};

/// Checks that `count` headers fill [p, end) exactly.
RecordFault check_headers(const std::byte* p, const std::byte* end, std::int32_t count);

/// parse_record for any bytes; every field against the end.
RecordFault parse_record_checked(const std::byte* p, const std::byte* end, RawRecord& out);

/// Decodes the v2 record at `p`, every length checked against [p, end), headers included, so that
/// HeaderIterator cannot fail later. This is the hot path of produce: inline, no allocation.
inline RecordFault parse_record(const std::byte* p, const std::byte* end, RawRecord& out) {
  // With room for the longest fields before the key, and again before the value, no byte of them
  // needs a check of its own: that they end within the record is checked at its end.
  constexpr std::ptrdiff_t kBeforeKey = 3 * kVarintBytesMax + kVarlongBytesMax + 1;
  constexpr std::ptrdiff_t kAfterKey = 2 * kVarintBytesMax;
  if (end - p < kBeforeKey) [[unlikely]]
    return parse_record_checked(p, end, out);
  const std::byte* const begin = p;
  std::int32_t size;
  p = read_varint_fast(p, size);
  if (p == nullptr || size < kAfterKey || size > end - p) [[unlikely]]
    return parse_record_checked(begin, end, out);
  const std::byte* const after = p + size;
  p = read_varlong_fast(p + 1, out.timestamp_delta);
  if (p == nullptr) return RecordFault::kBadStructure;
  p = read_varint_fast(p, out.offset_delta);
  if (p == nullptr) return RecordFault::kBadStructure;
  p = read_varint_fast(p, out.key_size);
  if (p == nullptr || out.key_size > after - p) return RecordFault::kBadStructure;
  out.key = p;
  if (out.key_size > 0) p += out.key_size;
  if (end - p < kAfterKey) [[unlikely]]
    return parse_record_checked(begin, end, out);
  p = read_varint_fast(p, out.value_size);
  // The fields may have run past the record but not past the bytes; then this is negative.
  if (p == nullptr || std::max(out.value_size, 0) >= after - p) [[unlikely]]
    return parse_record_checked(begin, end, out);
  out.value = p;
  if (out.value_size > 0) p += out.value_size;
  out.size = static_cast<std::int32_t>(after - begin);
  out.end = after;
  out.headers = p + 1;
  out.header_count = 0;
  if (p + 1 == after && *p == std::byte{0}) [[likely]]
    return RecordFault::kNone;
  p = read_varint(p, after, out.header_count);
  if (p == nullptr) return RecordFault::kBadStructure;
  out.headers = p;
  return check_headers(p, after, out.header_count);
}

}  // namespace moldau::record
