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

/// A machine that runs, its last heartbeat answered at 3 ms.
LifecycleMachine running_machine() {
  LifecycleMachine machine(LifecycleConfig{}, MonoTime(0));
  (void)machine.tick(MonoTime(0));
  (void)machine.registered(BrokerEpoch(7), MonoTime(kMs));
  (void)machine.tick(MonoTime(kMs));
  (void)machine.heartbeat_answered(true, true, false, MonoTime(2 * kMs));
  (void)machine.ready_to_unfence(MonoTime(2 * kMs));
  EXPECT_EQ(machine.heartbeat_answered(true, false, false, MonoTime(3 * kMs)).entered,
            BrokerState::kRunning);
  return machine;
}

TEST(LifecycleMachineTest, AHurryDoesNotWaitForTheInterval) {
  LifecycleMachine machine = running_machine();
  EXPECT_FALSE(machine.tick(MonoTime(4 * kMs)).send_heartbeat.has_value());
  EXPECT_TRUE(machine.hurry(MonoTime(4 * kMs)).send_heartbeat.has_value());
}

TEST(LifecycleMachineTest, AHurryDuringAHeartbeatSendsTheNextOneAtOnceButNotTwice) {
  LifecycleMachine machine = running_machine();
  ASSERT_TRUE(machine.tick(MonoTime(3000 * kMs)).send_heartbeat.has_value());
  // The one under way may have been made up before.
  EXPECT_FALSE(machine.hurry(MonoTime(3001 * kMs)).send_heartbeat.has_value());
  (void)machine.heartbeat_answered(true, false, false, MonoTime(3002 * kMs));
  EXPECT_EQ(machine.next_tick(), MonoTime(3002 * kMs));
  EXPECT_TRUE(machine.tick(MonoTime(3002 * kMs)).send_heartbeat.has_value());
  (void)machine.heartbeat_answered(true, false, false, MonoTime(3003 * kMs));
  EXPECT_FALSE(machine.tick(MonoTime(3004 * kMs)).send_heartbeat.has_value());
}

}  // namespace
}  // namespace moldau::broker
