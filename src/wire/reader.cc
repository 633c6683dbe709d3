// SPDX-License-Identifier: Apache-2.0
#include "wire/reader.h"

#include <string>

#include "wire/utf8.h"

namespace moldau::wire {
namespace {
constexpr std::int64_t kMaxText = 0x7fff;
}

void Reader::fail(const char* field, const char* why, std::int64_t number) {
  if (why_ != nullptr) return;
  why_ = why;
  field_ = field;
  number_ = number;
  where_ = position();
  at_ = end_;
}

void Reader::short_of(std::size_t size, const char* field) {
  fail(field, "the bytes end, wanted", static_cast<std::int64_t>(size));
}

std::uint32_t Reader::long_uvarint(const char* field) {
  std::uint32_t value = 0;
  for (int shift = 0; shift <= 28; shift += 7) {
    const std::byte* from = take(1, field);
    if (!from) return 0;
    const auto bits = std::to_integer<std::uint32_t>(*from);
    value |= (bits & 0x7f) << shift;
    if (bits < 0x80) return value;
  }
  fail(field, "a number of more than 5 bytes");
  return 0;
}

std::int64_t Reader::varlong(const char* field) {
  std::uint64_t value = 0;
  for (int shift = 0; shift <= 63; shift += 7) {
    const std::byte* from = take(1, field);
    if (!from) return 0;
    const auto bits = std::to_integer<std::uint64_t>(*from);
    value |= (bits & 0x7f) << shift;
    if (bits < 0x80) return static_cast<std::int64_t>((value >> 1) ^ (0 - (value & 1)));
  }
  fail(field, "a number of more than 10 bytes");
  return 0;
}

std::int64_t Reader::length(bool flexible, bool wide, bool nullable, const char* field) {
  std::int64_t length = 0;
  if (flexible) {
    // Java computes with 32 bits: from 2^31 on a length is negative, and that is null.
    length = static_cast<std::int32_t>(uvarint(field) - 1);
  } else {
    length = wide ? int32(field) : int16(field);
  }
  if (length < 0) {
    if (ok() && !nullable) fail(field, "null where it cannot be");
    return -1;
  }
  return length;
}

Text Reader::text(bool flexible, bool nullable, const char* field) {
  const std::int64_t size = length(flexible, false, nullable, field);
  if (size < 0) return ok() ? Text::null() : Text();
  if (size > kMaxText) {
    fail(field, "a string that is too long", size);
    return {};
  }
  const std::byte* from = take(static_cast<std::size_t>(size), field);
  if (!from) return {};
  const std::string_view seen(reinterpret_cast<const char*>(from), static_cast<std::size_t>(size));
  if (is_utf8(seen)) [[likely]]
    return Text(seen);
  return Text(replace_malformed_utf8(seen));
}

Bytes Reader::bytes(bool flexible, bool nullable, const char* field) {
  const std::int64_t size = length(flexible, true, nullable, field);
  if (size < 0) return ok() ? Bytes::null() : Bytes();
  return Bytes(raw(static_cast<std::size_t>(size), field));
}

Records Reader::records(bool flexible, bool nullable, const char* field) {
  const std::int64_t size = length(flexible, true, nullable, field);
  if (size < 0) return Records::null();
  return Records(raw(static_cast<std::size_t>(size), field));
}

std::int64_t Reader::array(bool flexible, bool nullable, std::size_t least, const char* field) {
  const std::int64_t count = length(flexible, true, nullable, field);
  if (count > 0 && static_cast<std::uint64_t>(count) > left() / least) {
    fail(field, "more elements than the bytes left can hold", count);
    return 0;
  }
  return count;
}

std::uint32_t Reader::tag_count() {
  const std::uint32_t count = uvarint("tagged fields");
  if (count > left() / 2) {
    fail("tagged fields", "more tagged fields than the bytes left can hold", count);
    return 0;
  }
  return count;
}

Reader::Tag Reader::tag() {
  Tag tag;
  tag.number = uvarint("tag");
  tag.size = uvarint("size of a tagged field");
  return tag;
}

void Reader::skip_tag(Tag tag) {
  take(tag.size, "unknown tagged field");
}

void Reader::skip_tags() {
  for (auto tags = tag_count(); tags > 0 && ok(); --tags) skip_tag(tag());
}

void Reader::refuse_tag(const char* field) {
  fail(field, "a tag that this version does not have");
}

void Reader::expect_end(const char* field) {
  if (left() > 0) fail(field, "bytes are left over", static_cast<std::int64_t>(left()));
}

Result<void> Reader::status(std::string_view message, std::int16_t version) const {
  if (ok()) return {};
  std::string detail(message);
  detail.append(" v").append(std::to_string(version)).append(": ").append(field_);
  detail.append(": ").append(why_);
  if (number_ != 0) detail.append(" ").append(std::to_string(number_));
  detail.append(" at byte ").append(std::to_string(where_));
  return {ErrorCode::kInvalidRequest, std::move(detail)};
}

Result<void> unsupported_version(std::string_view message, std::int16_t version) {
  std::string detail(message);
  detail.append(" has no version ").append(std::to_string(version));
  return {ErrorCode::kUnsupportedVersion, std::move(detail)};
}

}  // namespace moldau::wire
