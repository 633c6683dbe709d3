// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"

#include <array>

namespace moldau {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::array<std::uint8_t, 16> bytes_of(const Uuid& id) {
  std::array<std::uint8_t, 16> out{};
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(id.high) >> (56 - 8 * i));
    out[8 + i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(id.low) >> (56 - 8 * i));
  }
  return out;
}

}  // namespace

std::string Uuid::text() const {
  const auto bytes = bytes_of(*this);
  std::string out;
  out.reserve(22);
  std::uint32_t bits = 0;
  int count = 0;
  for (std::uint8_t b : bytes) {
    bits = bits << 8 | b;
    count += 8;
    while (count >= 6) {
      count -= 6;
      out.push_back(kAlphabet[bits >> count & 63]);
    }
  }
  out.push_back(kAlphabet[bits << (6 - count) & 63]);
  return out;
}

std::string Uuid::hex() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (std::uint8_t b : bytes_of(*this)) {
    out.push_back(digits[b >> 4]);
    out.push_back(digits[b & 15]);
  }
  return out;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  while (!text.empty() && text.size() > 22 && text.back() == '=') text.remove_suffix(1);
  if (text.size() != 22) return std::nullopt;
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  // 132 bits arrive, the last four must be zero padding.
  for (std::size_t i = 0; i < 22; ++i) {
    const auto at = kAlphabet.find(text[i]);
    if (at == std::string_view::npos) return std::nullopt;
    if (i < 21) {
      high = high << 6 | low >> 58;
      low = low << 6 | at;
    } else {
      if ((at & 15) != 0) return std::nullopt;
      high = high << 2 | low >> 62;
      low = low << 2 | at >> 4;
    }
  }
  return Uuid(static_cast<std::int64_t>(high), static_cast<std::int64_t>(low));
}

}  // namespace moldau
