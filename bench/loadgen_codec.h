// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/types.h"

namespace moldau::loadgen {

/// A frame as it goes to the socket, its size in front.
using Frame = std::vector<std::byte>;

/// Writes a frame of inflexible versions; finish() fills in its size.
class Out {
 public:
  Out() { number<std::int32_t>(0); }
  /// A request with header 1.
  Out(std::int16_t key, std::int16_t version, std::int32_t correlation) : Out() {
    number(key);
    number(version);
    number(correlation);
    text("moldau-loadgen");
  }
  template <class T>
  void number(T value) {
    for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
      frame_.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> shift));
  }
  void text(const std::string& value) {
    number(static_cast<std::int16_t>(value.size()));
    bytes(as_view(value));
  }
  // Of flexible versions.
  void unsigned_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) frame_.push_back(static_cast<std::byte>(value | 0x80));
    frame_.push_back(static_cast<std::byte>(value));
  }
  /// Of a compact array, text or bytes; -1 is null.
  void size_plus_one(std::int64_t size) { unsigned_varint(static_cast<std::uint64_t>(size + 1)); }
  void compact_text(const std::string& value) {
    size_plus_one(static_cast<std::int64_t>(value.size()));
    bytes(as_view(value));
  }
  void no_tags() { unsigned_varint(0); }
  void no_text() { number<std::int16_t>(-1); }
  void bytes(ByteView view) { frame_.insert(frame_.end(), view.begin(), view.end()); }
  /// `more`: bytes that follow the frame and count in its size (a file range).
  Frame finish(std::size_t more = 0) {
    const auto size = static_cast<std::uint32_t>(frame_.size() - 4 + more);
    for (int i = 0; i < 4; ++i)
      frame_[static_cast<std::size_t>(i)] = static_cast<std::byte>(size >> (24 - 8 * i));
    return std::move(frame_);
  }

 private:
  Frame frame_;
};

/// Reads a frame; one that is cut short ends the program.
class In {
 public:
  explicit In(ByteView view) : view_(view) {}
  template <class T>
  T number() {
    need(sizeof(T));
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value = value << 8 | static_cast<std::uint64_t>(view_[at_ + i]);
    at_ += sizeof(T);
    return static_cast<T>(value);
  }
  ByteView bytes(std::int64_t size) {
    if (size <= 0) return {};
    need(static_cast<std::size_t>(size));
    ByteView part = view_.subspan(at_, static_cast<std::size_t>(size));
    at_ += static_cast<std::size_t>(size);
    return part;
  }
  std::string text() { return std::string(as_text(bytes(number<std::int16_t>()))); }
  void skip_text() { (void)bytes(number<std::int16_t>()); }
  std::int64_t size_less_one() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      const auto byte = number<std::uint8_t>();
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return static_cast<std::int64_t>(value) - 1;
  }
  void skip_tags() {
    for (std::int64_t tags = size_less_one() + 1; tags > 0; --tags) {
      (void)size_less_one();
      (void)bytes(size_less_one() + 1);
    }
  }
  std::size_t position() const { return at_; }

 private:
  void need(std::size_t n) const {
    if (view_.size() - at_ < n) {
      std::fputs("a frame is cut short\n", stderr);
      std::exit(3);
    }
  }
  ByteView view_;
  std::size_t at_ = 0;
};

}  // namespace moldau::loadgen
