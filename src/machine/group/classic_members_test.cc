// SPDX-License-Identifier: Apache-2.0
// KIP-848: groups change their protocol while members are in them.
#include <gtest/gtest.h>

#include "machine/group/test_consumers.h"
#include "wire/consumer_protocol_assignment.h"
#include "wire/reader.h"

namespace moldau::group {
namespace {

TestConsumer consumer(const std::string& id) {
  TestConsumer out;
  out.id = id;
  return out;
}

std::size_t partitions_in(ByteView bytes) {
  wire::Reader reader(bytes);
  const std::int16_t version = reader.int16("version");
  wire::ConsumerProtocolAssignment message;
  EXPECT_TRUE(message.decode(reader, version).ok());
  std::size_t out = 0;
  for (const auto& topic : message.assigned_partitions) out += topic.partitions.size();
  return out;
}

/// A stable classic group of one member, whose id is returned.
std::string classic_group(TestConsumerCoordinator& coordinator) {
  const AnswerId join = coordinator.join_twice(Joiner{});
  coordinator.pass(Millis(6'500));
  const std::string member = coordinator.joined(join).member_id.str();
  coordinator.sync(member, coordinator.joined(join).generation_id, {{member, ""}});
  EXPECT_EQ(coordinator.state(), "Stable");
  return member;
}

TEST(ClassicMembersTest, AClassicGroupBecomesAConsumerGroupAndBack) {
  TestConsumerCoordinator coordinator;
  const std::string old = classic_group(coordinator);
  TestConsumer fresh = consumer("fresh");
  ASSERT_EQ(coordinator.beat(fresh), ErrorCode::kNone);
  EXPECT_EQ(coordinator.state(), "Dead");
  ASSERT_EQ(coordinator.described().members.size(), 2U);

  // The classic member is told to join again, and gets its half.
  const std::int32_t generation = coordinator.described().assignment_epoch;
  ErrorCode told = ErrorCode::kNone;
  for (std::int32_t epoch = 0; epoch <= generation && told == ErrorCode::kNone; ++epoch) {
    const ErrorCode error = coordinator.heartbeat(old, epoch);
    if (error != ErrorCode::kIllegalGeneration) told = error;
  }
  EXPECT_EQ(told, ErrorCode::kRebalanceInProgress);
  Joiner again;
  again.member = old;
  const AnswerId joined = coordinator.join(again);
  ASSERT_EQ(coordinator.error_of_join(joined), ErrorCode::kNone);
  const AnswerId synced = coordinator.sync(old, coordinator.joined(joined).generation_id);
  ASSERT_EQ(coordinator.error_of_sync(synced), ErrorCode::kNone);
  coordinator.settle({&fresh}, 1);
  EXPECT_EQ(partitions_in(coordinator.synced(synced).assignment.view()) + owned_count(fresh), 6U);
  EXPECT_EQ(coordinator.successor().describe_consumer("g", coordinator.image),
            coordinator.described());

  // The last member of the consumer protocol goes: the group is a classic one again.
  EXPECT_EQ(coordinator.leave_consumer(fresh), ErrorCode::kNone);
  EXPECT_EQ(coordinator.state(), "PreparingRebalance");
  EXPECT_EQ(coordinator.described().error_code,
            static_cast<std::int16_t>(ErrorCode::kGroupIdNotFound));
  EXPECT_EQ(coordinator.successor().describe("g", 6).group_state.str(), "Stable");
}

TEST(ClassicMembersTest, TheLastClassicMemberLeavesAConsumerGroup) {
  TestConsumerCoordinator coordinator;
  const std::string old = classic_group(coordinator);
  TestConsumer fresh = consumer("fresh");
  ASSERT_EQ(coordinator.beat(fresh), ErrorCode::kNone);
  coordinator.leave({{old, std::nullopt}});
  coordinator.settle({&fresh}, 3);
  EXPECT_EQ(owned_count(fresh), 6U);
  ASSERT_EQ(coordinator.described().members.size(), 1U);
  coordinator.leave_consumer(fresh);
  EXPECT_EQ(coordinator.consumer_state(), "Empty");
  // An empty one becomes classic without more ado.
  coordinator.join_twice(Joiner{});
  EXPECT_EQ(coordinator.state(), "PreparingRebalance");
}

}  // namespace
}  // namespace moldau::group
