// SPDX-License-Identifier: Apache-2.0
#include <snappy.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "record/big_endian.h"
#include "record/codec_states.h"

namespace moldau::record {
namespace {

// The framing of the Java library, which Kafka inherited: 8 bytes of magic, version, lowest
// compatible version, then blocks with an int32 size each. A stream without the magic is one
// bare block.
constexpr std::array<unsigned char, 8> kMagic = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::size_t kHeaderBytes = 16;
constexpr std::int32_t kVersion = 1;
constexpr std::size_t kBlockBytes = std::size_t{32} << 10;

// The best a snappy element does is 64 bytes out of 3, so a larger claim is a lie.
constexpr std::size_t kRatioMax = 22;

const char* text(const std::byte* bytes) {
  return reinterpret_cast<const char*>(bytes);
}

bool has_magic(ByteView in) {
  return in.size() >= kHeaderBytes && std::memcmp(in.data(), kMagic.data(), kMagic.size()) == 0;
}

class SnappyStream : public Decompressor::Stream {
 public:
  SnappyStream(CompressionContext& context, ByteView in, bool framed)
      : limit_(context.limits.output_bytes_max),
        in_(in),
        block_(context.states()),
        framed_(framed) {}

  Result<std::size_t> read(MutableBytes out) override {
    std::size_t filled = block_.give(out);
    while (filled < out.size()) {
      MOLDAU_ASSIGN_OR_RETURN(const ByteView chunk, next_chunk());
      if (chunk.empty()) break;
      MOLDAU_ASSIGN_OR_RETURN(const std::size_t size, checked_size(chunk));
      const bool direct = size <= out.size() - filled;
      std::byte* to = direct ? out.data() + filled : block_.prepare(size);
      if (!snappy::RawUncompress(text(chunk.data()), chunk.size(), reinterpret_cast<char*>(to)))
        return damaged("snappy", "bad block");
      if (direct) {
        filled += size;
      } else {
        block_.filled(size);
        filled += block_.give(out.subspan(filled));
      }
    }
    return filled;
  }

 private:
  /// The next compressed block; empty at the end.
  Result<ByteView> next_chunk() {
    if (!framed_) return std::exchange(in_, {});
    for (;;) {
      if (in_.size() < 4) return ByteView();
      // Streams may be concatenated; the magic reads as a negative size.
      if (has_magic(in_)) {
        in_ = in_.subspan(kHeaderBytes);
        continue;
      }
      const auto size = load_big<std::int32_t>(in_.data());
      if (size < 0) return damaged("snappy", "negative block size");
      in_ = in_.subspan(4);
      if (static_cast<std::size_t>(size) > in_.size()) return damaged("snappy", "cut off");
      if (size == 0) continue;
      const ByteView chunk = in_.first(static_cast<std::size_t>(size));
      in_ = in_.subspan(chunk.size());
      return chunk;
    }
  }

  Result<std::size_t> checked_size(ByteView chunk) const {
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(text(chunk.data()), chunk.size(), &size))
      return damaged("snappy", "block without a length");
    if (size > chunk.size() * kRatioMax) return damaged("snappy", "impossible block length");
    if (size > limit_)
      return Error(ErrorCode::kMessageTooLarge, "snappy block is larger than the limit");
    return size;
  }

  std::size_t limit_;
  ByteView in_;
  BlockSource block_;
  bool framed_;
};

}  // namespace

Result<StreamPtr> open_snappy(CompressionContext& context, ByteView in) {
  if (in.empty()) return damaged("snappy", "empty input");
  const bool framed = has_magic(in);
  if (framed && load_big<std::int32_t>(in.data() + kMagic.size()) < kVersion)
    return damaged("snappy", "unsupported version");
  if (framed) in = in.subspan(kHeaderBytes);
  return StreamPtr(std::make_unique<SnappyStream>(context, in, framed));
}

Result<void> compress_snappy(ByteView in, GrowingBytes& out) {
  std::byte* header = out.reserve(kHeaderBytes);
  std::memcpy(header, kMagic.data(), kMagic.size());
  store_big(header + 8, kVersion);
  store_big(header + 12, kVersion);
  out.commit(kHeaderBytes);
  while (!in.empty()) {
    const ByteView block = in.first(std::min(in.size(), kBlockBytes));
    std::byte* to = out.reserve(4 + snappy::MaxCompressedLength(block.size()));
    std::size_t size = 0;
    snappy::RawCompress(text(block.data()), block.size(), reinterpret_cast<char*>(to + 4), &size);
    store_big(to, static_cast<std::int32_t>(size));
    out.commit(4 + size);
    in = in.subspan(block.size());
  }
  return {};
}

}  // namespace moldau::record
