// SPDX-License-Identifier: Apache-2.0
#include "net/connection_quota.h"

#include <gtest/gtest.h>

namespace moldau::net {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(ConnectionQuotaTest, CountsPerAddressAndInAll) {
  ConnectionLimits limits;
  limits.connections_max = 3;
  limits.connections_per_ip_max = 2;
  limits.connections_per_ip_overrides["10.0.0.9"] = 0;
  ConnectionQuota quota(limits);
  const MonoTime now(kSecond);
  EXPECT_FALSE(quota.admit("10.0.0.9", false, now));
  EXPECT_TRUE(quota.admit("10.0.0.1", false, now));
  EXPECT_TRUE(quota.admit("10.0.0.1", false, now));
  EXPECT_FALSE(quota.admit("10.0.0.1", false, now));
  EXPECT_TRUE(quota.admit("10.0.0.2", true, now));
  EXPECT_FALSE(quota.full());
  EXPECT_TRUE(quota.admit("10.0.0.3", false, now));
  EXPECT_TRUE(quota.full());
  quota.closed("10.0.0.1", false);
  EXPECT_FALSE(quota.full());
  EXPECT_TRUE(quota.admit("10.0.0.1", false, now));
}

TEST(ConnectionQuotaTest, TheCreationRateHoldsOverTime) {
  ConnectionLimits limits;
  limits.creations_per_second_max = 10;
  ConnectionQuota quota(limits);
  MonoTime now(100 * kSecond);
  int created = 0;
  const MonoTime end = now + 5 * kSecond;
  while (now < end) {
    const auto next = quota.next_creation(now);
    if (next) {
      ASSERT_GT(*next, now);
      now = *next;
      continue;
    }
    ASSERT_TRUE(quota.admit("10.0.0.1", false, now));
    ++created;
  }
  EXPECT_GE(created, 50);
  EXPECT_LE(created, 61);  // one second's worth may come at once
  limits.creations_per_second_max = ConnectionLimits::kNone;
  quota.update(limits);
  EXPECT_FALSE(quota.next_creation(now).has_value());
}

TEST(ConnectionQuotaTest, ARateOfZeroBlocks) {
  ConnectionLimits limits;
  limits.creations_per_second_max = 0;
  const ConnectionQuota quota(limits);
  EXPECT_TRUE(quota.next_creation(MonoTime(kSecond)).has_value());
}

}  // namespace
}  // namespace moldau::net
