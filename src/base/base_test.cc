// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/result.h"
#include "base/types.h"

namespace moldau {
namespace {

TEST(HashTest, Murmur2EqualsKafkasSamples) {
  EXPECT_EQ(murmur2(as_view("")), 275646681);
  EXPECT_EQ(murmur2(as_view("a")), -1563381124);
  EXPECT_EQ(murmur2(as_view("21")), -973932308);
  EXPECT_EQ(murmur2(as_view("foobar")), -790332482);
  EXPECT_EQ(murmur2(as_view("kafka")), -798503068);
}

TEST(HashTest, JavaStringHashEqualsKafkasSamples) {
  EXPECT_EQ(java_string_hash("refdata-group"), -1659080849);
  EXPECT_EQ(java_string_hash("my-group"), -1906497762);
  EXPECT_EQ(java_string_hash("console-consumer-1"), 35782224);
  EXPECT_EQ(java_abs(INT32_MIN), 0);
}

TEST(HashTest, Crc32cOfTheCheckString) {
  EXPECT_EQ(crc32c(as_view("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(as_view("6789"), crc32c(as_view("12345"))), 0xE3069283U);
}

TEST(UuidTest, TextGoesBothWays) {
  EXPECT_EQ(Uuid(0, 1).text(), "AAAAAAAAAAAAAAAAAAAAAQ");
  const auto id = Uuid::parse("cDhodFHZTmqRH6cSYU1MFQ");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->text(), "cDhodFHZTmqRH6cSYU1MFQ");
  EXPECT_FALSE(Uuid::parse("cDhodFHZTmqRH6cSYU1MF").has_value());
  EXPECT_FALSE(Uuid::parse("cDhodFHZTmqRH6cSYU1M/Q").has_value());
}

TEST(ErrorCodeTest, NamesAndFlagsAreKafkas) {
  EXPECT_EQ(error_name(ErrorCode::kNotLeaderOrFollower), "NOT_LEADER_OR_FOLLOWER");
  EXPECT_EQ(to_wire(ErrorCode::kShareSessionLimitReached), 133);
  EXPECT_TRUE(error_is_retriable(ErrorCode::kCorruptMessage));
  EXPECT_EQ(error_from_wire(999), ErrorCode::kUnknownServerError);
}

Result<int> half(int n) {
  if (n % 2 != 0) return Error(ErrorCode::kInvalidRequest, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  MOLDAU_ASSIGN_OR_RETURN(const int h, half(n));
  return half(h);
}

TEST(ResultTest, ErrorsTravelUp) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().text(), "INVALID_REQUEST: odd");
}

TEST(SliceTest, PartsShareTheBuffer) {
  Slice whole = Slice::copy_of(as_view("0123456789"));
  Slice part = whole.sub(2, 3);
  part.data()[0] = std::byte{'x'};
  EXPECT_EQ(as_text(whole.view()), "01x3456789");
}

}  // namespace
}  // namespace moldau
