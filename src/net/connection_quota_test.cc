// SPDX-License-Identifier: Apache-2.0
#include "net/connection_quota.h"

#include <gtest/gtest.h>

namespace moldau::net {
namespace {

std::vector<Listener> two_listeners() {
  Listener plain;
  Listener exempt;
  exempt.exempt_from_connection_limit = true;
  return {plain, exempt};
}

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(ConnectionQuotaTest, CountsPerAddressAndInAll) {
  ConnectionLimits limits;
  limits.connections_max = 3;
  limits.connections_per_ip_max = 2;
  limits.connections_per_ip_overrides["10.0.0.9"] = 0;
  ConnectionQuota quota(two_listeners(), limits);
  const MonoTime now(kSecond);
  EXPECT_FALSE(quota.admit("10.0.0.9", 0, now));
  EXPECT_TRUE(quota.admit("10.0.0.1", 0, now));
  EXPECT_TRUE(quota.admit("10.0.0.1", 0, now));
  EXPECT_FALSE(quota.admit("10.0.0.1", 0, now));
  EXPECT_TRUE(quota.admit("10.0.0.2", 1, now));
  EXPECT_FALSE(quota.full(0));
  EXPECT_TRUE(quota.admit("10.0.0.3", 0, now));
  EXPECT_TRUE(quota.full(0));
  quota.closed("10.0.0.1", 0);
  EXPECT_FALSE(quota.full(0));
  EXPECT_TRUE(quota.admit("10.0.0.1", 0, now));
}

TEST(ConnectionQuotaTest, TheCreationRateHoldsOverTime) {
  ConnectionLimits limits;
  limits.creations_per_second_max = 10;
  ConnectionQuota quota(two_listeners(), limits);
  MonoTime now(100 * kSecond);
  int created = 0;
  const MonoTime end = now + 5 * kSecond;
  while (now < end) {
    const auto next = quota.next_creation(0, now);
    if (next) {
      ASSERT_GT(*next, now);
      now = *next;
      continue;
    }
    ASSERT_TRUE(quota.admit("10.0.0.1", 0, now));
    ++created;
  }
  EXPECT_GE(created, 50);
  EXPECT_LE(created, 61);  // one second's worth may come at once
  limits.creations_per_second_max = kNoLimit;
  quota.update(limits);
  EXPECT_FALSE(quota.next_creation(0, now).has_value());
}

TEST(ConnectionQuotaTest, ARateOfZeroBlocks) {
  ConnectionLimits limits;
  limits.creations_per_second_max = 0;
  const ConnectionQuota quota(two_listeners(), limits);
  EXPECT_TRUE(quota.next_creation(0, MonoTime(kSecond)).has_value());
}

TEST(ConnectionQuotaTest, AListenerHasItsOwnLimits) {
  std::vector<Listener> listeners = two_listeners();
  listeners[1].connections_max = 1;
  listeners[1].creations_per_second_max = 2;
  ConnectionLimits limits;
  limits.connections_max = 1;
  ConnectionQuota quota(listeners, limits);
  const MonoTime now(10 * kSecond);
  EXPECT_TRUE(quota.admit("10.0.0.1", 0, now));
  EXPECT_TRUE(quota.full(0));
  EXPECT_FALSE(quota.full(1));
  EXPECT_TRUE(quota.admit("10.0.0.1", 1, now));
  EXPECT_TRUE(quota.full(1));
  EXPECT_FALSE(quota.next_creation(1, now).has_value());
  quota.closed("10.0.0.1", 1);
  EXPECT_TRUE(quota.admit("10.0.0.1", 1, now));
  EXPECT_EQ(quota.next_creation(1, now), now + kSecond / 2);
  EXPECT_FALSE(quota.next_creation(0, now).has_value());
}

}  // namespace
}  // namespace moldau::net
