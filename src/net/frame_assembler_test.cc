// SPDX-License-Identifier: Apache-2.0
#include "net/frame_assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace moldau::net {
namespace {

std::string size_prefix(std::uint32_t size) {
  std::string out(4, '\0');
  for (int i = 0; i < 4; ++i)
    out[static_cast<std::size_t>(i)] = static_cast<char>(size >> (24 - 8 * i));
  return out;
}

std::string framed(const std::string& body) {
  return size_prefix(static_cast<std::uint32_t>(body.size())) + body;
}

/// A peer's bytes given to an assembler in pieces, as a connection does it.
class Feed {
 public:
  explicit Feed(std::uint32_t frame_bytes_max = 100 << 20) : assembler(frame_bytes_max, credit) {
    credit.bytes = 1 << 20;
  }

  /// One round of reading: up to `available` bytes of `text` from `at_`.
  void round(const std::string& text, std::size_t available) {
    while (available > 0) {
      const MutableBytes space = assembler.space(slab);
      ASSERT_FALSE(space.empty());
      const std::size_t n = std::min(available, space.size());
      std::memcpy(space.data(), text.data() + at, n);
      at += n;
      available -= n;
      assembler.received(n);
      for (;;) {
        auto frame = assembler.next();
        if (!frame.ok()) {
          error = frame.error().detail;
          return;
        }
        if (!*frame) break;
        frames.emplace_back(std::move(**frame));
      }
    }
    if (assembler.settle()) slab = Slice::allocate(slab.size());
    EXPECT_LE(assembler.held(),
              2 * assembler.unread() + FrameAssembler::kSlack + assembler.borrowed());
    EXPECT_EQ(credit.bytes + assembler.borrowed(), 1U << 20);
    // Another connection uses the slab: what was handed out must not lie in it.
    std::memset(slab.data(), 0xEE, slab.size());
  }

  AheadCredit credit;
  FrameAssembler assembler;
  Slice slab = Slice::allocate(128 << 10);
  std::size_t at = 0;
  std::vector<Slice> frames;
  std::string error;
};

TEST(FrameAssemblerTest, AnyCuttingGivesTheSameFrames) {
  for (const unsigned seed : {1U, 2U, 3U, 4U, 5U, 6U}) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<std::string> bodies;
    std::string text;
    const std::uint32_t largest = seed % 2 ? 500 : 300'000;
    for (int i = 0; i < 200; ++i) {
      bodies.emplace_back(1 + random() % largest, static_cast<char>('a' + i % 26));
      text += framed(bodies.back());
    }
    Feed feed;
    while (feed.at < text.size()) {
      const std::size_t piece = 1 + random() % (random() % 3 == 0 ? 7 : 200'000);
      feed.round(text, std::min(piece, text.size() - feed.at));
    }
    ASSERT_EQ(feed.frames.size(), bodies.size());
    for (std::size_t i = 0; i < bodies.size(); ++i)
      ASSERT_EQ(as_text(feed.frames[i].view()), bodies[i]) << i;
    EXPECT_EQ(feed.assembler.held(), 0U);
  }
}

TEST(FrameAssemblerTest, ADeclaredSizeAllocatesNothing) {
  Feed feed;
  feed.round(size_prefix(100 << 20) + "1234", 8);
  EXPECT_LE(feed.assembler.held(), 4096U);
}

TEST(FrameAssemblerTest, AFrameSentBeforeMayBeExpectedButOnlyOnCredit) {
  const std::string body(400'000, 'x');
  const std::string text = framed(body) + framed(body) + framed(body);
  Feed feed;
  feed.round(text, framed(body).size());
  feed.round(text, 2000);  // of the second one
  EXPECT_GT(feed.assembler.held(), 400'000U);
  EXPECT_GT(feed.assembler.borrowed(), 300'000U);
  feed.round(text, framed(body).size() - 2000);
  EXPECT_EQ(feed.assembler.held(), 0U);
  feed.credit.bytes = 1000;
  // Without credit it grows by what comes.
  const MutableBytes space = feed.assembler.space(feed.slab);
  EXPECT_LE(space.size(), FrameAssembler::kSlack);
  feed.assembler.settle();
  feed.credit.bytes = 1 << 20;
}

TEST(FrameAssemblerTest, ALargeFrameIsHandedOutWhereItWasRead) {
  const std::string body(60'000, 'x');
  Feed feed;
  const std::string text = framed(body) + framed(body);
  feed.round(text, text.size() / 2);
  const MutableBytes space = feed.assembler.space(feed.slab);
  std::memcpy(space.data(), text.data() + feed.at, framed(body).size());
  feed.assembler.received(framed(body).size());
  const Slice frame = *feed.assembler.next().value();
  EXPECT_EQ(frame.data(), space.data() + 4);
}

TEST(FrameAssemblerTest, TheSlabIsNotBegunAgainWhileAFrameLivesInIt) {
  // The first frame stays in the slab; the others outgrow it and are small enough to make the
  // assembler go back to it within the same round.
  std::vector<std::string> bodies = {std::string(44'000, 'a')};
  for (int i = 0; i < 30; ++i)
    bodies.emplace_back(10'000, static_cast<char>('b' + i % 20));
  std::string text;
  for (const std::string& body : bodies) text += framed(body);
  Feed feed;
  feed.round(text, text.size());
  ASSERT_EQ(feed.frames.size(), bodies.size());
  for (std::size_t i = 0; i < bodies.size(); ++i)
    EXPECT_EQ(as_text(feed.frames[i].view()), bodies[i]) << i;
}

TEST(FrameAssemblerTest, WhatRemainsOfALargeBufferDoesNotPinIt) {
  const std::string body(700'000, 'x');
  const std::string text = framed(body) + framed("abc");
  Feed feed;
  feed.round(text, framed(body).size() + 5);
  EXPECT_EQ(feed.frames.size(), 1U);
  EXPECT_LE(feed.assembler.held(), FrameAssembler::kSlack + 10 + feed.assembler.borrowed());
}

TEST(FrameAssemblerTest, SizesOutsideTheirRangeEndIt) {
  for (const std::uint32_t size : {0U, 1001U, 0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU}) {
    Feed feed(1000);
    feed.round(size_prefix(size) + "xxxx", 8);
    EXPECT_THAT(feed.error, testing::HasSubstr("is not within 1 to 1000")) << size;
  }
  Feed feed(1000);
  feed.round(framed(std::string(1000, 'y')), 1004);
  EXPECT_EQ(feed.frames.size(), 1U);
}

TEST(FrameAssemblerTest, OtherProtocolsAreNamed) {
  Feed tls;
  tls.round(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 11);
  EXPECT_EQ(tls.error, "looks like a TLS hello on a plaintext Kafka listener");
  Feed http;
  http.round("GET / HTTP/1.1\r\n", 16);
  EXPECT_EQ(http.error, "looks like HTTP on a plaintext Kafka listener");
}

}  // namespace
}  // namespace moldau::net
