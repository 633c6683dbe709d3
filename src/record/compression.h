// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/buffer.h"
#include "base/result.h"
#include "base/types.h"
#include "record/format.h"

namespace moldau::record {

/// A codec with its level; without a level the codec's default (gzip -1, lz4 9, zstd 3).
/// Thread   a value.
/// Source   compression.gzip.level, compression.lz4.level, compression.zstd.level.
struct Compression {
  CompressionType type = CompressionType::kNone;
  std::optional<std::int32_t> level;
};

/// Bounds of one decompression. All are of the machine's owner, none is on the wire.
struct DecompressionLimits {
  /// Bytes that may come out of one batch. More gives kMessageTooLarge, on which a producer
  /// splits its batch.
  std::size_t output_bytes_max = std::size_t{256} << 20;
  /// Largest zstd window, as a power of two: the frame says how much memory it wants.
  int zstd_window_log_max = 27;
};

struct CodecStates;

/// The codecs' working memory of one shard (or one pool thread), kept between uses.
///
/// Owner    the shard; outlives every Decompressor and iterator made with it.
/// Thread   shard-bound, no overlap; several decompressors may be open at a time.
/// Bounds   keeps at most one state per codec and two buffers of up to kWindowBytes each; states
///          that grew beyond kKeptStateBytesMax are freed after use.
class CompressionContext {
 public:
  static constexpr std::size_t kWindowBytes = std::size_t{256} << 10;
  static constexpr std::size_t kKeptStateBytesMax = std::size_t{4} << 20;

  CompressionContext();
  ~CompressionContext();
  CompressionContext(const CompressionContext&) = delete;
  CompressionContext& operator=(const CompressionContext&) = delete;

  DecompressionLimits limits;

  CodecStates& states() { return *states_; }

 private:
  std::unique_ptr<CodecStates> states_;
};

/// Bytes that grow at the end, not initialised when they grow; given away as a Slice.
/// Thread   a value, moved only.
class GrowingBytes {
 public:
  explicit GrowingBytes(std::size_t capacity = 0);
  /// Room for `n` more bytes; written there, then commit(n).
  std::byte* reserve(std::size_t n);
  void commit(std::size_t n) { size_ += n; }
  void append(ByteView bytes);
  void truncate(std::size_t size);
  std::size_t size() const { return size_; }
  std::byte* data() { return buffer_.data(); }
  ByteView view() const { return {buffer_.data(), size_}; }
  /// The bytes so far; this is empty afterwards.
  Slice take();

 private:
  Slice buffer_;
  std::size_t size_ = 0;
};

/// Appends `in`, compressed as the records of a batch are, to `out`.
/// `legacy_lz4` writes the faulty frame checksum of magic 0.
/// Errors   kUnsupportedCompressionType: unknown codec; kInvalidConfig: a level the codec lacks.
Result<void> compress(CompressionContext& context, Compression compression, ByteView in,
                      GrowingBytes& out, bool legacy_lz4 = false);

/// Decompresses piece by piece, so that a bomb costs the caller's buffer and no more.
///
/// Owner    borrows `in` and the context.
/// Thread   as the context.
/// Bounds   output: context.limits; memory: one block (lz4 4 MiB, snappy the chunk, which must
///          fit in the limit), one zstd window, one gzip state.
/// Errors   kInvalidRecord: damaged or cut off (Apache 4.3.1 answers UNKNOWN_SERVER_ERROR there);
///          kMessageTooLarge: above the output limit; kUnsupportedCompressionType: unknown codec.
/// Source   GzipCompression, SnappyCompression (xerial framing or one bare block),
///          Lz4BlockInputStream, ZstdCompression.
class Decompressor {
 public:
  static Result<Decompressor> open(CompressionContext& context, CompressionType type, ByteView in,
                                   bool legacy_lz4 = false);
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  /// Fills `out` from the front; fewer bytes than asked for only at the end of the stream.
  Result<std::size_t> read(MutableBytes out);

  class Stream;

 private:
  Decompressor(CompressionContext& context, std::unique_ptr<Stream> stream);
  CompressionContext* context_;
  std::unique_ptr<Stream> stream_;
  std::size_t produced_ = 0;
};

/// All of it at once, within context.limits.
Result<Slice> decompress(CompressionContext& context, CompressionType type, ByteView in,
                         bool legacy_lz4 = false);

}  // namespace moldau::record
