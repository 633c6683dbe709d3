// SPDX-License-Identifier: Apache-2.0
// KIP-631: the broker's life as the controller sees it.
#include "machine/broker/lifecycle_machine.h"

#include <gtest/gtest.h>

namespace moldau::broker {
namespace {

constexpr std::int64_t kMs = 1'000'000;

TEST(LifecycleMachineTest, FromStartToRunningToStop) {
  LifecycleMachine machine(LifecycleConfig{}, MonoTime(0));
  EXPECT_TRUE(machine.tick(MonoTime(0)).send_registration);
  EXPECT_FALSE(machine.tick(MonoTime(0)).send_registration);  // one request at a time
  (void)machine.registered(BrokerEpoch(7), MonoTime(kMs));
  LifecycleEffects beat = machine.tick(MonoTime(kMs));
  ASSERT_TRUE(beat.send_heartbeat.has_value());
  EXPECT_TRUE(beat.send_heartbeat->want_fence);
  EXPECT_EQ(machine.heartbeat_answered(true, true, false, MonoTime(kMs)).entered,
            BrokerState::kRecovery);
  beat = machine.ready_to_unfence(MonoTime(2 * kMs));
  ASSERT_TRUE(beat.send_heartbeat.has_value());
  EXPECT_FALSE(beat.send_heartbeat->want_fence);
  EXPECT_EQ(machine.heartbeat_answered(true, false, false, MonoTime(3 * kMs)).entered,
            BrokerState::kRunning);
  beat = machine.begin_shutdown(MonoTime(4 * kMs));
  ASSERT_TRUE(beat.send_heartbeat.has_value());
  EXPECT_TRUE(beat.send_heartbeat->want_shut_down);
  EXPECT_FALSE(machine.heartbeat_answered(true, false, false, MonoTime(5 * kMs)).may_stop);
  EXPECT_TRUE(machine.tick(MonoTime(60 * kMs)).send_heartbeat.has_value());
  EXPECT_TRUE(machine.heartbeat_answered(true, true, true, MonoTime(61 * kMs)).may_stop);
}

TEST(LifecycleMachineTest, GivesUpWhenNobodyRegistersIt) {
  LifecycleMachine machine(LifecycleConfig{}, MonoTime(0));
  EXPECT_TRUE(machine.tick(MonoTime(0)).send_registration);
  EXPECT_FALSE(machine.registration_failed(MonoTime(1000 * kMs)).give_up);
  EXPECT_TRUE(machine.tick(MonoTime(61'000 * kMs)).give_up);
}

}  // namespace
}  // namespace moldau::broker
