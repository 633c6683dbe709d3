// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "machine/group/test_offsets.h"

// KIP-211 (expiry of offsets)

namespace moldau::group {
namespace {

GroupSettings hourly() {
  GroupSettings settings;
  settings.offsets_retention = Millis(3'600'000);
  return settings;
}
constexpr Millis kCheck(600'000);

/// Heartbeats keep the member in while time passes.
void pass_alive(TestCoordinator& coordinator, const std::string& member, Millis span) {
  for (std::int64_t passed = 0; passed < span.value(); passed += 8'000) {
    coordinator.pass(Millis(8'000));
    ASSERT_EQ(coordinator.heartbeat(member, 1), ErrorCode::kNone);
  }
}

TEST(OffsetExpiryTest, ASimpleGroupsOffsetExpiresAfterItsCommit) {
  TestCoordinator coordinator(hourly());
  commit(coordinator, Commit{});
  coordinator.pass(Millis(3'000'000));
  Commit later;
  later.partition = 1;
  commit(coordinator, later);
  coordinator.pass(Millis(600'000) + 1);
  EXPECT_EQ(fetch(coordinator, "orders", 0).committed_offset, -1);
  EXPECT_EQ(fetch(coordinator, "orders", 1).committed_offset, 5);
  EXPECT_EQ(coordinator.machine.counts().groups, 1);
  coordinator.pass(Millis(3'600'000));
  EXPECT_EQ(coordinator.machine.counts().offsets, 0);
  EXPECT_EQ(coordinator.machine.counts().groups, 0) << "a group without offsets goes too";
  EXPECT_EQ(coordinator.machine.counts().offset_expirations, 2);
  EXPECT_EQ(coordinator.successor().counts().groups, 0);
}

TEST(OffsetExpiryTest, AGroupThatBecameEmptyKeepsItsOffsetsForTheRetentionFromThenOn) {
  TestCoordinator coordinator(hourly());
  const auto ids = coordinator.stable_group(1);
  Commit c;
  c.member = ids[0];
  c.generation = 1;
  commit(coordinator, c);
  pass_alive(coordinator, ids[0], Millis(3'000'000));
  coordinator.leave({{ids[0], std::nullopt}});
  ASSERT_EQ(coordinator.state(), "Empty");
  coordinator.pass(Millis(3'000'000));
  EXPECT_EQ(fetch(coordinator).committed_offset, 5) << "older than the retention, yet kept";
  coordinator.pass(Millis(1'300'000));
  EXPECT_EQ(fetch(coordinator).committed_offset, -1);
  EXPECT_EQ(coordinator.state(), "Dead");
}

TEST(OffsetExpiryTest, AStableGroupKeepsTheTopicsItIsSubscribedTo) {
  TestCoordinator coordinator(hourly());
  const auto ids = coordinator.stable_group(1);
  Commit c;
  c.member = ids[0];
  c.generation = 1;
  commit(coordinator, c);
  c.topic = "others";
  commit(coordinator, c);
  pass_alive(coordinator, ids[0], Millis(4'300'000));
  EXPECT_EQ(fetch(coordinator, "orders").committed_offset, 5);
  EXPECT_EQ(fetch(coordinator, "others").committed_offset, -1);
  EXPECT_EQ(coordinator.state(), "Stable");
}

TEST(OffsetExpiryTest, AnExplicitRetentionOfAnOldClientIsObeyed) {
  TestCoordinator coordinator;
  Commit c;
  c.version = 4;
  c.retention_ms = 1'000;
  commit(coordinator, c);
  EXPECT_EQ(static_cast<int>(coordinator.log.back().records[0].value->at(1)), 1)
      << "the version that can say it";
  coordinator.pass(Millis(599'000));
  EXPECT_EQ(fetch(coordinator).committed_offset, 5);
  coordinator.pass(Millis(2'000));
  EXPECT_EQ(fetch(coordinator).committed_offset, -1);
  c.retention_ms = INT64_MAX;
  commit(coordinator, c);
  coordinator.pass(kCheck + 1);
  EXPECT_EQ(fetch(coordinator).committed_offset, 5) << "no overflow";
}

TEST(OffsetExpiryTest, ATimeThatCannotBeIsNoTrouble) {
  TestCoordinator coordinator(hourly());
  coordinator.wall = Timestamp(INT64_MIN + 1);
  commit(coordinator, Commit{});
  coordinator.wall = Timestamp(1'700'000'000'000);
  coordinator.pass(kCheck + 1);
  EXPECT_EQ(fetch(coordinator).committed_offset, 5) << "as Java's arithmetic has it";
}

TEST(OffsetExpiryTest, WaitsForOpenTransactions) {
  TestCoordinator coordinator(hourly());
  commit(coordinator, Commit{});
  commit_in_transaction(coordinator, 42, Commit{});
  coordinator.pass(Millis(4'300'000));
  EXPECT_EQ(fetch(coordinator).committed_offset, 5);
  coordinator.machine.end_transaction(ProducerId(42), false);
  coordinator.pass(kCheck + 1);
  EXPECT_EQ(fetch(coordinator).committed_offset, -1);
}

TEST(OffsetExpiryTest, AnEmptyGroupWithoutOffsetsIsRemovedUnlessATransactionIsOpen) {
  TestCoordinator coordinator;
  coordinator.join(Joiner{});
  Commit c;
  c.group = "open";
  commit_in_transaction(coordinator, 42, c);
  ASSERT_EQ(coordinator.machine.counts().groups, 2);
  coordinator.pass(kCheck + 1);
  EXPECT_EQ(coordinator.state("g"), "Dead");
  EXPECT_EQ(coordinator.state("open"), "Empty");
}

TEST(OffsetExpiryTest, GoesOnInTheNextTickWhenTheBatchIsFull) {
  GroupSettings settings = hourly();
  settings.batch_bytes_max = 500;
  TestCoordinator coordinator(settings);
  for (int i = 0; i < 40; ++i) {
    Commit c;
    c.group = "group-" + std::to_string(i / 10);
    c.partition = i % 10;
    ASSERT_EQ(commit(coordinator, c), ErrorCode::kNone);
  }
  const std::size_t batches = coordinator.log.size();
  coordinator.pass(Millis(4'300'000));
  EXPECT_EQ(coordinator.machine.counts().offsets, 0);
  EXPECT_EQ(coordinator.machine.counts().groups, 0);
  EXPECT_GT(coordinator.log.size(), batches + 3) << "several batches";
  for (const auto& batch : coordinator.log) {
    std::size_t bytes = 61;
    for (const auto& record : batch.records) {
      bytes += record.key.size() + (record.value ? record.value->size() : 0);
    }
    EXPECT_LE(bytes, 500u);
  }
}

TEST(OffsetExpiryTest, LooksAtAllOfManyGroups) {
  TestCoordinator coordinator(hourly());
  for (int i = 0; i < 2'500; ++i) {
    Commit c;
    c.group = "group-" + std::to_string(i);
    commit(coordinator, c);
  }
  coordinator.advance(Millis(4'300'000));
  int ticks = 0;
  while (coordinator.machine.counts().groups > 0 && ++ticks < 10) {
    ASSERT_LE(*coordinator.machine.next_deadline(), coordinator.now);
    coordinator.take(coordinator.machine.tick(coordinator.context()));
  }
  EXPECT_EQ(ticks, 3) << "a thousand groups at a time";
  coordinator.take(coordinator.machine.tick(coordinator.context()));
  EXPECT_EQ(*coordinator.machine.next_deadline(), coordinator.now + kCheck);
}

TEST(OffsetExpiryTest, GetsPastManyGroupsThatStay) {
  TestCoordinator coordinator(hourly());
  Commit old;
  old.group = "z";
  commit(coordinator, old);
  coordinator.advance(Millis(4'300'000));
  for (int i = 0; i < 2'500; ++i) {
    Commit c;
    c.group = "group-" + std::to_string(i);
    commit(coordinator, c);
  }
  for (int i = 0; i < 3; ++i) coordinator.take(coordinator.machine.tick(coordinator.context()));
  EXPECT_EQ(coordinator.state("z"), "Dead");
  EXPECT_EQ(coordinator.machine.counts().groups, 2'500);
  EXPECT_EQ(*coordinator.machine.next_deadline(), coordinator.now + kCheck);
}

TEST(TopicDeletionTest, RemovesTheOffsetsOfTheTopicInAllGroups) {
  TestCoordinator coordinator;
  Commit c;
  commit(coordinator, c);
  c.group = "h";
  commit(coordinator, c);
  c.topic = "others";
  commit(coordinator, c);
  Commit pending;
  pending.group = "i";
  commit_in_transaction(coordinator, 42, pending);
  const std::vector<DeletedTopic> topics = {DeletedTopic("orders", kOrders)};
  coordinator.take(coordinator.machine.topics_deleted(coordinator.context(), topics));
  coordinator.machine.end_transaction(ProducerId(42), true);
  EXPECT_EQ(fetch(coordinator).committed_offset, -1);
  EXPECT_EQ(fetch(coordinator, "orders", 0, false, "h").committed_offset, -1);
  EXPECT_EQ(fetch(coordinator, "others", 0, false, "h").committed_offset, 5);
  EXPECT_EQ(fetch(coordinator, "orders", 0, false, "i").committed_offset, -1);
}

TEST(TopicDeletionTest, SparesOffsetsOfTheNextTopicOfThatName) {
  TestCoordinator coordinator;
  Commit c;
  c.version = 10;
  c.topic_id = kOrders;
  commit(coordinator, c);
  const std::vector<DeletedTopic> topics = {DeletedTopic("orders", TopicId(3, 3))};
  coordinator.take(coordinator.machine.topics_deleted(coordinator.context(), topics));
  EXPECT_EQ(fetch(coordinator).committed_offset, 5);
}

TEST(TopicDeletionTest, TakesAsManyTicksAsItNeeds) {
  TestCoordinator coordinator;
  for (int i = 0; i < 2'500; ++i) {
    Commit c;
    c.group = "group-" + std::to_string(i);
    commit(coordinator, c);
  }
  const std::vector<DeletedTopic> topics = {DeletedTopic("orders", kOrders)};
  coordinator.take(coordinator.machine.topics_deleted(coordinator.context(), topics));
  EXPECT_EQ(coordinator.machine.counts().offsets, 1'500);
  coordinator.pass(Millis(1));
  EXPECT_EQ(coordinator.machine.counts().offsets, 0);
}

}  // namespace
}  // namespace moldau::group
