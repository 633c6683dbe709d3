// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace moldau::record {

inline constexpr std::size_t kVarintBytesMax = 5;
inline constexpr std::size_t kVarlongBytesMax = 10;

constexpr std::int32_t zigzag_decode(std::uint32_t n) {
  return static_cast<std::int32_t>((n >> 1) ^ (~(n & 1) + 1));
}
constexpr std::int64_t zigzag_decode(std::uint64_t n) {
  return static_cast<std::int64_t>((n >> 1) ^ (~(n & 1) + 1));
}
constexpr std::uint32_t zigzag_encode(std::int32_t n) {
  return (static_cast<std::uint32_t>(n) << 1) ^ static_cast<std::uint32_t>(n >> 31);
}
constexpr std::uint64_t zigzag_encode(std::int64_t n) {
  return (static_cast<std::uint64_t>(n) << 1) ^ static_cast<std::uint64_t>(n >> 63);
}

/// Reads a varint (zigzag) and returns the byte after it, or nullptr if it does not end before
/// `end` or within five bytes. Bits above 32 are dropped, as Kafka does.
inline const std::byte* read_varint(const std::byte* p, const std::byte* end, std::int32_t& out) {
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    if (p == end) return nullptr;
    const auto byte = static_cast<std::uint32_t>(*p++);
    value |= (byte & 0x7F) << shift;
    if (byte < 0x80) {
      out = zigzag_decode(value);
      return p;
    }
  }
  return nullptr;
}

/// The same for 64 bits and ten bytes.
inline const std::byte* read_varlong(const std::byte* p, const std::byte* end, std::int64_t& out) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (p == end) return nullptr;
    const auto byte = static_cast<std::uint64_t>(*p++);
    value |= (byte & 0x7F) << shift;
    if (byte < 0x80) {
      out = zigzag_decode(value);
      return p;
    }
  }
  return nullptr;
}

/// read_varint where kVarintBytesMax bytes are known to be there. Lengths and deltas of records
/// are mostly one or two bytes.
inline const std::byte* read_varint_fast(const std::byte* p, std::int32_t& out) {
  const auto first = static_cast<std::uint32_t>(p[0]);
  if (first < 0x80) {
    out = zigzag_decode(first);
    return p + 1;
  }
  const auto second = static_cast<std::uint32_t>(p[1]);
  if (second < 0x80) [[likely]] {
    out = zigzag_decode((first & 0x7F) | second << 7);
    return p + 2;
  }
  return read_varint(p, p + kVarintBytesMax, out);
}

/// read_varlong where kVarlongBytesMax bytes are known to be there.
inline const std::byte* read_varlong_fast(const std::byte* p, std::int64_t& out) {
  const auto first = static_cast<std::uint64_t>(p[0]);
  if (first < 0x80) {
    out = zigzag_decode(first);
    return p + 1;
  }
  const auto second = static_cast<std::uint64_t>(p[1]);
  if (second < 0x80) [[likely]] {
    out = zigzag_decode((first & 0x7F) | second << 7);
    return p + 2;
  }
  return read_varlong(p, p + kVarlongBytesMax, out);
}

constexpr std::size_t unsigned_varint_size(std::uint64_t n) {
  std::size_t size = 1;
  while (n >= 0x80) {
    n >>= 7;
    ++size;
  }
  return size;
}
constexpr std::size_t varint_size(std::int32_t n) {
  return unsigned_varint_size(zigzag_encode(n));
}
constexpr std::size_t varlong_size(std::int64_t n) {
  return unsigned_varint_size(zigzag_encode(n));
}

/// Writes without a bound: the caller has made room for kVarintBytesMax or kVarlongBytesMax.
inline std::byte* write_unsigned_varint(std::byte* p, std::uint64_t n) {
  while (n >= 0x80) {
    *p++ = static_cast<std::byte>(n | 0x80);
    n >>= 7;
  }
  *p++ = static_cast<std::byte>(n);
  return p;
}
inline std::byte* write_varint(std::byte* p, std::int32_t n) {
  return write_unsigned_varint(p, zigzag_encode(n));
}
inline std::byte* write_varlong(std::byte* p, std::int64_t n) {
  return write_unsigned_varint(p, zigzag_encode(n));
}

}  // namespace moldau::record
