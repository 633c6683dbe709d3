// SPDX-License-Identifier: Apache-2.0
#include "net/connection_quota.h"

#include <gtest/gtest.h>

namespace moldau::net {
namespace {

using Verdict = ConnectionQuota::Verdict;

/// For clients, for other brokers, for controllers.
std::vector<Listener> three_listeners() {
  Listener clients;
  clients.name = "PLAINTEXT";
  Listener brokers;
  brokers.name = "REPLICATION";
  brokers.inter_broker = true;
  Listener controllers;
  controllers.name = "CONTROLLER";
  controllers.controller = true;
  return {clients, brokers, controllers};
}

bool admits(ConnectionQuota& quota, const std::string& host, std::size_t listener, MonoTime now) {
  return quota.admit(host, listener, now).verdict == Verdict::kAdmitted;
}

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(ConnectionQuotaTest, CountsPerAddressAndInAll) {
  ConnectionLimits limits;
  limits.all.connections_max = 3;
  limits.connections_per_ip_max = 2;
  limits.connections_per_ip_overrides["10.0.0.9"] = 0;
  ConnectionQuota quota(three_listeners(), limits);
  const MonoTime now(kSecond);
  EXPECT_EQ(quota.admit("10.0.0.9", 0, now).verdict, Verdict::kTooMany);
  EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
  EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
  EXPECT_FALSE(admits(quota, "10.0.0.1", 0, now));
  EXPECT_FALSE(quota.full(0));
  EXPECT_TRUE(admits(quota, "10.0.0.3", 0, now));
  EXPECT_TRUE(quota.full(0));
  quota.closed("10.0.0.1", 0);
  EXPECT_FALSE(quota.full(0));
  EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
}

TEST(ConnectionQuotaTest, ListenersComeAndGo) {
  Listener brokers;
  brokers.name = "REPLICATION";
  brokers.inter_broker = true;
  Listener clients;
  clients.name = "EXTRA";
  ConnectionLimits limits;
  limits.listeners["EXTRA"].connections_max = 1;
  ConnectionQuota quota({brokers}, limits);
  const MonoTime now(kSecond);
  EXPECT_FALSE(quota.is_protected(0));
  quota.put(1, clients, now);
  EXPECT_TRUE(quota.is_protected(0));
  EXPECT_TRUE(admits(quota, "10.0.0.1", 1, now));
  EXPECT_TRUE(quota.full(1));
  quota.remove(1);
  EXPECT_FALSE(quota.is_protected(0));
  // Back before its old connection is closed, which counts until then.
  quota.put(1, clients, now);
  EXPECT_TRUE(quota.full(1));
  quota.closed("10.0.0.1", 1);
  EXPECT_FALSE(quota.full(1));
}

TEST(ConnectionQuotaTest, BrokersAreLetInAndClientsGoForThem) {
  ConnectionLimits limits;
  limits.all.connections_max = 2;
  ConnectionQuota quota(three_listeners(), limits);
  const MonoTime now(kSecond);
  EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
  EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
  EXPECT_EQ(quota.excess(0), 0U);
  EXPECT_TRUE(quota.full(0));
  EXPECT_FALSE(quota.full(1));
  EXPECT_TRUE(admits(quota, "10.0.0.2", 1, now));
  EXPECT_EQ(quota.excess(0), 1U);
  EXPECT_TRUE(quota.is_protected(1));
  EXPECT_FALSE(quota.is_protected(0));
  quota.closed("10.0.0.1", 0);
  EXPECT_EQ(quota.excess(0), 0U);
  // Its own bound, which is the same unless it is set, holds for the brokers' listener too.
  EXPECT_TRUE(admits(quota, "10.0.0.2", 1, now));
  EXPECT_TRUE(quota.full(1));
}

TEST(ConnectionQuotaTest, TheOnlyListenerIsNotProtected) {
  Listener both;
  both.name = "PLAINTEXT";
  both.inter_broker = true;
  ConnectionLimits limits;
  limits.all.connections_max = 1;
  limits.listeners["PLAINTEXT"].connections_max = 5;
  ConnectionQuota quota({both}, limits);
  EXPECT_FALSE(quota.is_protected(0));
  EXPECT_TRUE(admits(quota, "10.0.0.1", 0, MonoTime(kSecond)));
  EXPECT_TRUE(quota.full(0));
}

TEST(ConnectionQuotaTest, ControllersAreCountedApart) {
  ConnectionLimits limits;
  limits.all.connections_max = 1;
  limits.connections_per_ip_max = 1;
  ConnectionQuota quota(three_listeners(), limits);
  const MonoTime now(kSecond);
  EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
  EXPECT_FALSE(quota.full(2));
  EXPECT_TRUE(admits(quota, "10.0.0.1", 2, now));
  EXPECT_TRUE(quota.full(2));
  EXPECT_EQ(quota.excess(2), 0U);
}

TEST(ConnectionQuotaTest, TheCreationRateHoldsOverTime) {
  ConnectionLimits limits;
  limits.all.creations_per_second_max = 10;
  limits.creation_burst = Millis(1'000);
  ConnectionQuota quota(three_listeners(), limits);
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
    ASSERT_TRUE(admits(quota, "10.0.0.1", 0, now));
    ++created;
  }
  EXPECT_GE(created, 50);
  EXPECT_LE(created, 61);                                 // one second's worth may come at once
  EXPECT_FALSE(quota.next_creation(1, now).has_value());  // brokers are not held back
  limits.all.creations_per_second_max = kNoLimit;
  quota.update(limits, now);
  EXPECT_FALSE(quota.next_creation(0, now).has_value());
}

TEST(ConnectionQuotaTest, ARateOfZeroBlocksUntilItIsTakenBack) {
  ConnectionLimits limits;
  ConnectionQuota quota(three_listeners(), limits);
  const MonoTime now(kSecond);
  limits.all.creations_per_second_max = 0;
  quota.update(limits, now);
  EXPECT_TRUE(quota.next_creation(0, now).has_value());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
  limits.all.creations_per_second_max = 100;
  quota.update(limits, now);
  const auto next = quota.next_creation(0, now);
  ASSERT_TRUE(next.has_value());  // what came meanwhile counts, but not for hours
  EXPECT_LE(*next, now + Millis(20));
}

TEST(ConnectionQuotaTest, AListenerHasItsOwnLimits) {
  ConnectionLimits limits;
  limits.creation_burst = Millis(1'000);
  limits.all.connections_max = 2;
  limits.listeners["REPLICATION"].connections_max = 1;
  limits.listeners["REPLICATION"].creations_per_second_max = 2;
  ConnectionQuota quota(three_listeners(), limits);
  const MonoTime now(10 * kSecond);
  EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
  EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
  EXPECT_TRUE(quota.full(0));
  EXPECT_FALSE(quota.full(1));
  EXPECT_TRUE(admits(quota, "10.0.0.1", 1, now));
  EXPECT_TRUE(quota.full(1));
  EXPECT_FALSE(quota.next_creation(1, now).has_value());
  quota.closed("10.0.0.1", 1);
  EXPECT_TRUE(admits(quota, "10.0.0.1", 1, now));
  EXPECT_EQ(quota.next_creation(1, now), now + kSecond / 2);
  EXPECT_FALSE(quota.next_creation(0, now).has_value());
}

TEST(ConnectionQuotaTest, AnAddressMayComeOnlySoFast) {
  ConnectionLimits limits;
  limits.creation_burst = Millis(2'000);
  limits.throttle_max = Millis(1'000);
  ConnectionQuota quota(three_listeners(), limits);
  MonoTime now(100 * kSecond);
  IpCreationRates rates;
  rates.of_any = 10;
  rates.of_one["10.0.0.1"] = 2;
  quota.update(rates, now);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
  const auto refused = quota.admit("10.0.0.1", 0, now);
  EXPECT_EQ(refused.verdict, Verdict::kTooFast);
  EXPECT_EQ(refused.until, now + Millis(500));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(admits(quota, "10.0.0.2", 0, now));
  EXPECT_FALSE(admits(quota, "10.0.0.2", 0, now));
  EXPECT_TRUE(admits(quota, "10.0.0.1", 2, now));  // the other group counts for itself
  now = now + Millis(500);
  EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
  EXPECT_FALSE(admits(quota, "10.0.0.1", 0, now));
  // Those that were refused do not count.
  quota.closed("10.0.0.2", 0);
  quota.update(IpCreationRates(), now);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(admits(quota, "10.0.0.1", 0, now));
}

TEST(ConnectionQuotaTest, PacesOfManyAddressesAreForgotten) {
  ConnectionLimits limits;
  ConnectionQuota quota(three_listeners(), limits);
  IpCreationRates rates;
  rates.of_any = 1;
  quota.update(rates, MonoTime(0));
  MonoTime now(100 * kSecond);
  for (int i = 0; i < 20'000; ++i) {
    const std::string host = "host " + std::to_string(i);
    ASSERT_TRUE(admits(quota, host, 0, now));
    quota.closed(host, 0);
    now = now + Millis(100);
  }
  EXPECT_LE(quota.paces_kept(), 1'100U);
}

}  // namespace
}  // namespace moldau::net
