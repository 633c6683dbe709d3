// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "record/compression.h"

namespace moldau::record {

struct FreeZstdDecoder {
  void operator()(ZSTD_DCtx* state) const { ZSTD_freeDCtx(state); }
};
struct FreeZstdEncoder {
  void operator()(ZSTD_CCtx* state) const { ZSTD_freeCCtx(state); }
};
struct EndInflate {
  void operator()(z_stream* state) const;
};
struct EndDeflate {
  void operator()(z_stream* state) const;
};
using ZstdDecoder = std::unique_ptr<ZSTD_DCtx, FreeZstdDecoder>;
using ZstdEncoder = std::unique_ptr<ZSTD_CCtx, FreeZstdEncoder>;
using Inflater = std::unique_ptr<z_stream, EndInflate>;
using Deflater = std::unique_ptr<z_stream, EndDeflate>;

/// What a CompressionContext keeps between uses: one of each, lent out and given back, since a
/// batch may be read while another is being built.
/// Thread   shard-bound, as the context.
struct CodecStates {
  ZstdDecoder zstd_decoder;
  ZstdEncoder zstd_encoder;
  Inflater inflater;
  Deflater deflater;
  int deflater_level = 0;
  std::vector<std::byte> lz4_fast;
  std::vector<std::byte> lz4_high;
  std::vector<std::byte> blocks;
  std::vector<std::vector<std::byte>> windows;

  /// A buffer of kWindowBytes, contents undefined.
  std::vector<std::byte> take_buffer();
  void give_back(std::vector<std::byte> buffer);
};

/// One open compressed stream; one class per codec.
/// Thread   shard-bound, as the context.
class Decompressor::Stream {
 public:
  virtual ~Stream() = default;
  /// Fills `out` from the front; fewer bytes only at the end.
  virtual Result<std::size_t> read(MutableBytes out) = 0;
};

using StreamPtr = std::unique_ptr<Decompressor::Stream>;

Result<StreamPtr> open_gzip(CompressionContext& context, ByteView in);
Result<StreamPtr> open_snappy(CompressionContext& context, ByteView in);
Result<StreamPtr> open_lz4(CompressionContext& context, ByteView in, bool legacy);
Result<StreamPtr> open_zstd(CompressionContext& context, ByteView in);

Result<void> compress_gzip(CodecStates& states, int level, ByteView in, GrowingBytes& out);
Result<void> compress_snappy(ByteView in, GrowingBytes& out);
Result<void> compress_lz4(CodecStates& states, int level, ByteView in, GrowingBytes& out,
                          bool legacy);
Result<void> compress_zstd(CodecStates& states, int level, ByteView in, GrowingBytes& out);

/// The error of every damaged stream.
Error damaged(const char* codec, const char* what);

/// A block that was decompressed whole, given out in pieces: what lz4 and snappy streams share.
/// Thread   shard-bound, as the context.
/// Bounds   a block is at most what its owner has checked.
class BlockSource {
 public:
  explicit BlockSource(CodecStates& states)
      : states_(states), block_(std::exchange(states.blocks, {})) {}
  ~BlockSource();
  BlockSource(const BlockSource&) = delete;
  BlockSource& operator=(const BlockSource&) = delete;

  bool empty() const { return position_ == size_; }
  std::size_t give(MutableBytes out);
  /// Room for a block of `size`; the caller then says how much it became.
  std::byte* prepare(std::size_t size);
  void filled(std::size_t size) { size_ = size; }

 private:
  CodecStates& states_;
  std::vector<std::byte> block_;
  std::size_t position_ = 0;
  std::size_t size_ = 0;
};

}  // namespace moldau::record
