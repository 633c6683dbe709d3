// SPDX-License-Identifier: Apache-2.0
#include "net/frame_assembler.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace moldau::net {
namespace {

constexpr std::size_t kPrefix = 4;

std::uint32_t read_size(const std::byte* at) {
  std::uint32_t size = 0;
  std::memcpy(&size, at, sizeof(size));
  return __builtin_bswap32(size);
}

}  // namespace

MutableBytes FrameAssembler::space(const Slice& slab) {
  if (unread() == 0) restart(slab);
  if (filled_ == buffer_.size()) move_to_own(capacity_for(unread()));
  return buffer_.mutable_view().subspan(filled_);
}

void FrameAssembler::restart(const Slice& slab) {
  if (slab_taken_) {
    // Frames of this round live in the slab's front: it may be filled further, but not begun
    // again, not even after an own buffer in between.
    if (!shared_ || buffer_.size() - filled_ < sizes_.large_frame) drop_buffer();
    return;
  }
  drop_buffer();
  if (expected_ >= sizes_.large_frame) return;
  MOLDAU_CHECK(slab.size() > kPrefix, "a slab has room");
  buffer_ = slab;
  shared_ = true;
}

void FrameAssembler::received(std::size_t bytes) {
  MOLDAU_CHECK(bytes <= buffer_.size() - filled_, "more was read than there is space");
  filled_ += bytes;
}

std::optional<std::uint32_t> FrameAssembler::declared() const {
  if (unread() < kPrefix) return std::nullopt;
  return read_size(buffer_.data() + begin_);
}

Result<std::optional<Slice>> FrameAssembler::next() {
  const std::optional<std::uint32_t> size = declared();
  if (!size) return std::optional<Slice>();
  if (*size == 0 || *size > frame_bytes_max_) {
    const ByteView first = buffer_.view().subspan(begin_, std::min<std::size_t>(unread(), 16));
    const std::string_view guess = guess_protocol(first);
    return Error(ErrorCode::kInvalidRequest,
                 guess.empty() ? fmt::format("request size {} is not within 1 to {}",
                                             static_cast<std::int32_t>(*size), frame_bytes_max_)
                               : fmt::format("looks like {} on a plaintext Kafka listener", guess));
  }
  if (unread() - kPrefix < *size) return std::optional<Slice>();
  Slice frame;
  if (*size >= buffer_.size() / kPartHandedOut) {
    frame = buffer_.sub(begin_ + kPrefix, *size);
    slab_taken_ = slab_taken_ || shared_;
  } else {
    frame = Slice::copy_of(buffer_.view().subspan(begin_ + kPrefix, *size));
  }
  begin_ += kPrefix + *size;
  // Shrinks slowly: a small frame between large ones changes little.
  expected_ = std::max(*size, expected_ - expected_ / 4);
  return std::optional<Slice>(std::move(frame));
}

bool FrameAssembler::settle() {
  const bool oversized = begin_ > 0 && buffer_.size() > 2 * unread() + sizes_.slack;
  if (unread() == 0)
    drop_buffer();
  else if (shared_ || oversized)
    move_to_own(capacity_for(unread()));
  return std::exchange(slab_taken_, false);
}

std::size_t FrameAssembler::capacity_for(std::size_t have) {
  credit_.bytes += std::exchange(borrowed_, 0);
  const std::optional<std::uint32_t> size = have > 0 ? declared() : std::nullopt;
  const bool sane = size && *size > 0 && *size <= frame_bytes_max_;
  // What this peer's next frame will take, and a little of the one behind it.
  const std::size_t proven = std::size_t{expected_} + expected_ / 16 + kPrefix;
  const bool almost_silent = have > 0 && have < sizes_.almost_silent;
  const std::size_t allowed = 2 * have + (almost_silent ? sizes_.almost_silent * 2 : sizes_.slack);
  // All of what is here may be whole frames that nobody takes at the moment.
  const std::size_t wanted = std::max(sane ? kPrefix + *size : proven, have + kPrefix);
  if (wanted <= allowed) return wanted;
  if (wanted > proven || wanted - allowed > credit_.bytes) return allowed;
  borrowed_ = wanted - allowed;
  credit_.bytes -= borrowed_;
  return wanted;
}

void FrameAssembler::move_to_own(std::size_t capacity) {
  const std::size_t have = unread();
  Slice own = Slice::allocate(capacity);
  if (have > 0) std::memcpy(own.data(), buffer_.data() + begin_, have);
  buffer_ = std::move(own);
  shared_ = false;
  begin_ = 0;
  filled_ = have;
}

void FrameAssembler::drop_buffer() {
  buffer_ = Slice();
  shared_ = false;
  begin_ = filled_ = 0;
  // Without a loan the credit may be gone: an assembler outlives its shard's in a dead session.
  if (borrowed_ > 0) credit_.bytes += std::exchange(borrowed_, 0);
}

std::string_view guess_protocol(ByteView first_bytes) {
  const std::string_view text = as_text(first_bytes);
  if (text.size() >= 2 && text[0] == '\x16' && text[1] == '\x03') return "a TLS hello";
  constexpr std::array<std::string_view, 10> kHttp = {"GET ", "POST", "HEAD", "PUT ", "DELE",
                                                      "OPTI", "PATC", "TRAC", "CONN", "PRI "};
  for (const std::string_view verb : kHttp)
    if (text.substr(0, verb.size()) == verb) return "HTTP";
  if (text.substr(0, 4) == "SSH-") return "SSH";
  return {};
}

}  // namespace moldau::net
