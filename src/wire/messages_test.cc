// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "wire/random_codec.h"

namespace moldau::wire {
namespace {

constexpr std::uint64_t kSeed = 20240817;

TEST(MessagesTest, EveryMessageComesBackEqualInEveryVersion) {
  for (const MessageCase* one : all_message_cases()) {
    for (std::int16_t version = one->min_version; version <= one->max_version; ++version) {
      for (std::uint64_t i = 0; i < 12; ++i) {
        const auto bytes = one->random(kSeed + i, version);
        ASSERT_TRUE(bytes.ok()) << one->name << " v" << version << " seed " << kSeed + i << ": "
                                << bytes.error().text();
        const auto again = one->again(*bytes, version);
        ASSERT_TRUE(again.ok()) << one->name << " v" << version << ": " << again.error().text();
        EXPECT_EQ(*again, *bytes) << one->name << " v" << version;
      }
    }
  }
}

TEST(MessagesTest, EveryCutMessageIsRefused) {
  for (const MessageCase* one : all_message_cases()) {
    const std::int16_t version = one->max_version;
    const auto bytes = one->random(kSeed, version);
    ASSERT_TRUE(bytes.ok());
    const std::size_t step = bytes->size() / 64 + 1;
    for (std::size_t size = 0; size < bytes->size(); size += step) {
      const std::vector<std::byte> cut(bytes->begin(), bytes->begin() + static_cast<long>(size));
      EXPECT_FALSE(one->again(cut, version).ok()) << one->name << " cut at " << size;
    }
  }
}

TEST(MessagesTest, ForeignVersionsAreRefused) {
  for (const MessageCase* one : all_message_cases()) {
    const auto bytes = one->plain(one->max_version);
    const auto above = static_cast<std::int16_t>(one->max_version + 1);
    EXPECT_EQ(one->again(bytes, above).code(), ErrorCode::kUnsupportedVersion) << one->name;
    EXPECT_EQ(one->again(bytes, -1).code(), ErrorCode::kUnsupportedVersion) << one->name;
  }
}

TEST(MessagesTest, AnUnknownTaggedFieldIsDropped) {
  for (const MessageCase* one : all_message_cases()) {
    if (one->flexible_since > one->max_version) continue;
    auto bytes = one->plain(one->max_version);
    const auto plain = bytes;
    // A default message ends with its own count of tagged fields, which is 0.
    ASSERT_EQ(bytes.back(), std::byte{0}) << one->name;
    bytes.back() = std::byte{1};
    for (int b : {100, 2, 7, 7}) bytes.push_back(static_cast<std::byte>(b));
    const auto again = one->again(bytes, one->max_version);
    ASSERT_TRUE(again.ok()) << one->name << ": " << again.error().text();
    EXPECT_EQ(*again, plain) << one->name;
  }
}

}  // namespace
}  // namespace moldau::wire
