// SPDX-License-Identifier: Apache-2.0
#include "record/compression.h"

#include <gtest/gtest.h>
#include <snappy.h>
#include <xxhash.h>
#include <zstd.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "record/big_endian.h"
#include "record/codec_states.h"

namespace moldau::record {
namespace {

std::string text_of_length(std::size_t size) {
  std::mt19937 random(7);
  std::string out;
  while (out.size() < size) out += "word" + std::to_string(random() % 997) + " ";
  out.resize(size);
  return out;
}

std::string packed(CompressionContext& context, Compression how, std::string_view text) {
  GrowingBytes out;
  compress(context, how, as_view(text), out).value();
  return std::string(as_text(out.view()));
}

Result<std::string> unpacked(CompressionContext& context, CompressionType type,
                             std::string_view bytes, bool legacy = false) {
  MOLDAU_ASSIGN_OR_RETURN(const Slice out, decompress(context, type, as_view(bytes), legacy));
  return std::string(as_text(out.view()));
}

void expect_damaged(const Result<std::string>& result, std::string_view what) {
  ASSERT_FALSE(result.ok()) << what;
  EXPECT_EQ(result.code(), ErrorCode::kInvalidRecord) << result.error().text();
}

TEST(CompressionTest, EveryLevelGivesBackTheBytes) {
  CompressionContext context;
  const std::string text = text_of_length(200'000);
  for (const auto& [type, levels] : std::vector<std::pair<CompressionType, std::vector<int>>>{
           {CompressionType::kGzip, {-1, 1, 6, 9}},
           {CompressionType::kLz4, {1, 9, 12, 17}},
           {CompressionType::kZstd, {-131072, -5, 1, 3, 19}}}) {
    for (const int level : levels) {
      const std::string bytes = packed(context, {type, level}, text);
      EXPECT_EQ(unpacked(context, type, bytes).value(), text) << level;
    }
  }
}

TEST(CompressionTest, LevelsOutOfRangeAreRefused) {
  CompressionContext context;
  GrowingBytes out;
  for (const auto& [type, level] :
       std::vector<std::pair<CompressionType, int>>{{CompressionType::kGzip, 0},
                                                    {CompressionType::kGzip, 10},
                                                    {CompressionType::kLz4, 0},
                                                    {CompressionType::kLz4, 18},
                                                    {CompressionType::kZstd, 23},
                                                    {CompressionType::kZstd, -131073}})
    EXPECT_EQ(compress(context, {type, level}, as_view("x"), out).code(),
              ErrorCode::kInvalidConfig);
}

TEST(CompressionTest, EmptyAndTinyInputsWork) {
  CompressionContext context;
  for (int codec = 0; codec <= 4; ++codec)
    for (const std::string text : {"", "x"}) {
      const auto type = static_cast<CompressionType>(codec);
      EXPECT_EQ(unpacked(context, type, packed(context, {type, {}}, text)).value(), text);
    }
}

TEST(CompressionTest, TheLimitIsExact) {
  CompressionContext context;
  const std::string text = text_of_length(300'000);
  for (int codec = 1; codec <= 4; ++codec) {
    const auto type = static_cast<CompressionType>(codec);
    const std::string bytes = packed(context, {type, {}}, text);
    context.limits.output_bytes_max = text.size();
    EXPECT_TRUE(unpacked(context, type, bytes).ok()) << codec;
    context.limits.output_bytes_max = text.size() - 1;
    EXPECT_EQ(unpacked(context, type, bytes).code(), ErrorCode::kMessageTooLarge) << codec;
  }
}

/// Flips and cuts: whatever comes, it is an error or bytes within the limit.
TEST(CompressionTest, DamagedStreamsAreErrors) {
  constexpr unsigned kSeed = 99;
  std::mt19937 random(kSeed);
  CompressionContext context;
  context.limits.output_bytes_max = 1 << 20;
  const std::string text = text_of_length(5000);
  for (int codec = 1; codec <= 4; ++codec) {
    const auto type = static_cast<CompressionType>(codec);
    const std::string bytes = packed(context, {type, {}}, text);
    int refused = 0;
    for (int round = 0; round < 500; ++round) {
      std::string bad = bytes;
      bad[random() % bad.size()] ^= static_cast<char>(1 + random() % 255);
      if (random() % 4 == 0) bad.resize(random() % bad.size());
      const auto out = unpacked(context, type, bad);
      refused += out.ok() ? 0 : 1;
    }
    EXPECT_GT(refused, 100) << "seed " << kSeed << " codec " << codec;
    EXPECT_EQ(unpacked(context, type, bytes).value(), text) << "states survive errors";
  }
}

TEST(GzipTest, MembersFollowEachOtherAndGarbageIsIgnored) {
  CompressionContext context;
  const std::string one = packed(context, {CompressionType::kGzip, {}}, "one");
  const std::string two = packed(context, {CompressionType::kGzip, {}}, "two");
  EXPECT_EQ(unpacked(context, CompressionType::kGzip, one + two).value(), "onetwo");
  EXPECT_EQ(unpacked(context, CompressionType::kGzip, one + "garbage").value(), "one");
  expect_damaged(unpacked(context, CompressionType::kGzip, one.substr(0, one.size() - 1)),
                 "trailer");
}

TEST(SnappyTest, ReadsBareBlocksAndConcatenatedStreams) {
  CompressionContext context;
  const std::string text = text_of_length(100'000);
  std::string bare;
  snappy::Compress(text.data(), text.size(), &bare);
  EXPECT_EQ(unpacked(context, CompressionType::kSnappy, bare).value(), text);
  const std::string framed = packed(context, {CompressionType::kSnappy, {}}, text);
  EXPECT_EQ(unpacked(context, CompressionType::kSnappy, framed + framed).value(), text + text);
}

TEST(SnappyTest, AllocatesNothingForALie) {
  CompressionContext context;
  // A bare block that claims 2 GiB, and a framed one that does.
  const std::string lie("\xff\xff\xff\xff\x07 some bytes", 16);
  expect_damaged(unpacked(context, CompressionType::kSnappy, lie), "bare");
  std::string framed = packed(context, {CompressionType::kSnappy, {}}, "");
  framed += std::string("\0\0\0\x10", 4) + lie;
  expect_damaged(unpacked(context, CompressionType::kSnappy, framed), "framed");
  expect_damaged(unpacked(context, CompressionType::kSnappy, ""), "empty");
  framed = packed(context, {CompressionType::kSnappy, {}}, "") + std::string("\x80\0\0\0", 4);
  expect_damaged(unpacked(context, CompressionType::kSnappy, framed), "negative size");
}

/// A frame by hand: `flags`, block size code 4 (64 KiB), stored blocks.
std::string lz4_frame(unsigned flags, const std::string& extra, const std::string& blocks) {
  std::string out("\x04\x22\x4d\x18", 4);
  std::string descriptor{static_cast<char>(flags), '\x40'};
  descriptor += extra;
  out += descriptor;
  out += static_cast<char>((XXH32(descriptor.data(), descriptor.size(), 0) >> 8) & 0xFF);
  return out + blocks;
}

const std::string kStoredHello("\x05\0\0\x80hello", 9);
const std::string kEnd(4, '\0');

TEST(Lz4Test, ReadsWhatKafkaReads) {
  CompressionContext context;
  const auto read = [&](const std::string& bytes) {
    return unpacked(context, CompressionType::kLz4, bytes);
  };
  EXPECT_EQ(read(lz4_frame(0x60, "", kStoredHello + kStoredHello + kEnd)).value(), "hellohello");
  EXPECT_EQ(read(lz4_frame(0x68, std::string(8, '\x01'), kStoredHello + kEnd)).value(), "hello")
      << "content size";
  EXPECT_EQ(read(lz4_frame(0x64, "", kStoredHello + kEnd + "sum!")).value(), "hello")
      << "the content checksum is not looked at";
  const std::uint32_t hash = XXH32("hello", 5, 0);
  const std::string sum(reinterpret_cast<const char*>(&hash), 4);
  EXPECT_EQ(read(lz4_frame(0x70, "", kStoredHello + sum + kEnd)).value(), "hello");
  expect_damaged(read(lz4_frame(0x70, "", kStoredHello + "sum!" + kEnd)), "block checksum");
  expect_damaged(read(lz4_frame(0x60, "", kStoredHello)), "no end mark");
  expect_damaged(read(lz4_frame(0x64, "", kStoredHello + kEnd)), "no content checksum");
  expect_damaged(read(lz4_frame(0x40, "", kStoredHello + kEnd)), "dependent blocks");
  expect_damaged(read(lz4_frame(0x61, std::string(4, '\0'), kStoredHello + kEnd)), "dictionary");
  expect_damaged(read(lz4_frame(0xA0, "", kStoredHello + kEnd)), "version");
  expect_damaged(read(lz4_frame(0x60, "", std::string("\x01\0\x01\x80", 4))), "block above 64 KiB");
}

TEST(Lz4Test, OldProducersHaveAWrongDescriptorChecksum) {
  CompressionContext context;
  GrowingBytes out;
  ASSERT_TRUE(compress(context, {CompressionType::kLz4, {}}, as_view("text"), out, true).ok());
  const std::string bytes(as_text(out.view()));
  EXPECT_EQ(unpacked(context, CompressionType::kLz4, bytes, true).value(), "text");
  expect_damaged(unpacked(context, CompressionType::kLz4, bytes), "checksum");
}

TEST(ZstdTest, FramesFollowEachOther) {
  CompressionContext context;
  const std::string text = text_of_length(400'000);
  const std::string one = packed(context, {CompressionType::kZstd, {}}, text);
  EXPECT_EQ(unpacked(context, CompressionType::kZstd, one + one).value(), text + text);
  expect_damaged(unpacked(context, CompressionType::kZstd, one + "garbage"), "behind the frame");
  expect_damaged(unpacked(context, CompressionType::kZstd, one.substr(0, one.size() - 1)), "cut");
}

TEST(ZstdTest, WindowsAreLimitedAndLargeOnesNotKept) {
  CompressionContext context;
  const std::string text = text_of_length(4 << 20);
  ZSTD_CCtx* encoder = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(encoder, ZSTD_c_windowLog, 24);
  ZSTD_CCtx_setParameter(encoder, ZSTD_c_contentSizeFlag, 0);
  std::string bytes(ZSTD_compressBound(text.size()), '\0');
  ZSTD_outBuffer out{bytes.data(), bytes.size(), 0};
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  // In two steps, so that the encoder does not know the size and cannot shrink the window.
  ZSTD_inBuffer first{text.data(), 10, 0};
  ZSTD_compressStream2(encoder, &out, &first, ZSTD_e_continue);
  in.pos = 10;
  ASSERT_EQ(ZSTD_compressStream2(encoder, &out, &in, ZSTD_e_end), 0U);
  bytes.resize(out.pos);
  ZSTD_freeCCtx(encoder);

  EXPECT_EQ(unpacked(context, CompressionType::kZstd, bytes).value(), text);
  EXPECT_EQ(context.states().zstd_decoder, nullptr) << "a decoder of 16 MiB is not kept";
  context.limits.zstd_window_log_max = 23;
  // Also where the whole content would fit in the caller's buffer at once.
  std::vector<std::byte> large(8 << 20);
  auto stream = Decompressor::open(context, CompressionType::kZstd, as_view(bytes)).value();
  EXPECT_EQ(stream.read(large).code(), ErrorCode::kInvalidRecord);
  expect_damaged(unpacked(context, CompressionType::kZstd, bytes), "window");
}

}  // namespace
}  // namespace moldau::record
