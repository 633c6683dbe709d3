// SPDX-License-Identifier: Apache-2.0
#include "cli/java_text.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <limits>
#include <numeric>
#include <optional>

namespace moldau::cli {
namespace {

constexpr std::size_t kTableMin = 16;

std::uint32_t mix(std::uint32_t h, std::uint32_t next) {
  return h * 31 + next;
}

/// Code points of UTF-8; a byte that belongs to none is taken as U+FFFD, as Java reads it.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  if (more == 0) return 0xFFFD;
  std::uint32_t point = first & (0x3FU >> more);
  for (int i = 0; i < more; ++i) {
    if (at == text.size() || (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U) return 0xFFFD;
    point = point << 6U | (static_cast<unsigned char>(text[at++]) & 0x3FU);
  }
  return point;
}

template <class T>
Result<T> parse_number(std::string_view text) {
  T value = 0;
  std::string_view digits = text;
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty())
    return Error(ErrorCode::kInvalidRequest, "For input string: \"" + std::string(text) + "\"");
  return value;
}

}  // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = text.find(separator, begin);
    out.emplace_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) break;
    begin = end + 1;
  }
  while (out.size() > 1 && out.back().empty()) out.pop_back();
  if (out.size() == 1 && out[0].empty() && !text.empty()) out.clear();
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out.append(between);
    out.append(parts[i]);
  }
  return out;
}

Result<std::int32_t> parse_int(std::string_view text) {
  return parse_number<std::int32_t>(text);
}

Result<std::int64_t> parse_long(std::string_view text) {
  return parse_number<std::int64_t>(text);
}

Error wrong(std::string text) {
  return {ErrorCode::kInvalidRequest, std::move(text)};
}

Result<Uuid> parse_uuid(const std::string& text) {
  if (text.size() > 24)
    return wrong("Input string with prefix `" + text.substr(0, 24) +
                 "` is too long to be decoded as a base64 UUID");
  if (const auto id = Uuid::parse(text)) return *id;
  const std::size_t padding = text.size() - std::min(text.find('='), text.size());
  const std::size_t digits = text.size() - padding;
  for (std::size_t i = 0; i < digits; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (std::isalnum(c) != 0 || c == '-' || c == '_') continue;
    const std::string_view hex = "0123456789abcdef";
    return wrong(std::string("Illegal base64 character ") +
                 (c < 16 ? "" : std::string(1, hex[c >> 4U])) + hex[c & 15U]);
  }
  if (digits == 1) return wrong("Input byte[] should at least have 2 bytes for base64 bytes");
  if (digits % 4 == 1) return wrong("Last unit does not have enough valid bits");
  return wrong("Input string `" + text + "` decoded as " + std::to_string(digits * 3 / 4) +
               " bytes, which is not equal to the expected 16 bytes of a base64-encoded UUID");
}

std::int32_t java_hash(std::string_view text) {
  std::uint32_t h = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t point = next_code_point(text, at);
    if (point < 0x10000) {
      h = mix(h, point);
    } else {
      h = mix(h, 0xD7C0U + (point >> 10U));
      h = mix(h, 0xDC00U + (point & 0x3FFU));
    }
  }
  return static_cast<std::int32_t>(h);
}

std::vector<std::size_t> hash_map_order(const std::vector<std::int32_t>& hashes,
                                        std::size_t capacity) {
  std::size_t table = capacity == 0 ? kTableMin : std::bit_ceil(capacity);
  while (hashes.size() > table * 3 / 4) table *= 2;
  auto bucket = [&](std::size_t i) {
    const auto h = static_cast<std::uint32_t>(hashes[i]);
    return (h ^ h >> 16U) & static_cast<std::uint32_t>(table - 1);
  };
  std::vector<std::size_t> order(hashes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return bucket(a) < bucket(b); });
  return order;
}

}  // namespace moldau::cli
