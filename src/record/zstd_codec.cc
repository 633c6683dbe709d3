// SPDX-License-Identifier: Apache-2.0
#include <zstd.h>

#include <utility>

#include "record/codec_states.h"

namespace moldau::record {
namespace {

class ZstdStream : public Decompressor::Stream {
 public:
  ZstdStream(CodecStates& states, ZstdDecoder decoder, ByteView in)
      : states_(states), decoder_(std::move(decoder)), in_{in.data(), in.size(), 0} {}
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
  /// If all fits in `out`, the decoder needs no window and copies nothing twice.
  Result<bool> read_at_once(MutableBytes out) {
    const auto declared = ZSTD_getFrameContentSize(in_.src, in_.size);
    if (declared == ZSTD_CONTENTSIZE_ERROR && in_.size > 0)
      return damaged("zstd", "no frame header");
    const auto size = declared == ZSTD_CONTENTSIZE_UNKNOWN ? in_.size : declared;
    if (size > out.size()) return false;
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

  CodecStates& states_;
  ZstdDecoder decoder_;
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
  return StreamPtr(std::make_unique<ZstdStream>(context.states(), std::move(decoder), in));
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
