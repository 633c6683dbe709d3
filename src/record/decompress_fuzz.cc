// SPDX-License-Identifier: Apache-2.0
// Any bytes as a compressed stream: what comes out stays below the limit, comes out the same in
// small pieces, and survives being compressed again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "record/compression.h"

namespace moldau::record {
namespace {

constexpr std::size_t kLimit = std::size_t{1} << 20;

Result<Slice> in_pieces(CompressionContext& context, CompressionType type, ByteView in, bool legacy,
                        std::size_t piece) {
  MOLDAU_ASSIGN_OR_RETURN(auto stream, Decompressor::open(context, type, in, legacy));
  GrowingBytes out;
  for (;;) {
    std::byte* room = out.reserve(piece);
    MOLDAU_ASSIGN_OR_RETURN(const std::size_t got, stream.read({room, piece}));
    out.commit(got);
    if (got < piece) return out.take();
  }
}

bool equal(ByteView a, ByteView b) {
  return std::ranges::equal(a, b);
}

}  // namespace
}  // namespace moldau::record

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moldau;
  using namespace moldau::record;
  if (size < 2) return 0;
  const auto type = static_cast<CompressionType>(data[0] % 5);
  const bool legacy = data[0] >= 128;
  const std::size_t piece = 1 + data[1] * std::size_t{37};
  const ByteView in(reinterpret_cast<const std::byte*>(data) + 2, size - 2);
  CompressionContext context;
  context.limits.output_bytes_max = kLimit;
  context.limits.zstd_window_log_max = 20;
  const auto whole = decompress(context, type, in, legacy);
  if (whole.ok()) {
    MOLDAU_CHECK(whole.value().size() <= kLimit);
    const auto pieces = in_pieces(context, type, in, legacy, piece);
    MOLDAU_CHECK(pieces.ok() && equal(pieces.value().view(), whole.value().view()));
  }
  GrowingBytes packed;
  MOLDAU_CHECK(compress(context, Compression{type, {}}, in, packed, legacy).ok());
  const auto unpacked = decompress(context, type, packed.view(), legacy);
  MOLDAU_CHECK(unpacked.ok() && equal(unpacked.value().view(), in));
  return 0;
}
