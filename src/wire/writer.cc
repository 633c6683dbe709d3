// SPDX-License-Identifier: Apache-2.0
#include "wire/writer.h"

#include <string_view>

#include "wire/utf8.h"

namespace moldau::wire {
namespace {

constexpr std::size_t kMaxText = 0x7fff;

std::string_view cut(const Text& value) {
  if (value.size() <= kMaxText) [[likely]]
    return value.view();
  return utf8_prefix(value.view(), kMaxText);
}

std::size_t prefix_size(std::size_t size, bool flexible) {
  return flexible ? uvarint_size(static_cast<std::uint32_t>(size + 1)) : 4;
}

}  // namespace

void Writer::varlong(std::int64_t value) {
  auto raw = (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  while (raw >= 0x80) {
    number(static_cast<std::uint8_t>(raw | 0x80));
    raw >>= 7;
  }
  number(static_cast<std::uint8_t>(raw));
}

void Writer::raw(ByteView bytes) {
  MOLDAU_CHECK(left() >= bytes.size(), "a message is longer than its size");
  if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
  at_ += bytes.size();
}

void Writer::length(std::size_t size, bool flexible) {
  if (flexible) {
    uvarint(static_cast<std::uint32_t>(size + 1));
  } else {
    int32(static_cast<std::int32_t>(size));
  }
}

void Writer::text(const Text& value, bool flexible, bool nullable) {
  if (value.is_null() && nullable) {
    if (flexible) {
      uvarint(0);
    } else {
      int16(-1);
    }
    return;
  }
  const std::string_view text = cut(value);
  if (flexible) {
    uvarint(static_cast<std::uint32_t>(text.size() + 1));
  } else {
    int16(static_cast<std::int16_t>(text.size()));
  }
  raw(as_view(text));
}

void Writer::bytes(const Bytes& value, bool flexible, bool nullable) {
  if (value.is_null() && nullable) return null_array(flexible);
  length(value.size(), flexible);
  raw(value.view());
}

void Writer::records(const Records& value, bool flexible, bool nullable) {
  if (value.is_null() && nullable) return null_array(flexible);
  length(value.size(), flexible);
  if (!value.is_external()) return raw(value.view());
  if (value.size() == 0) return;
  splices_.emplace_back(position(), &value);
  external_ += value.size();
}

void Writer::array(std::size_t count, bool flexible) {
  MOLDAU_CHECK(count < INT32_MAX, "an array that no message can carry");
  length(count, flexible);
}

void Writer::null_array(bool flexible) {
  if (flexible) {
    uvarint(0);
  } else {
    int32(-1);
  }
}

std::size_t text_size(const Text& value, bool flexible) {
  const std::size_t size = cut(value).size();
  // Null takes the prefix of an empty string, in both forms.
  return size + (flexible ? uvarint_size(static_cast<std::uint32_t>(size + 1)) : 2);
}

std::size_t bytes_size(const Bytes& value, bool flexible) {
  return value.size() + prefix_size(value.size(), flexible);
}

std::size_t records_size(const Records& value, bool flexible) {
  return (value.is_external() ? 0 : value.size()) + prefix_size(value.size(), flexible);
}

}  // namespace moldau::wire
