// SPDX-License-Identifier: Apache-2.0
#pragma once

// The test library of the messages: random values of each, reached through one table.
// Not part of the product.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "wire/codec.h"

namespace moldau::wire {

/// Reproducible random numbers (splitmix64).
/// Thread   a value.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool coin() { return (next() & 1) != 0; }
  /// Often small, sometimes an extreme.
  std::int64_t number() {
    switch (below(4)) {
      case 0:
        return static_cast<std::int64_t>(below(3)) - 1;
      case 1:
        return static_cast<std::int64_t>(below(200));
      case 2:
        return coin() ? INT64_MAX : INT64_MIN;
      default:
        return static_cast<std::int64_t>(next());
    }
  }
  std::string text() {
    static constexpr std::string_view kPieces[] = {
        "a", "Z", "-", "_", "9", "\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x90\x9F"};
    std::string out;
    const std::uint64_t size = below(20) == 0 ? below(300) : below(12);
    for (std::uint64_t i = 0; i < size; ++i) out.append(kPieces[below(8)]);
    return out;
  }
  std::vector<std::byte> bytes() {
    std::vector<std::byte> out(below(20) == 0 ? below(300) : below(12));
    for (std::byte& b : out) b = static_cast<std::byte>(next());
    return out;
  }
  std::size_t count() { return below(30) == 0 ? 130 + below(20) : below(4); }

 private:
  std::uint64_t state_;
};

/// What a test or fuzzer can do with a message that it knows by name only.
struct MessageCase {
  std::string_view name;
  std::string_view kind;  // "request", "response", "metadata", "key", "value", "data", "header"
  int key;                // API key or record type, -1 if none
  std::int16_t min_version;
  std::int16_t max_version;
  std::int16_t flexible_since;
  /// A random value, encoded; fails if it does not come back equal.
  Result<std::vector<std::byte>> (*random)(std::uint64_t seed, std::int16_t version);
  /// Decodes (all bytes, or it fails) and encodes again.
  Result<std::vector<std::byte>> (*again)(ByteView bytes, std::int16_t version);
  /// The default value, encoded.
  std::vector<std::byte> (*plain)(std::int16_t version);
};

std::span<const MessageCase* const> all_message_cases();

template <class T>
void fill(T& to, Dice& d, std::int16_t v, bool nullable);

template <class T>
void fill(std::vector<T>& to, Dice& d, std::int16_t v, bool) {
  const std::size_t count = Generated<T> ? d.below(3) : d.count();
  to.clear();
  for (std::size_t i = 0; i < count; ++i) {
    T element{};
    fill(element, d, v, false);
    to.push_back(std::move(element));
  }
}

template <class T>
void fill(std::optional<T>& to, Dice& d, std::int16_t v, bool nullable) {
  if (nullable && d.below(3) == 0) return to.reset();
  fill(to.emplace(), d, v, false);
}

template <class T>
void fill(T& to, Dice& d, std::int16_t v, bool nullable) {
  (void)v;
  const bool null = nullable && d.below(3) == 0;
  if constexpr (Generated<T>) {
    randomize(to, d, v);
  } else if constexpr (std::is_same_v<T, Text>) {
    to = null ? Text::null() : Text(d.text());
  } else if constexpr (std::is_same_v<T, Bytes>) {
    to = null ? Bytes::null() : Bytes::copy_of(d.bytes());
  } else if constexpr (std::is_same_v<T, Records>) {
    to = null ? Records::null() : Records::copy_of(d.bytes());
  } else if constexpr (std::is_same_v<T, Uuid>) {
    to = d.below(3) == 0 ? Uuid() : Uuid(d.number(), d.number());
  } else if constexpr (std::is_same_v<T, bool>) {
    to = d.coin();
  } else if constexpr (std::is_same_v<T, double>) {
    to = static_cast<double>(d.number()) / 8;
  } else {
    to = static_cast<T>(d.number());
  }
}

template <class M>
std::vector<std::byte> encoded(const M& message, std::int16_t version) {
  std::vector<std::byte> out(message.size(version));
  Writer writer(out);
  message.encode(writer, version);
  MOLDAU_CHECK(writer.left() == 0, "a message is shorter than its size");
  return out;
}

template <class M>
Result<void> decode_all(M& message, ByteView bytes, std::int16_t version) {
  Reader reader(bytes);
  MOLDAU_TRY(message.decode(reader, version));
  reader.expect_end("end");
  return reader.status(M::kName, version);
}

template <class M>
Result<std::vector<std::byte>> random_case(std::uint64_t seed, std::int16_t version) {
  Dice dice(seed);
  M message;
  randomize(message, dice, version);
  if (!message.representable(version))
    return {ErrorCode::kUnknownServerError, "a random value is not representable"};
  std::vector<std::byte> bytes = encoded(message, version);
  M back;
  MOLDAU_TRY(decode_all(back, bytes, version));
  if (!(back == message)) return {ErrorCode::kUnknownServerError, "came back changed"};
  return bytes;
}

template <class M>
Result<std::vector<std::byte>> again_case(ByteView bytes, std::int16_t version) {
  M message;
  MOLDAU_TRY(decode_all(message, bytes, version));
  return encoded(message, version);
}

template <class M>
constexpr MessageCase make_case(std::string_view kind, int key) {
  return {M::kName,
          kind,
          key,
          M::kMinVersion,
          M::kMaxVersionUnstable,
          M::kFlexibleSince,
          &random_case<M>,
          &again_case<M>,
          [](std::int16_t version) { return encoded(M(), version); }};
}

}  // namespace moldau::wire
