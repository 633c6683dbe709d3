// SPDX-License-Identifier: Apache-2.0
#include <lz4.h>
#include <lz4hc.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "record/codec_states.h"

namespace moldau::record {
namespace {

// Kafka's part of the LZ4 frame format 1.5: independent blocks, optional block checksums, no
// dictionary, one frame. The frame is little-endian.
constexpr std::uint32_t kMagic = 0x184D2204;
constexpr std::uint32_t kStoredBit = 0x80000000U;
constexpr std::size_t kWriteBlockBytes = std::size_t{64} << 10;
constexpr unsigned char kWriteFlags = 0x60;            // version 1, independent blocks
constexpr unsigned char kWriteBlockDescriptor = 0x40;  // 64 KiB
constexpr int kFastLevel = 9;                          // the default: the fast compressor
constexpr std::size_t kRatioMax = 255;

std::uint32_t load_little(const std::byte* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
void store_little(std::byte* to, std::uint32_t value) {
  std::memcpy(to, &value, sizeof value);
}

const char* text(const std::byte* bytes) {
  return reinterpret_cast<const char*>(bytes);
}

class Lz4Stream : public Decompressor::Stream {
 public:
  explicit Lz4Stream(CompressionContext& context, ByteView in)
      : in_(in), block_(context.states()) {}

  Result<void> read_header(bool legacy) {
    if (in_.size() < 7) return damaged("lz4", "stream ended prematurely");
    if (load_little(in_.data()) != kMagic)
      return damaged("lz4", "stream unsupported (invalid magic bytes)");
    const auto flags = static_cast<unsigned>(in_[4]);
    const auto descriptor = static_cast<unsigned>(in_[5]);
    if ((flags & 3) != 0) return damaged("lz4", "reserved bits must be 0");
    if ((flags & 0x20) == 0) return damaged("lz4", "dependent block stream is unsupported");
    if (flags >> 6 != 1) return damaged("lz4", "version is unsupported");
    if ((descriptor & 0x8F) != 0) return damaged("lz4", "reserved bits must be 0");
    const unsigned size_code = descriptor >> 4;
    if (size_code < 4) return damaged("lz4", "block size value must be between 4 and 7");
    block_bytes_max_ = std::size_t{1} << (2 * size_code + 8);
    block_checksum_ = (flags & 0x10) != 0;
    content_checksum_ = (flags & 0x04) != 0;
    const std::size_t described = (flags & 0x08) != 0 ? 10 : 2;
    if (in_.size() < 4 + described + 1) return damaged("lz4", "stream ended prematurely");
    // The first producers computed this checksum wrongly, hence of magic 0 it is not looked at.
    const auto hash = XXH32(in_.data() + 4, described, 0);
    if (!legacy && static_cast<unsigned>(in_[4 + described]) != ((hash >> 8) & 0xFF))
      return damaged("lz4", "stream frame descriptor corrupted");
    in_ = in_.subspan(4 + described + 1);
    return {};
  }

  Result<std::size_t> read(MutableBytes out) override {
    std::size_t filled = block_.give(out);
    while (filled < out.size() && !ended_) {
      MOLDAU_ASSIGN_OR_RETURN(const Block block, next_block());
      if (ended_) break;
      const ByteView bytes = block.bytes;
      const std::size_t room = std::min(block_bytes_max_, bytes.size() * kRatioMax + 64);
      const bool direct = room <= out.size() - filled;
      std::byte* to = direct ? out.data() + filled : block_.prepare(room);
      int size = static_cast<int>(bytes.size());
      if (block.stored) {
        std::memcpy(to, bytes.data(), bytes.size());
      } else {
        size = LZ4_decompress_safe(text(bytes.data()), reinterpret_cast<char*>(to), size,
                                   static_cast<int>(room));
        if (size < 0) return damaged("lz4", "bad block");
      }
      if (direct) {
        filled += static_cast<std::size_t>(size);
      } else {
        block_.filled(static_cast<std::size_t>(size));
        filled += block_.give(out.subspan(filled));
      }
    }
    return filled;
  }

 private:
  struct Block {
    ByteView bytes;
    bool stored = false;
  };

  Result<Block> next_block() {
    if (in_.size() < 4) return damaged("lz4", "stream ended prematurely");
    const std::uint32_t word = load_little(in_.data());
    const std::size_t size = word & ~kStoredBit;
    in_ = in_.subspan(4);
    if (size == 0) {
      // The checksum of the content is not verified, as in Kafka: the batch has its own.
      if (content_checksum_ && in_.size() < 4) return damaged("lz4", "stream ended prematurely");
      ended_ = true;
      return Block();
    }
    if (size > block_bytes_max_) return damaged("lz4", "block size exceeded maximum");
    if (in_.size() < size + (block_checksum_ ? 4 : 0))
      return damaged("lz4", "stream ended prematurely");
    const Block block{in_.first(size), (word & kStoredBit) != 0};
    in_ = in_.subspan(size);
    if (block_checksum_) {
      if (XXH32(block.bytes.data(), size, 0) != load_little(in_.data()))
        return damaged("lz4", "block checksum mismatch");
      in_ = in_.subspan(4);
    }
    return block;
  }

  ByteView in_;
  BlockSource block_;
  std::size_t block_bytes_max_ = 0;
  bool block_checksum_ = false;
  bool content_checksum_ = false;
  bool ended_ = false;
};

int compress_block(CodecStates& states, int level, ByteView block, std::byte* to, int room) {
  const int size = static_cast<int>(block.size());
  auto* target = reinterpret_cast<char*>(to);
  if (level == kFastLevel) {
    states.lz4_fast.resize(static_cast<std::size_t>(LZ4_sizeofState()));
    return LZ4_compress_fast_extState(states.lz4_fast.data(), text(block.data()), target, size,
                                      room, 1);
  }
  states.lz4_high.resize(static_cast<std::size_t>(LZ4_sizeofStateHC()));
  return LZ4_compress_HC_extStateHC(states.lz4_high.data(), text(block.data()), target, size, room,
                                    level);
}

}  // namespace

Result<StreamPtr> open_lz4(CompressionContext& context, ByteView in, bool legacy) {
  auto stream = std::make_unique<Lz4Stream>(context, in);
  MOLDAU_TRY(stream->read_header(legacy));
  return StreamPtr(std::move(stream));
}

Result<void> compress_lz4(CodecStates& states, int level, ByteView in, GrowingBytes& out,
                          bool legacy) {
  std::byte* header = out.reserve(7);
  store_little(header, kMagic);
  header[4] = static_cast<std::byte>(kWriteFlags);
  header[5] = static_cast<std::byte>(kWriteBlockDescriptor);
  const auto hash = legacy ? XXH32(header, 6, 0) : XXH32(header + 4, 2, 0);
  header[6] = static_cast<std::byte>((hash >> 8) & 0xFF);
  out.commit(7);
  while (!in.empty()) {
    const ByteView block = in.first(std::min(in.size(), kWriteBlockBytes));
    const int room = LZ4_compressBound(static_cast<int>(block.size()));
    std::byte* to = out.reserve(4 + static_cast<std::size_t>(room));
    const int size = compress_block(states, level, block, to + 4, room);
    if (size > 0 && static_cast<std::size_t>(size) < block.size()) {
      store_little(to, static_cast<std::uint32_t>(size));
      out.commit(4 + static_cast<std::size_t>(size));
    } else {
      store_little(to, static_cast<std::uint32_t>(block.size()) | kStoredBit);
      std::memcpy(to + 4, block.data(), block.size());
      out.commit(4 + block.size());
    }
    in = in.subspan(block.size());
  }
  store_little(out.reserve(4), 0);
  out.commit(4);
  return {};
}

}  // namespace moldau::record
