// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "record/codec_states.h"

namespace moldau::record {

void EndInflate::operator()(z_stream* state) const {
  inflateEnd(state);
  delete state;
}
void EndDeflate::operator()(z_stream* state) const {
  deflateEnd(state);
  delete state;
}

namespace {

constexpr int kGzipWindowBits = 15 + 16;
constexpr int kMemoryLevel = 8;

Bytef* zlib_bytes(const std::byte* bytes) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes));
}

class GzipStream : public Decompressor::Stream {
 public:
  GzipStream(CodecStates& states, Inflater inflater, ByteView in)
      : states_(states), inflater_(std::move(inflater)) {
    inflater_->next_in = zlib_bytes(in.data());
    inflater_->avail_in = static_cast<uInt>(in.size());
  }
  ~GzipStream() override { states_.inflater = std::move(inflater_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  Result<std::size_t> read(MutableBytes out) override {
    std::size_t filled = 0;
    while (filled < out.size() && !ended_) {
      const std::size_t room = std::min<std::size_t>(out.size() - filled, UINT_MAX);
      inflater_->next_out = zlib_bytes(out.data() + filled);
      inflater_->avail_out = static_cast<uInt>(room);
      const int code = inflate(inflater_.get(), Z_NO_FLUSH);
      filled += room - inflater_->avail_out;
      if (code == Z_STREAM_END) {
        next_member();
      } else if (code == Z_BUF_ERROR) {
        return damaged("gzip", "unexpected end of stream");
      } else if (code != Z_OK) {
        return damaged("gzip", inflater_->msg != nullptr ? inflater_->msg : "bad stream");
      }
    }
    return filled;
  }

 private:
  /// Members may follow each other; anything else behind a member is ignored, as Java does.
  void next_member() {
    const Bytef* in = inflater_->next_in;
    ended_ = inflater_->avail_in < 18 || in[0] != 0x1F || in[1] != 0x8B;
    if (!ended_) inflateReset(inflater_.get());
  }

  CodecStates& states_;
  Inflater inflater_;
  bool ended_ = false;
};

}  // namespace

Result<StreamPtr> open_gzip(CompressionContext& context, ByteView in) {
  if (in.size() > UINT_MAX) return damaged("gzip", "too large");
  auto inflater = std::exchange(context.states().inflater, {});
  if (inflater) {
    inflateReset(inflater.get());
  } else {
    auto fresh = std::make_unique<z_stream>(z_stream{});
    if (inflateInit2(fresh.get(), kGzipWindowBits) != Z_OK)
      return damaged("gzip", "no memory for a decoder");
    inflater.reset(fresh.release());
  }
  return StreamPtr(std::make_unique<GzipStream>(context.states(), std::move(inflater), in));
}

Result<void> compress_gzip(CodecStates& states, int level, ByteView in, GrowingBytes& out) {
  if (in.size() > UINT_MAX / 2) return Error(ErrorCode::kMessageTooLarge, "too large for gzip");
  auto deflater = std::exchange(states.deflater, {});
  if (deflater && states.deflater_level == level) {
    deflateReset(deflater.get());
  } else {
    deflater.reset();
    auto fresh = std::make_unique<z_stream>(z_stream{});
    if (deflateInit2(fresh.get(), level, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK)
      return Error(ErrorCode::kUnknownServerError, "no memory for a gzip encoder");
    deflater.reset(fresh.release());
  }
  const std::size_t room = deflateBound(deflater.get(), static_cast<uLong>(in.size()));
  deflater->next_in = zlib_bytes(in.data());
  deflater->avail_in = static_cast<uInt>(in.size());
  deflater->next_out = zlib_bytes(out.reserve(room));
  deflater->avail_out = static_cast<uInt>(room);
  if (deflate(deflater.get(), Z_FINISH) != Z_STREAM_END)
    return Error(ErrorCode::kUnknownServerError, "gzip did not finish");
  out.commit(room - deflater->avail_out);
  states.deflater_level = level;
  states.deflater = std::move(deflater);
  return {};
}

}  // namespace moldau::record
