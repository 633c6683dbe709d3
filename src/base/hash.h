// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/types.h"

namespace moldau {

/// CRC-32C (Castagnoli) of record batches and producer snapshots; `seed` continues a checksum.
std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);

/// The 32-bit murmur2 of Kafka's partitioner, seed 0x9747b28c.
std::int32_t murmur2(ByteView bytes);

/// 128 bits that stand for `bytes`; whoever does not know the seed cannot make two keys collide.
/// Differs between versions: never stored. (xxHash3)
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Hash128&) const = default;
};
Hash128 hash128(ByteView bytes, std::uint64_t seed);

/// The 64-bit xxHash3, seed 0. Stored in metadata hashes of groups (KIP-1101).
std::uint64_t xxh3_64(ByteView bytes);

/// Java's String.hashCode over the UTF-16 units of a UTF-8 text: maps groups and transactional
/// ids to partitions of their internal topics.
std::int32_t java_string_hash(std::string_view utf8);

/// Math.abs as Kafka uses it: the smallest int becomes 0.
constexpr std::int32_t java_abs(std::int32_t n) {
  return n == INT32_MIN ? 0 : n < 0 ? -n : n;
}

}  // namespace moldau
