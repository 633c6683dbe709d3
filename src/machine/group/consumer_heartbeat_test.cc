// SPDX-License-Identifier: Apache-2.0
// KIP-848, KIP-1082
#include <gtest/gtest.h>

#include "machine/group/test_consumers.h"

namespace moldau::group {
namespace {

TestConsumer consumer(const std::string& id) {
  TestConsumer out;
  out.id = id;
  return out;
}

TEST(ConsumerHeartbeatTest, TheFirstMemberGetsAllPartitionsAtOnce) {
  TestConsumerCoordinator coordinator;
  TestConsumer a = consumer("a");
  EXPECT_EQ(coordinator.beat(a), ErrorCode::kNone);
  EXPECT_EQ(a.epoch, 2);
  EXPECT_EQ(owned_count(a), 6U);
  EXPECT_EQ(a.last.heartbeat_interval_ms, 5'000);
  EXPECT_EQ(coordinator.consumer_state(), "Stable");
  // Steady: nothing is written, no assignment is told.
  const std::size_t written = coordinator.log.size();
  EXPECT_EQ(coordinator.beat(a), ErrorCode::kNone);
  EXPECT_FALSE(a.last.assignment.has_value());
  EXPECT_EQ(coordinator.log.size(), written);
}

TEST(ConsumerHeartbeatTest, PartitionsMoveOnlyWhenTheirOwnerHasGivenThemUp) {
  TestConsumerCoordinator coordinator;
  TestConsumer a = consumer("a");
  TestConsumer b = consumer("b");
  coordinator.beat(a);
  coordinator.beat(b);
  EXPECT_EQ(owned_count(b), 0U);
  EXPECT_EQ(coordinator.consumer_state(), "Reconciling");
  // `a` is told to give up three; while it still says that it owns them `b` gets none.
  const Owned before = a.owned;
  coordinator.beat(a);
  EXPECT_EQ(owned_count(a), 3U);
  TestConsumer slow = a;
  slow.owned = before;
  auto request = slow.request();
  slow.say_owned(request);
  EXPECT_EQ(coordinator.send(slow, request), ErrorCode::kNone);
  coordinator.beat(b);
  EXPECT_EQ(owned_count(b), 0U);
  coordinator.settle({&a, &b}, 2);
  EXPECT_EQ(owned_count(a), 3U);
  EXPECT_EQ(owned_count(b), 3U);
  EXPECT_EQ(coordinator.consumer_state(), "Stable");
}

TEST(ConsumerHeartbeatTest, RefusesBadRequestsAsApache) {
  TestConsumerCoordinator coordinator;
  TestConsumer a = consumer("");
  EXPECT_EQ(coordinator.beat(a), ErrorCode::kInvalidRequest);
  EXPECT_EQ(a.last.error_message.str(), "MemberId can't be empty.");
  // Before version 1 the coordinator makes the id.
  a.version = 0;
  EXPECT_EQ(coordinator.beat(a), ErrorCode::kNone);
  EXPECT_EQ(a.id.size(), 22U);
  TestConsumer b = consumer("b");
  b.rebalance_ms = -1;
  EXPECT_EQ(coordinator.beat(b), ErrorCode::kInvalidRequest);
  b.rebalance_ms = 1;
  b.topics.reset();
  EXPECT_EQ(coordinator.beat(b), ErrorCode::kInvalidRequest);
  b.topics.emplace();
  b.assignor = "nobody";
  EXPECT_EQ(coordinator.beat(b), ErrorCode::kUnsupportedAssignor);
  EXPECT_EQ(b.last.error_message.str(),
            "ServerAssignor nobody is not supported. Supported assignors: uniform, range");
  b.assignor.reset();
  b.regex = "a[";
  EXPECT_EQ(coordinator.beat(b), ErrorCode::kInvalidRegularExpression);
  EXPECT_EQ(b.last.error_message.str(),
            "SubscribedTopicRegex `a[` is not a valid regular expression: missing closing ].");
  b.regex.reset();
  b.epoch = -3;
  EXPECT_EQ(coordinator.beat(b), ErrorCode::kInvalidRequest);
  b.epoch = 5;
  EXPECT_EQ(coordinator.beat(b), ErrorCode::kUnknownMemberId);
  b.group = "other";
  EXPECT_EQ(coordinator.beat(b), ErrorCode::kGroupIdNotFound);
}

TEST(ConsumerHeartbeatTest, FencesWhoHasAnotherEpoch) {
  TestConsumerCoordinator coordinator;
  TestConsumer a = consumer("a");
  TestConsumer b = consumer("b");
  coordinator.beat(a);
  coordinator.beat(b);
  coordinator.settle({&a, &b}, 3);
  TestConsumer zombie = a;
  zombie.epoch = a.epoch + 1;
  EXPECT_EQ(coordinator.beat(zombie), ErrorCode::kFencedMemberEpoch);
  // The answer with the new epoch got lost: the epoch before is taken if it owns nothing else.
  zombie.epoch = a.epoch - 1;
  EXPECT_EQ(coordinator.beat(zombie), ErrorCode::kNone);
  EXPECT_EQ(zombie.epoch, a.epoch);
  zombie.epoch = a.epoch - 1;
  zombie.owned = b.owned;
  EXPECT_EQ(coordinator.beat(zombie), ErrorCode::kFencedMemberEpoch);
}

TEST(ConsumerHeartbeatTest, WhoIsSilentForASessionIsRemoved) {
  TestConsumerCoordinator coordinator;
  TestConsumer a = consumer("a");
  TestConsumer b = consumer("b");
  coordinator.beat(a);
  coordinator.beat(b);
  coordinator.settle({&a, &b}, 3);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(coordinator.beat(a), ErrorCode::kNone);
  EXPECT_EQ(owned_count(a), 6U);
  EXPECT_EQ(coordinator.beat(b), ErrorCode::kUnknownMemberId);
}

TEST(ConsumerHeartbeatTest, WhoGivesUpNothingInTimeIsRemoved) {
  TestConsumerCoordinator coordinator;
  TestConsumer a = consumer("a");
  TestConsumer b = consumer("b");
  a.rebalance_ms = 10'000;
  coordinator.beat(a);
  coordinator.beat(b);
  const Owned all = a.owned;
  ErrorCode error = ErrorCode::kNone;
  for (int i = 0; i < 15 && error == ErrorCode::kNone; ++i) {
    a.owned = all;
    error = coordinator.beat(a);
    coordinator.beat(b);
  }
  EXPECT_EQ(error, ErrorCode::kUnknownMemberId);
  coordinator.settle({&b}, 2);
  EXPECT_EQ(owned_count(b), 6U);
}

TEST(ConsumerHeartbeatTest, AStaticMemberComesBackToItsPartitions) {
  TestConsumerCoordinator coordinator;
  TestConsumer a = consumer("a");
  TestConsumer b = consumer("b");
  a.instance = "i";
  coordinator.beat(a);
  coordinator.beat(b);
  coordinator.settle({&a, &b}, 3);
  const Owned before = a.owned;
  const std::int32_t epoch = coordinator.described().group_epoch;
  // Another one under the same instance must wait.
  TestConsumer twin = consumer("twin");
  twin.instance = "i";
  EXPECT_EQ(coordinator.beat(twin), ErrorCode::kUnreleasedInstanceId);
  EXPECT_EQ(coordinator.leave_consumer(a, -2), ErrorCode::kNone);
  EXPECT_EQ(a.epoch, -2);
  EXPECT_EQ(coordinator.beat(twin), ErrorCode::kNone);
  EXPECT_EQ(twin.owned, before);
  EXPECT_EQ(coordinator.described().group_epoch, epoch);
  a.epoch = 4;
  EXPECT_EQ(coordinator.beat(a), ErrorCode::kFencedInstanceId);
}

TEST(ConsumerHeartbeatTest, FollowsATopicThatGrows) {
  TestConsumerCoordinator coordinator;
  TestConsumer a = consumer("a");
  coordinator.beat(a);
  coordinator.show(image_of({{"orders", 9}}, Offset(2)));
  coordinator.settle({&a}, 2);
  EXPECT_EQ(owned_count(a), 9U);
  coordinator.show(image_of({}, Offset(3)));
  coordinator.machine.topics_deleted(coordinator.context(),
                                     std::vector<DeletedTopic>{DeletedTopic("orders", kOrders)});
  coordinator.settle({&a}, 2);
  EXPECT_EQ(owned_count(a), 0U);
}

TEST(ConsumerHeartbeatTest, SubscribesByRegularExpression) {
  TestConsumerCoordinator coordinator;
  coordinator.show(image_of({{"log-a", 2}, {"log-b", 2}, {"other", 2}}));
  TestConsumer a = consumer("a");
  a.topics.reset();
  a.regex = "log-.*";
  coordinator.beat(a);
  ASSERT_EQ(coordinator.questions.size(), 1U);
  EXPECT_EQ(owned_count(a), 0U);
  coordinator.answer_questions();
  coordinator.settle({&a}, 2);
  EXPECT_EQ(owned_count(a), 4U);
  EXPECT_EQ(coordinator.described().members[0].subscribed_topic_regex.str(), "log-.*");
  // A new topic is found, but not before the pause is over.
  coordinator.show(image_of({{"log-a", 2}, {"log-b", 2}, {"other", 2}, {"log-c", 3}}, Offset(2)));
  coordinator.settle({&a}, 12);
  EXPECT_EQ(owned_count(a), 7U);
}

TEST(ConsumerHeartbeatTest, ASuccessorKnowsEverything) {
  TestConsumerCoordinator coordinator;
  coordinator.show(image_of({{"orders", 5}, {"log-a", 3}}));
  TestConsumer a = consumer("a");
  TestConsumer b = consumer("b");
  b.topics.reset();
  b.regex = "log.*";
  b.instance = "i";
  coordinator.beat(a);
  coordinator.beat(b);
  coordinator.settle({&a, &b}, 4);
  GroupMachine successor = coordinator.successor();
  const auto there = successor.describe_consumer("g", coordinator.image);
  EXPECT_EQ(there, coordinator.described());
  successor.loaded(coordinator.context());
  ASSERT_TRUE(successor.next_deadline().has_value());
}

TEST(ConsumerHeartbeatTest, AGroupThatTheMigrationPolicyKeepsClassicIsNotJoined) {
  GroupSettings settings;
  auto broker = std::make_shared<config::BrokerConfig>(*settings.broker);
  broker->values.group_consumer_migration_policy = "DISABLED";
  settings.broker = broker;
  TestConsumerCoordinator coordinator(6, settings);
  coordinator.stable_group(1);
  TestConsumer a = consumer("a");
  EXPECT_EQ(coordinator.beat(a), ErrorCode::kGroupIdNotFound);
  EXPECT_EQ(coordinator.state(), "Stable");
}

TEST(ConsumerHeartbeatTest, AFullGroupTakesNobody) {
  GroupSettings settings;
  auto broker = std::make_shared<config::BrokerConfig>(*settings.broker);
  broker->values.group_consumer_max_size = 1;
  settings.broker = broker;
  TestConsumerCoordinator coordinator(6, settings);
  TestConsumer a = consumer("a");
  TestConsumer b = consumer("b");
  EXPECT_EQ(coordinator.beat(a), ErrorCode::kNone);
  EXPECT_EQ(coordinator.beat(b), ErrorCode::kGroupMaxSizeReached);
  EXPECT_EQ(coordinator.beat(a), ErrorCode::kNone);
}

}  // namespace
}  // namespace moldau::group
