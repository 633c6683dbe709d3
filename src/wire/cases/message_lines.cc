// SPDX-License-Identifier: Apache-2.0
#include "wire/message_lines.h"

#include <array>
#include <charconv>

namespace moldau::wire {
namespace {

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (bytes.empty()) return "-";
  std::string out;
  for (std::byte b : bytes) {
    out.push_back(kDigits[std::to_integer<unsigned>(b) >> 4]);
    out.push_back(kDigits[std::to_integer<unsigned>(b) & 15]);
  }
  return out;
}

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
  std::vector<std::byte> out;
  if (text == "-") return out;
  if (text.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (error != std::errc() || end != text.data() + i + 2) return std::nullopt;
    out.push_back(static_cast<std::byte>(value));
  }
  return out;
}

const MessageCase* find_case(std::string_view name) {
  for (const MessageCase* one : all_message_cases())
    if (one->name == name) return one;
  return nullptr;
}

std::array<std::string_view, 4> words_of(std::string_view line) {
  std::array<std::string_view, 4> words;
  for (std::string_view& word : words) {
    const std::size_t end = std::min(line.find(' '), line.size());
    word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

}  // namespace

std::string make_line(const MessageCase& one, std::int16_t version, bool plain,
                      std::uint64_t seed) {
  std::string out(one.name);
  out.append(" ").append(std::to_string(version)).append(plain ? " plain " : " random ");
  if (plain) return out + to_hex(one.plain(version));
  const auto bytes = one.random(seed, version);
  MOLDAU_CHECK(bytes.ok(), one.name);
  return out + to_hex(*bytes);
}

std::string check_line(std::string_view line) {
  const auto [name, number, kind, hex] = words_of(line);
  const MessageCase* one = find_case(name);
  if (!one) return "no message " + std::string(name);
  int version = -1;
  std::from_chars(number.data(), number.data() + number.size(), version);
  const auto bytes = from_hex(hex);
  const std::string where = std::string(name) + " v" + std::to_string(version) + ": ";
  if (!bytes || version < one->min_version || version > one->max_version)
    return where + "not a line of the corpus";
  const auto v = static_cast<std::int16_t>(version);
  const auto again = one->again(*bytes, v);
  if (!again.ok()) return where + again.error().text() + "\n  they " + std::string(hex);
  if (*again != *bytes)
    return where + "differs\n  they " + std::string(hex) + "\n  ours " + to_hex(*again);
  if (kind == "plain" && one->plain(v) != *bytes)
    return where + "another default\n  they " + std::string(hex) + "\n  ours " +
           to_hex(one->plain(v));
  return {};
}

}  // namespace moldau::wire
