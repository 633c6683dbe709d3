// SPDX-License-Identifier: Apache-2.0
#include "record/compression.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/check.h"
#include "record/codec_states.h"

namespace moldau::record {
namespace {

constexpr int kGzipLevelDefault = -1;
constexpr int kLz4LevelDefault = 9;
constexpr int kZstdLevelDefault = 3;

Error unsupported(CompressionType type) {
  return {ErrorCode::kUnsupportedCompressionType,
          "unknown compression type id: " + std::to_string(static_cast<int>(type))};
}

Result<int> level_of(Compression compression, int otherwise, int least, int most) {
  if (!compression.level || *compression.level == otherwise) return otherwise;
  if (*compression.level >= least && *compression.level <= most)
    return static_cast<int>(*compression.level);
  return Error(ErrorCode::kInvalidConfig, std::string(compression_type_name(compression.type)) +
                                              " doesn't support given compression level: " +
                                              std::to_string(*compression.level));
}

class PlainStream : public Decompressor::Stream {
 public:
  explicit PlainStream(ByteView in) : in_(in) {}
  Result<std::size_t> read(MutableBytes out) override {
    const std::size_t n = std::min(out.size(), in_.size());
    if (n > 0) std::memcpy(out.data(), in_.data(), n);
    in_ = in_.subspan(n);
    return n;
  }

 private:
  ByteView in_;
};

Result<StreamPtr> open_stream(CompressionContext& context, CompressionType type, ByteView in,
                              bool legacy_lz4) {
  switch (type) {
    case CompressionType::kNone:
      return StreamPtr(std::make_unique<PlainStream>(in));
    case CompressionType::kGzip:
      return open_gzip(context, in);
    case CompressionType::kSnappy:
      return open_snappy(context, in);
    case CompressionType::kLz4:
      return open_lz4(context, in, legacy_lz4);
    case CompressionType::kZstd:
      return open_zstd(context, in);
  }
  return unsupported(type);
}

}  // namespace

Error damaged(const char* codec, const char* what) {
  return {ErrorCode::kInvalidRecord,
          std::string("failed to decompress record stream: ") + codec + ": " + what};
}

std::vector<std::byte> CodecStates::take_buffer() {
  if (windows.empty()) return std::vector<std::byte>(CompressionContext::kWindowBytes);
  auto buffer = std::move(windows.back());
  windows.pop_back();
  return buffer;
}

void CodecStates::give_back(std::vector<std::byte> buffer) {
  if (buffer.size() == CompressionContext::kWindowBytes && windows.size() < 2)
    windows.push_back(std::move(buffer));
}

BlockSource::~BlockSource() {
  if (block_.size() <= CompressionContext::kKeptStateBytesMax) states_.blocks = std::move(block_);
}

std::size_t BlockSource::give(MutableBytes out) {
  const std::size_t n = std::min(out.size(), size_ - position_);
  if (n > 0) std::memcpy(out.data(), block_.data() + position_, n);
  position_ += n;
  return n;
}

std::byte* BlockSource::prepare(std::size_t size) {
  if (block_.size() < size) block_ = std::vector<std::byte>(size);
  position_ = size_ = 0;
  return block_.data();
}

CompressionContext::CompressionContext() : states_(std::make_unique<CodecStates>()) {}
CompressionContext::~CompressionContext() = default;

GrowingBytes::GrowingBytes(std::size_t capacity) {
  if (capacity > 0) buffer_ = Slice::allocate(capacity);
}

std::byte* GrowingBytes::reserve(std::size_t n) {
  if (buffer_.size() - size_ < n) {
    Slice larger = Slice::allocate(std::max(size_ + n, buffer_.size() * 2));
    if (size_ > 0) std::memcpy(larger.data(), buffer_.data(), size_);
    buffer_ = std::move(larger);
  }
  return buffer_.data() + size_;
}

void GrowingBytes::append(ByteView bytes) {
  if (bytes.empty()) return;
  std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
  commit(bytes.size());
}

void GrowingBytes::truncate(std::size_t size) {
  MOLDAU_CHECK(size <= size_);
  size_ = size;
}

Slice GrowingBytes::take() {
  Slice whole = buffer_.sub(0, size_);
  buffer_ = Slice();
  size_ = 0;
  return whole;
}

Result<void> compress(CompressionContext& context, Compression compression, ByteView in,
                      GrowingBytes& out, bool legacy_lz4) {
  CodecStates& states = context.states();
  switch (compression.type) {
    case CompressionType::kNone:
      out.append(in);
      return {};
    case CompressionType::kGzip: {
      MOLDAU_ASSIGN_OR_RETURN(const int level, level_of(compression, kGzipLevelDefault, 1, 9));
      return compress_gzip(states, level, in, out);
    }
    case CompressionType::kSnappy:
      return compress_snappy(in, out);
    case CompressionType::kLz4: {
      MOLDAU_ASSIGN_OR_RETURN(const int level, level_of(compression, kLz4LevelDefault, 1, 17));
      return compress_lz4(states, level, in, out, legacy_lz4);
    }
    case CompressionType::kZstd: {
      MOLDAU_ASSIGN_OR_RETURN(const int level, level_of(compression, kZstdLevelDefault,
                                                        ZSTD_minCLevel(), ZSTD_maxCLevel()));
      return compress_zstd(states, level, in, out);
    }
  }
  return unsupported(compression.type);
}

Result<Decompressor> Decompressor::open(CompressionContext& context, CompressionType type,
                                        ByteView in, bool legacy_lz4) {
  MOLDAU_ASSIGN_OR_RETURN(auto stream, open_stream(context, type, in, legacy_lz4));
  return Decompressor(context, std::move(stream));
}

Decompressor::Decompressor(CompressionContext& context, std::unique_ptr<Stream> stream)
    : context_(&context), stream_(std::move(stream)) {}
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;

Result<std::size_t> Decompressor::read(MutableBytes out) {
  // One byte more than allowed tells a stream that ends at the limit from one that goes on.
  const std::size_t room = context_->limits.output_bytes_max - produced_;
  if (out.size() > room) out = out.first(room + 1);
  MOLDAU_ASSIGN_OR_RETURN(const std::size_t got, stream_->read(out));
  if (got > room)
    return Error(ErrorCode::kMessageTooLarge,
                 "decompressed records are larger than the limit of " +
                     std::to_string(context_->limits.output_bytes_max) + " bytes");
  produced_ += got;
  return got;
}

Result<Slice> decompress(CompressionContext& context, CompressionType type, ByteView in,
                         bool legacy_lz4) {
  MOLDAU_ASSIGN_OR_RETURN(auto stream, Decompressor::open(context, type, in, legacy_lz4));
  GrowingBytes out;
  // Grows as bytes really arrive.
  std::size_t step = std::max<std::size_t>(4096, std::min(in.size() * 4, std::size_t{1} << 20));
  for (;;) {
    std::byte* room = out.reserve(step);
    MOLDAU_ASSIGN_OR_RETURN(const std::size_t got, stream.read({room, step}));
    out.commit(got);
    if (got < step) return out.take();
    step = std::min(out.size(), std::size_t{16} << 20);
  }
}

}  // namespace moldau::record
