// SPDX-License-Identifier: Apache-2.0
#include "wire/utf8.h"

#include <cstdint>
#include <cstring>

namespace moldau::wire {
namespace {

/// The size of the well-formed character at the front, or minus the bytes of the malformed piece.
int front(const unsigned char* p, std::size_t left) {
  const auto tail = [&](std::size_t i) { return i < left && (p[i] & 0xC0) == 0x80; };
  if (p[0] < 0x80) return 1;
  if (p[0] < 0xC2) return -1;
  if (p[0] < 0xE0) return tail(1) ? 2 : -1;
  if (p[0] < 0xF0) {
    if (!tail(1) || (p[0] == 0xE0 && p[1] < 0xA0)) return -1;
    if (!tail(2)) return -2;
    // A surrogate is one piece of three bytes.
    return p[0] == 0xED && p[1] >= 0xA0 ? -3 : 3;
  }
  if (p[0] > 0xF4 || !tail(1)) return -1;
  if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) return -1;
  if (!tail(2)) return -2;
  return tail(3) ? 4 : -3;
}

/// How many bytes at the front are plain ASCII.
std::size_t ascii_prefix(std::string_view bytes) {
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    if ((word & 0x8080808080808080ULL) != 0) break;
  }
  while (at < bytes.size() && static_cast<unsigned char>(bytes[at]) < 0x80) ++at;
  return at;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t at = ascii_prefix(bytes);
  while (at < bytes.size()) {
    const int size = front(p + at, bytes.size() - at);
    if (size < 0) return false;
    at += static_cast<std::size_t>(size);
  }
  return true;
}

std::string replace_malformed_utf8(std::string_view bytes) {
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  std::string out;
  out.reserve(bytes.size() + 8);
  for (std::size_t at = 0; at < bytes.size();) {
    const int size = front(p + at, bytes.size() - at);
    if (size > 0) {
      out.append(bytes.substr(at, static_cast<std::size_t>(size)));
      at += static_cast<std::size_t>(size);
    } else {
      out.append("\xEF\xBF\xBD");
      at += static_cast<std::size_t>(-size);
    }
  }
  return out;
}

std::string_view utf8_prefix(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace moldau::wire
