// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace moldau {

/// 128 bits; Kafka's text form is base64url without padding, 22 characters.
/// Order is that of Java's UUID: both halves signed (broker directories are sorted so).
/// Thread   a value.
struct Uuid {
  std::int64_t high = 0;
  std::int64_t low = 0;

  constexpr Uuid() = default;
  constexpr Uuid(std::int64_t h, std::int64_t l) : high(h), low(l) {}
  constexpr auto operator<=>(const Uuid&) const = default;
  constexpr bool is_zero() const { return high == 0 && low == 0; }

  /// 22 characters of base64url.
  std::string text() const;
  /// 32 hexadecimal digits (names of deleted directories).
  std::string hex() const;
  /// Accepts exactly 22 base64url characters (up to 24 with padding).
  static std::optional<Uuid> parse(std::string_view text);
  /// A version 4 UUID from 128 random bits, not reserved and not beginning with '-'.
  /// `next` gives 64 random bits.
  template <class Next>
  static Uuid random(Next&& next);
  /// The first hundred UUIDs are Kafka's own.
  constexpr bool is_reserved() const { return high == 0 && low >= 0 && low < 100; }
};

inline constexpr Uuid kMetadataTopicId{0, 1};
inline constexpr Uuid kDirectoryMigrating{0, 0};
inline constexpr Uuid kDirectoryUnassigned{0, 1};
inline constexpr Uuid kDirectoryLost{0, 2};

template <class Next>
Uuid Uuid::random(Next&& next) {
  for (;;) {
    auto high = static_cast<std::uint64_t>(next());
    auto low = static_cast<std::uint64_t>(next());
    high = (high & ~0xF000ULL) | 0x4000ULL;
    low = (low & ~(0xC0ULL << 56)) | (0x80ULL << 56);
    Uuid id(static_cast<std::int64_t>(high), static_cast<std::int64_t>(low));
    if (!id.is_reserved() && id.text().front() != '-') return id;
  }
}

}  // namespace moldau

template <>
struct std::hash<moldau::Uuid> {
  std::size_t operator()(const moldau::Uuid& id) const {
    return static_cast<std::size_t>(static_cast<std::uint64_t>(id.high) * 0x9E3779B97F4A7C15ULL ^
                                    static_cast<std::uint64_t>(id.low));
  }
};
