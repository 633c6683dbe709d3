// SPDX-License-Identifier: Apache-2.0
// KIP-101, KIP-966: what the high watermark may and may not do.
#include "machine/partition/partition_machine.h"

#include <gtest/gtest.h>

namespace moldau::partition {
namespace {

PartitionAssignment led_by(int leader, std::vector<NodeId> isr, int min_isr, int epoch) {
  PartitionAssignment a;
  a.leader = NodeId(leader);
  a.leader_epoch = LeaderEpoch(1);
  a.partition_epoch = PartitionEpoch(epoch);
  a.replicas = {NodeId(1), NodeId(2), NodeId(3)};
  a.isr = std::move(isr);
  a.min_isr = min_isr;
  return a;
}

TEST(PartitionMachineTest, ALoneReplicaCommitsWhatItHas) {
  PartitionMachine machine(NodeId(1));
  (void)machine.apply(led_by(1, {NodeId(1)}, 1, 0), Offset(0), MonoTime(0));
  EXPECT_TRUE(machine.local_end(Offset(5)).high_watermark_moved);
  EXPECT_EQ(machine.high_watermark(), Offset(5));
}

TEST(PartitionMachineTest, TheHighWatermarkWaitsForTheSlowestOfTheIsr) {
  PartitionMachine machine(NodeId(1));
  (void)machine.apply(led_by(1, {NodeId(1), NodeId(2), NodeId(3)}, 2, 0), Offset(0), MonoTime(0));
  (void)machine.local_end(Offset(10));
  EXPECT_EQ(machine.high_watermark(), Offset(0));
  (void)machine.follower_fetch(NodeId(2), BrokerEpoch(1), Offset(10), Offset(0), Offset(10),
                               MonoTime(1));
  EXPECT_EQ(machine.high_watermark(), Offset(0));
  (void)machine.follower_fetch(NodeId(3), BrokerEpoch(1), Offset(7), Offset(0), Offset(10),
                               MonoTime(1));
  EXPECT_EQ(machine.high_watermark(), Offset(7));
}

TEST(PartitionMachineTest, BelowMinIsrNothingIsCommitted) {
  PartitionMachine machine(NodeId(1));
  (void)machine.apply(led_by(1, {NodeId(1)}, 2, 0), Offset(0), MonoTime(0));
  (void)machine.local_end(Offset(10));
  EXPECT_EQ(machine.high_watermark(), Offset(0));
  EXPECT_EQ(machine.may_append_all(), ErrorCode::kNotEnoughReplicas);
}

TEST(PartitionMachineTest, AShrinkCountsOnlyOnceTheControllerWroteIt) {
  PartitionMachine machine(NodeId(1));
  (void)machine.apply(led_by(1, {NodeId(1), NodeId(2)}, 1, 0), Offset(0), MonoTime(0));
  (void)machine.local_end(Offset(10));
  const Millis lag(10);
  const PartitionEffects effects = machine.check_lag(Offset(10), MonoTime(1'000'000'000), lag);
  ASSERT_TRUE(effects.alter_isr.has_value());
  EXPECT_EQ(machine.high_watermark(), Offset(0));
  const PartitionEffects after =
      machine.apply(led_by(1, {NodeId(1)}, 1, 1), Offset(10), MonoTime(1'000'000'001));
  EXPECT_TRUE(after.high_watermark_moved);
  EXPECT_EQ(machine.high_watermark(), Offset(10));
}

TEST(PartitionMachineTest, AnOlderImageIsIgnored) {
  PartitionMachine machine(NodeId(1));
  (void)machine.apply(led_by(1, {NodeId(1)}, 1, 5), Offset(0), MonoTime(0));
  (void)machine.apply(led_by(2, {NodeId(2)}, 1, 4), Offset(0), MonoTime(0));
  EXPECT_TRUE(machine.is_leader());
}

TEST(PartitionMachineTest, CallersWithAnotherEpochAreTold) {
  PartitionMachine machine(NodeId(1));
  (void)machine.apply(led_by(1, {NodeId(1)}, 1, 0), Offset(0), MonoTime(0));
  EXPECT_EQ(machine.check_leader_epoch(LeaderEpoch(-1)), ErrorCode::kNone);
  EXPECT_EQ(machine.check_leader_epoch(LeaderEpoch(0)), ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(machine.check_leader_epoch(LeaderEpoch(2)), ErrorCode::kUnknownLeaderEpoch);
}

}  // namespace
}  // namespace moldau::partition
