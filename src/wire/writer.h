// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/types.h"
#include "base/uuid.h"
#include "wire/records.h"
#include "wire/text.h"

namespace moldau::wire {

/// Where the bytes of external records belong: before the byte at `position` of the buffer.
struct Splice {
  Splice(std::size_t at, const Records* what) : position(at), records(what) {}
  std::size_t position;
  /// Owned by the encoded message.
  const Records* records;
};

/// Writes Kafka's primitive types into a buffer of the size that size() told.
/// Owner    the buffer is the caller's; splices point into the message.
/// Thread   a value.
/// Errors   MOLDAU_CHECK when the buffer is too small: size() and encode() disagree.
class Writer {
 public:
  explicit Writer(MutableBytes buffer)
      : begin_(buffer.data()), at_(buffer.data()), end_(buffer.data() + buffer.size()) {}

  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  /// External records in the order of their places.
  const std::vector<Splice>& splices() const { return splices_; }
  /// What the whole will have on the wire: written bytes and external ones.
  std::size_t total_size() const { return position() + external_; }

  void int8(std::int8_t value) { number(value); }
  void int16(std::int16_t value) { number(value); }
  void int32(std::int32_t value) { number(value); }
  void int64(std::int64_t value) { number(value); }
  void uint16(std::uint16_t value) { number(value); }
  void uint32(std::uint32_t value) { number(value); }
  void boolean(bool value) { number(static_cast<std::int8_t>(value ? 1 : 0)); }
  void float64(double value) { number(std::bit_cast<std::uint64_t>(value)); }
  void uuid(const Uuid& value) {
    number(value.high);
    number(value.low);
  }

  void uvarint(std::uint32_t value) {
    while (value >= 0x80) {
      number(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    number(static_cast<std::uint8_t>(value));
  }
  void varint(std::int32_t value) {
    uvarint((static_cast<std::uint32_t>(value) << 1) ^ static_cast<std::uint32_t>(value >> 31));
  }
  void varlong(std::int64_t value);

  /// Null where it cannot be is written as empty; text beyond 32,767 bytes is cut.
  void text(const Text& value, bool flexible, bool nullable);
  void bytes(const Bytes& value, bool flexible, bool nullable);
  void records(const Records& value, bool flexible, bool nullable);
  void raw(ByteView bytes);

  void array(std::size_t count, bool flexible);
  void null_array(bool flexible);
  void tag(std::uint32_t number, std::size_t size) {
    uvarint(number);
    uvarint(static_cast<std::uint32_t>(size));
  }

 private:
  template <class T>
  void number(T value) {
    MOLDAU_CHECK(left() >= sizeof(T), "a message is longer than its size");
    if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(value));
    if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(value));
    if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(value));
    std::memcpy(at_, &value, sizeof(T));
    at_ += sizeof(T);
  }
  void length(std::size_t size, bool flexible);

  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  std::size_t external_ = 0;
  std::vector<Splice> splices_;
};

constexpr std::size_t uvarint_size(std::uint32_t value) {
  return value < 0x80 ? 1 : (static_cast<std::size_t>(std::bit_width(value)) + 6) / 7;
}

/// Bytes of a string as it is written, after any cut.
std::size_t text_size(const Text& value, bool flexible);
std::size_t bytes_size(const Bytes& value, bool flexible);
/// External bytes do not count: they are not in the buffer.
std::size_t records_size(const Records& value, bool flexible);

}  // namespace moldau::wire
