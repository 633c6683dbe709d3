// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/types.h"
#include "record/big_endian.h"

namespace moldau::raft {

/// Writes fields in Kafka's flexible encoding. For the few record values that are the log's own
/// (control records, the records of a bootstrap checkpoint).
/// Thread   a value.
class FlexibleWriter {
 public:
  template <class T>
  FlexibleWriter& number(T value) {
    std::byte bytes[sizeof(T)];
    record::store_big<T>(bytes, value);
    out_.append(reinterpret_cast<const char*>(bytes), sizeof(T));
    return *this;
  }
  FlexibleWriter& uvarint(std::uint64_t n) {
    for (; n >= 0x80; n >>= 7) out_.push_back(static_cast<char>(n | 0x80));
    out_.push_back(static_cast<char>(n));
    return *this;
  }
  FlexibleWriter& array(std::size_t count) { return uvarint(count + 1); }
  FlexibleWriter& string(std::string_view text) {
    uvarint(text.size() + 1);
    out_.append(text);
    return *this;
  }
  FlexibleWriter& uuid(const Uuid& id) { return number(id.high).number(id.low); }
  FlexibleWriter& no_tags() { return uvarint(0); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

/// Reads them back; after the first fault everything reads as zero and ok() is false.
/// Thread   a value; borrows the bytes.
class FlexibleReader {
 public:
  explicit FlexibleReader(ByteView bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

  template <class T>
  T number() {
    if (!need(sizeof(T))) return T{};
    const T value = record::load_big<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  std::uint32_t uvarint() {
    std::uint32_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      if (!need(1)) return 0;
      const auto byte = static_cast<std::uint32_t>(rest_.front());
      rest_ = rest_.subspan(1);
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }
  /// The count of an array that may not be null; each element takes at least one byte.
  std::size_t array(std::size_t count_max) {
    const std::uint32_t n = uvarint();
    if (n == 0 || n - 1 > count_max || n - 1 > rest_.size()) ok_ = false;
    return ok_ ? n - 1 : 0;
  }
  std::string string() {
    const std::uint32_t n = uvarint();
    if (n == 0) ok_ = false;
    if (!ok_ || !need(n - 1)) return {};
    std::string text(as_text(rest_.first(n - 1)));
    rest_ = rest_.subspan(n - 1);
    return text;
  }
  Uuid uuid() {
    const auto high = number<std::int64_t>();
    const auto low = number<std::int64_t>();
    return {high, low};
  }
  void skip_tags() {
    for (std::uint32_t n = uvarint(); ok_ && n > 0; --n) {
      uvarint();
      const std::uint32_t size = uvarint();
      if (need(size)) rest_ = rest_.subspan(size);
    }
  }

 private:
  bool need(std::size_t n) { return ok_ = ok_ && n <= rest_.size(); }

  ByteView rest_;
  bool ok_ = true;
};

}  // namespace moldau::raft
