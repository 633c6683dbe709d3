// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/buffer.h"
#include "base/result.h"

namespace moldau::net {

/// Room that connections of one shard may take ahead of what they have sent, for frames of a
/// size they have sent before: saves copying while a buffer grows.
/// Thread   shard-bound.
struct AheadCredit {
  std::uint64_t bytes = 0;
};

/// Cuts what one peer sends into frames: an int32 size, then so many bytes.
///
/// Path     Connection: space() → read into it → received() → next() until none → settle().
/// Owner    the connection; borrows the credit.
/// Thread   shard-bound. Pure: no IO.
/// Bounds   a declared size allocates nothing: the buffer is at most 2 × received + 64 KiB, or
///          what the shard's AheadCredit lends on top. Between frames it holds no memory.
/// Errors   next(): kInvalidRequest if a size is outside 1 … frame_bytes_max; the text says what
///          the peer seems to speak instead. Nothing can follow then.
class FrameAssembler {
 public:
  static constexpr std::size_t kSlack = 64 << 10;
  /// Frames that fill less than this part of the buffer they came in are copied out of it.
  static constexpr std::size_t kPartHandedOut = 4;
  /// Peers whose frames are smaller are read through the shard's slab.
  static constexpr std::size_t kLargeFrame = 16 << 10;
  /// Who has sent less gets little room: many such peers are nobody's clients.
  static constexpr std::size_t kAlmostSilent = 1 << 10;
  /// The constants above, smaller for tests that want to cross them often.
  struct Sizes {
    std::size_t slack = kSlack;
    std::size_t large_frame = kLargeFrame;
    std::size_t almost_silent = kAlmostSilent;
  };

  FrameAssembler(std::uint32_t frame_bytes_max, AheadCredit& credit)
      : FrameAssembler(frame_bytes_max, credit, Sizes()) {}
  FrameAssembler(std::uint32_t frame_bytes_max, AheadCredit& credit, const Sizes& sizes)
      : frame_bytes_max_(frame_bytes_max), sizes_(sizes), credit_(credit) {}
  ~FrameAssembler() { drop_buffer(); }
  FrameAssembler(const FrameAssembler&) = delete;
  FrameAssembler& operator=(const FrameAssembler&) = delete;

  /// Where to read to: never empty. `slab` is shared by all connections of the shard; it is used
  /// if no frame is under way.
  MutableBytes space(const Slice& slab);
  void received(std::size_t bytes);
  /// The next whole frame without its size, if there is one.
  Result<std::optional<Slice>> next();
  /// Ends a round of reading: what remains leaves the slab. True if a frame lives in the slab:
  /// then it must be replaced.
  bool settle();
  /// Forgets everything; the credit is not touched any more.
  void clear() { drop_buffer(); }

  /// Bytes held for an unfinished frame between rounds.
  std::size_t held() const { return shared_ ? 0 : buffer_.size(); }
  /// The part of held() that the credit lends.
  std::uint64_t borrowed() const { return borrowed_; }
  /// Bytes received that belong to no frame given out yet.
  std::size_t unread() const { return filled_ - begin_; }

 private:
  std::optional<std::uint32_t> declared() const;
  void restart(const Slice& slab);
  /// The capacity for a frame of which `have` bytes are here.
  std::size_t capacity_for(std::size_t have);
  void move_to_own(std::size_t capacity);
  void drop_buffer();

  const std::uint32_t frame_bytes_max_;
  const Sizes sizes_;
  AheadCredit& credit_;
  Slice buffer_;           // the slab or an own one
  std::size_t begin_ = 0;  // of the frame under way, its size included
  std::size_t filled_ = 0;
  bool shared_ = false;  // buffer_ is the slab
  bool slab_taken_ = false;
  std::uint32_t expected_ = 0;  // what this peer's frames were like lately
  std::uint64_t borrowed_ = 0;  // of credit_
};

/// What a peer seems to speak whose first bytes are no size ("a TLS hello", "HTTP"), or "".
std::string_view guess_protocol(ByteView first_bytes);

}  // namespace moldau::net
