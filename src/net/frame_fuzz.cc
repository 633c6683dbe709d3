// SPDX-License-Identifier: Apache-2.0
// The first byte of each step says how much of the input comes next; whatever the cutting, the
// frames are those of a naive splitter, and the buffer never outgrows its bound.
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "net/frame_assembler.h"

namespace moldau::net {
namespace {

constexpr std::uint32_t kFrameBytesMax = 4096;
constexpr FrameAssembler::Sizes kSizes = {64, 48, 16};
constexpr std::uint64_t kCredit = 200;

void require(bool condition) {
  if (!condition) std::abort();
}

/// What a peer's bytes mean, the slow way; stops where the stream is invalid.
std::vector<std::string> split(const std::string& text, bool& valid) {
  std::vector<std::string> frames;
  std::size_t at = 0;
  valid = true;
  while (text.size() - at >= 4) {
    std::uint32_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(text[at + i]);
    if (size == 0 || size > kFrameBytesMax) {
      valid = false;
      break;
    }
    if (text.size() - at - 4 < size) break;
    frames.push_back(text.substr(at + 4, size));
    at += 4 + size;
  }
  return frames;
}

void run(ByteView input) {
  AheadCredit credit{kCredit};
  std::string sent;
  std::vector<Slice> frames;
  bool failed = false;
  {
    FrameAssembler assembler(kFrameBytesMax, credit, kSizes);
    Slice slab = Slice::allocate(256);
    while (!input.empty() && !failed) {
      // Small steps as they are, large ones stretch a piece: frames beyond the slab get tested.
      const auto step = std::to_integer<std::size_t>(input[0]);
      const std::size_t take = std::min<std::size_t>(input.size() - 1, step % 32);
      std::string piece(as_text(input.subspan(1, take)));
      input = input.subspan(1 + take);
      if (step >= 128) piece.append((step - 127) * 5, '\0' + static_cast<char>(step));
      sent += piece;
      while (!piece.empty() && !failed) {
        const MutableBytes space = assembler.space(slab);
        require(!space.empty());
        const std::size_t n = std::min(space.size(), piece.size());
        std::memcpy(space.data(), piece.data(), n);
        piece.erase(0, n);
        assembler.received(n);
        // A busy connection takes frames in the next round only.
        while (step % 5 != 0) {
          auto frame = assembler.next();
          failed = !frame.ok();
          if (failed || !*frame) break;
          frames.push_back(std::move(**frame));
        }
      }
      if (assembler.settle()) slab = Slice::allocate(slab.size());
      require(assembler.held() <= 2 * assembler.unread() + kSizes.slack + assembler.borrowed());
      std::memset(slab.data(), 0xEE, slab.size());
    }
    while (!failed) {
      auto frame = assembler.next();
      failed = !frame.ok();
      if (failed || !*frame) break;
      frames.push_back(std::move(**frame));
    }
  }
  require(credit.bytes == kCredit);
  bool valid = true;
  const std::vector<std::string> expected = split(sent, valid);
  require(failed == !valid);
  require(frames.size() == expected.size());
  for (std::size_t i = 0; i < frames.size(); ++i) require(as_text(frames[i].view()) == expected[i]);
}

}  // namespace
}  // namespace moldau::net

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moldau::net::run({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
