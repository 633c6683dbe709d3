// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/result.h"
#include "base/types.h"
#include "base/uuid.h"
#include "wire/records.h"
#include "wire/text.h"

namespace moldau::wire {

/// The shape of a number on the wire: big endian.
template <class T>
inline T load_big_endian(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
  return value;
}

/// Reads Kafka's primitive types from bytes of a stranger.
///
/// The first mistake is kept: from then on every read gives zero, null or nothing, at once, and
/// status() tells what was wrong. So a message is read without a test per field.
/// `field` is a literal that names what is read, for the error.
/// Owner    the bytes must outlive the reader and what was read as views.
/// Thread   a value.
/// Bounds   nothing is read beyond the bytes; no count is believed that the bytes left could not
///          hold; strings at most 32,767 bytes; uvarint at most 5 bytes, varlong at most 10;
///          decoded elements take at most kDecodedBytesMax.
/// Errors   kInvalidRequest from status().
class Reader {
 public:
  explicit Reader(ByteView bytes)
      : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return why_ == nullptr; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  ByteView rest() const { return {at_, left()}; }

  std::int8_t int8(const char* field) { return number<std::int8_t>(field); }
  std::int16_t int16(const char* field) { return number<std::int16_t>(field); }
  std::int32_t int32(const char* field) { return number<std::int32_t>(field); }
  std::int64_t int64(const char* field) { return number<std::int64_t>(field); }
  std::uint16_t uint16(const char* field) { return number<std::uint16_t>(field); }
  std::uint32_t uint32(const char* field) { return number<std::uint32_t>(field); }
  /// Any byte but 0 is true.
  bool boolean(const char* field) { return number<std::int8_t>(field) != 0; }
  double float64(const char* field) { return std::bit_cast<double>(number<std::uint64_t>(field)); }
  Uuid uuid(const char* field) {
    const std::byte* from = take(16, field);
    if (!from) [[unlikely]]
      return {};
    return {load_big_endian<std::int64_t>(from), load_big_endian<std::int64_t>(from + 8)};
  }

  std::uint32_t uvarint(const char* field) {
    if (at_ < end_ && std::to_integer<std::uint8_t>(*at_) < 0x80) [[likely]]
      return std::to_integer<std::uint32_t>(*at_++);
    return long_uvarint(field);
  }
  /// Zigzag, as in records.
  std::int32_t varint(const char* field) {
    const std::uint32_t raw = uvarint(field);
    return static_cast<std::int32_t>((raw >> 1) ^ (0 - (raw & 1)));
  }
  std::int64_t varlong(const char* field);

  /// Bytes that are not UTF-8 become U+FFFD, as in Java. Else a view.
  Text text(bool flexible, bool nullable, const char* field);
  Bytes bytes(bool flexible, bool nullable, const char* field);
  Records records(bool flexible, bool nullable, const char* field);
  /// Exactly so many bytes, as they are.
  ByteView raw(std::size_t size, const char* field) {
    const std::byte* from = take(size, field);
    return from ? ByteView(from, size) : ByteView();
  }

  /// The elements of a message may take this much memory, all arrays together; real ones take a
  /// hundredth.
  static constexpr std::size_t kDecodedBytesMax = std::size_t{256} << 20;

  /// The length of an array, -1 if null. `least`: the bytes that an element takes at least.
  std::int64_t array(bool flexible, bool nullable, std::size_t least, const char* field);

  /// Counts what decoded elements take in memory; fails over kDecodedBytesMax.
  bool charge(std::size_t count, std::size_t element_size, const char* field) {
    charged_ += count * element_size;
    if (charged_ <= kDecodedBytesMax) [[likely]]
      return true;
    fail(field, "too much memory for the elements, bytes", static_cast<std::int64_t>(charged_));
    return false;
  }

  /// One tagged field's number and size; the value follows.
  struct Tag {
    std::uint32_t number = 0;
    std::uint32_t size = 0;
  };
  /// The count of tagged fields; more than the bytes left could hold are refused.
  std::uint32_t tag_count();
  Tag tag();
  /// An unknown tag: its value is dropped.
  void skip_tag(Tag tag);
  void skip_tags();
  /// A known tag in a version that does not have it.
  void refuse_tag(const char* field);

  /// Fails unless all bytes are read. Kafka demands this of records, not of requests.
  void expect_end(const char* field);
  void fail(const char* field, const char* why, std::int64_t number = 0);
  /// Ok, or what went wrong first: "FetchRequest v12: FetchTopic.Topic: … at byte 17".
  Result<void> status(std::string_view message, std::int16_t version) const;

 private:
  template <class T>
  T number(const char* field) {
    const std::byte* from = take(sizeof(T), field);
    return from ? load_big_endian<T>(from) : T{};
  }
  const std::byte* take(std::size_t size, const char* field) {
    if (left() < size) [[unlikely]] {
      short_of(size, field);
      return nullptr;
    }
    const std::byte* from = at_;
    at_ += size;
    return from;
  }
  void short_of(std::size_t size, const char* field);
  std::uint32_t long_uvarint(const char* field);
  /// -1 if null.
  std::int64_t length(bool flexible, bool wide, bool nullable, const char* field);

  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  std::size_t charged_ = 0;
  // The first mistake.
  const char* why_ = nullptr;
  const char* field_ = nullptr;
  std::int64_t number_ = 0;
  std::size_t where_ = 0;
};

/// For decode() of generated messages.
Result<void> unsupported_version(std::string_view message, std::int16_t version);

}  // namespace moldau::wire
