// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <isa-l/crc.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace moldau {

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) {
  auto* data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
  std::uint32_t crc = ~seed;
  // crc32_iscsi takes an int length.
  constexpr std::size_t kStep = 1U << 30;
  std::size_t left = bytes.size();
  while (left > 0) {
    const std::size_t now = left < kStep ? left : kStep;
    crc = crc32_iscsi(data, static_cast<int>(now), crc);
    data += now;
    left -= now;
  }
  return ~crc;
}

std::int32_t murmur2(ByteView bytes) {
  constexpr std::uint32_t kSeed = 0x9747b28cU;
  constexpr std::uint32_t kM = 0x5bd1e995U;
  constexpr int kR = 24;
  const auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(bytes[i]); };
  const std::size_t length = bytes.size();
  std::uint32_t h = kSeed ^ static_cast<std::uint32_t>(length);
  std::size_t i = 0;
  for (; i + 4 <= length; i += 4) {
    std::uint32_t k = at(i) | at(i + 1) << 8 | at(i + 2) << 16 | at(i + 3) << 24;
    k *= kM;
    k ^= k >> kR;
    k *= kM;
    h *= kM;
    h ^= k;
  }
  const std::size_t tail = length - i;
  if (tail >= 3) h ^= at(i + 2) << 16;
  if (tail >= 2) h ^= at(i + 1) << 8;
  if (tail >= 1) {
    h ^= at(i);
    h *= kM;
  }
  h ^= h >> 13;
  h *= kM;
  h ^= h >> 15;
  return static_cast<std::int32_t>(h);
}

std::int32_t java_string_hash(std::string_view utf8) {
  std::uint32_t h = 0;
  const auto add = [&](std::uint32_t unit) { h = 31 * h + unit; };
  for (std::size_t i = 0; i < utf8.size();) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    std::size_t extra = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    std::uint32_t code = extra == 0 ? c : c & (0x3FU >> extra);
    for (++i; extra > 0 && i < utf8.size(); --extra, ++i)
      code = code << 6 | (static_cast<unsigned char>(utf8[i]) & 0x3FU);
    if (code >= 0x10000) {
      code -= 0x10000;
      add(0xD800 + (code >> 10));
      add(0xDC00 + (code & 0x3FF));
    } else {
      add(code);
    }
  }
  return static_cast<std::int32_t>(h);
}

std::uint64_t xxh3_64(ByteView bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Hash128 hash128(ByteView bytes, std::uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {hash.low64, hash.high64};
}

}  // namespace moldau
