// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <utility>

#include "record/codec_states.h"

namespace moldau::record {
namespace {

class ZstdStream : public Decompressor::Stream {
 public:
  ZstdStream(CompressionContext& context, ZstdDecoder decoder, ByteView in)
      : states_(context.states()),
        decoder_(std::move(decoder)),
        window_max_(std::uint64_t{1} << context.limits.zstd_window_log_max),
        in_{in.data(), in.size(), 0} {}
  ~ZstdStream() override {
    // A frame with a huge window must not pin its memory.
    if (ZSTD_sizeof_DCtx(decoder_.get()) <= CompressionContext::kKeptStateBytesMax)
      states_.zstd_decoder = std::move(decoder_);
  }
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;

  Result<std::size_t> read(MutableBytes out) override {
    if (!started_) {
      started_ = true;
      MOLDAU_ASSIGN_OR_RETURN(const bool done, read_at_once(out));
      if (done) return whole_;
    }
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos < to.size) {
      if (in_.pos == in_.size && !frame_open_) break;
      const std::size_t in_before = in_.pos;
      const std::size_t out_before = to.pos;
      const std::size_t hint = ZSTD_decompressStream(decoder_.get(), &to, &in_);
      if (ZSTD_isError(hint)) return damaged("zstd", ZSTD_getErrorName(hint));
      frame_open_ = hint != 0;
      if (in_.pos == in_before && to.pos == out_before) {
        if (frame_open_) return damaged("zstd", "truncated source");
        break;
      }
    }
    return to.pos;
  }

 private:
  /// If all fits in `out`, the decoder needs no window and copies nothing twice. What a stream
  /// would refuse is left to the stream, so that the size of `out` decides nothing.
  Result<bool> read_at_once(MutableBytes out) {
    const auto declared = ZSTD_getFrameContentSize(in_.src, in_.size);
    if (declared == ZSTD_CONTENTSIZE_ERROR || !window_fits(declared)) return false;
    const auto size = declared == ZSTD_CONTENTSIZE_UNKNOWN ? in_.size : declared;
    if (size > out.size() || ZSTD_findFrameCompressedSize(in_.src, in_.size) != in_.size)
      return false;
    const std::size_t got =
        ZSTD_decompressDCtx(decoder_.get(), out.data(), out.size(), in_.src, in_.size);
    // More than fits, or damaged: the stream tells which.
    if (ZSTD_isError(got)) {
      ZSTD_DCtx_reset(decoder_.get(), ZSTD_reset_session_only);
      return false;
    }
    in_.pos = in_.size;
    whole_ = got;
    return true;
  }

  /// RFC 8878, 3.1.1.1: a frame is one segment of its content's size, or says its window.
  bool window_fits(unsigned long long content_size) const {
    const auto* frame = static_cast<const unsigned char*>(in_.src);
    if (in_.size < 6) return false;
    if ((frame[4] & 0x20) != 0) return content_size <= window_max_;
    const std::uint64_t base = std::uint64_t{1} << (10 + (frame[5] >> 3));
    return base + base / 8 * (frame[5] & 7) <= window_max_;
  }

  CodecStates& states_;
  ZstdDecoder decoder_;
  std::uint64_t window_max_;
  ZSTD_inBuffer in_;
  std::size_t whole_ = 0;
  bool started_ = false;
  bool frame_open_ = false;
};

}  // namespace

Result<StreamPtr> open_zstd(CompressionContext& context, ByteView in) {
  auto decoder = std::exchange(context.states().zstd_decoder, {});
  if (!decoder) decoder.reset(ZSTD_createDCtx());
  if (!decoder) return damaged("zstd", "no memory for a decoder");
  ZSTD_DCtx_reset(decoder.get(), ZSTD_reset_session_only);
  const auto set = ZSTD_DCtx_setParameter(decoder.get(), ZSTD_d_windowLogMax,
                                          context.limits.zstd_window_log_max);
  if (ZSTD_isError(set)) return damaged("zstd", ZSTD_getErrorName(set));
  return StreamPtr(std::make_unique<ZstdStream>(context, std::move(decoder), in));
}

Result<void> compress_zstd(CodecStates& states, int level, ByteView in, GrowingBytes& out) {
  auto encoder = std::exchange(states.zstd_encoder, {});
  if (!encoder) encoder.reset(ZSTD_createCCtx());
  if (!encoder) return Error(ErrorCode::kUnknownServerError, "no memory for a zstd encoder");
  ZSTD_CCtx_reset(encoder.get(), ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(encoder.get(), ZSTD_c_compressionLevel, level);
  const std::size_t room = ZSTD_compressBound(in.size());
  const std::size_t size =
      ZSTD_compress2(encoder.get(), out.reserve(room), room, in.data(), in.size());
  if (ZSTD_isError(size)) return Error(ErrorCode::kUnknownServerError, ZSTD_getErrorName(size));
  out.commit(size);
  if (ZSTD_sizeof_CCtx(encoder.get()) <= CompressionContext::kKeptStateBytesMax)
    states.zstd_encoder = std::move(encoder);
  return {};
}

}  // namespace moldau::record
