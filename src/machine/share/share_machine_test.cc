// SPDX-License-Identifier: Apache-2.0
#include "machine/share/share_machine.h"

#include <gtest/gtest.h>

#include "machine/share/test_share.h"

namespace moldau::share {
namespace {

using enum DeliveryState;

SharePartitionKey key(int partition = 0) {
  return {"g", kTopic, PartitionId(partition)};
}

StateBatch batch(std::int64_t first, std::int64_t last, DeliveryState state,
                 std::int16_t count = 1) {
  return {Offset(first), Offset(last), state, count};
}

TEST(ShareKeyTest, FallsToAPartitionAsInApache) {
  EXPECT_EQ(state_partition_of("my-group:AAAAAAAAAAEAAAAAAAAAAg:0", 50), PartitionId(42));
  EXPECT_EQ(
      SharePartitionKey("my-group", TopicId(0x100000000, 2), PartitionId(0)).text().substr(0, 9),
      "my-group:");
  EXPECT_TRUE(is_share_key("my:group:AAAAAAAAAAEAAAAAAAAAAg:0"));
  EXPECT_FALSE(is_share_key("my-group:AAAAAAAAAAEAAAAAAAAAAg:x"));
  EXPECT_FALSE(is_share_key("AAAAAAAAAAEAAAAAAAAAAg:0"));
  EXPECT_FALSE(is_share_key(""));
}

// KIP-932
TEST(ShareMachineTest, KeepsWhatIsWritten) {
  TestStore store;
  EXPECT_EQ(store.read(key(), 0).error, ErrorCode::kInvalidRequest);
  EXPECT_EQ(store.write(key(), 0, 0, 0, {}).error, ErrorCode::kInvalidRequest);
  ASSERT_EQ(store.initialize(key(), 3, 10).error, ErrorCode::kNone);
  ASSERT_EQ(store.read(key(), 5).error, ErrorCode::kNone);
  ASSERT_EQ(store.write(key(), 3, 5, 12, {batch(12, 20, kAcknowledged)}).error, ErrorCode::kNone);
  ASSERT_EQ(store.write(key(), 3, 5, -1, {batch(21, 22, kAvailable)}).error, ErrorCode::kNone);
  const ReadOutcome read = store.read(key(), 5);
  EXPECT_EQ(read.start_offset, Offset(12));
  EXPECT_EQ(read.state_epoch, 3);
  EXPECT_EQ(read.batches, std::vector({batch(12, 20, kAcknowledged), batch(21, 22, kAvailable)}));
  EXPECT_EQ(*store.replayed().find(key()), *store.machine.find(key()));
}

TEST(ShareMachineTest, FencesOlderEpochs) {
  TestStore store;
  ASSERT_EQ(store.initialize(key(), 3, 0).error, ErrorCode::kNone);
  EXPECT_EQ(store.initialize(key(), 2, 0).error, ErrorCode::kFencedStateEpoch);
  ASSERT_EQ(store.read(key(), 7).error, ErrorCode::kNone);
  EXPECT_EQ(store.read(key(), 6).error, ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(store.write(key(), 3, 6, 0, {}).error, ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(store.write(key(), 2, 7, 0, {}).error, ErrorCode::kFencedStateEpoch);
  EXPECT_EQ(store.write(key(), -1, -1, 0, {}).error, ErrorCode::kNone);
  EXPECT_EQ(store.read(key(), -1).error, ErrorCode::kNone);
  EXPECT_EQ(store.machine.writes(), 4U) << "three, and the leader epoch of a read";
}

TEST(ShareMachineTest, WritesASnapshotNowAndThen) {
  ShareStateSettings settings;
  settings.updates_per_snapshot = 3;
  TestStore store(settings);
  ASSERT_EQ(store.initialize(key(), 0, 0).error, ErrorCode::kNone);
  for (int i = 0; i < 12; ++i)
    ASSERT_EQ(store.write(key(), 0, 0, 0, {batch(i, i, kAcknowledged)}).error, ErrorCode::kNone);
  std::string types;
  for (const auto& record : store.log) types.push_back(record.key[1] == std::byte{0} ? 'S' : 'U');
  EXPECT_EQ(types, "SUUUSUUUSUUUS");
  EXPECT_EQ(store.machine.find(key())->snapshot_epoch, 3);
  EXPECT_EQ(store.machine.find(key())->batches, std::vector({batch(0, 11, kAcknowledged)}));
  EXPECT_EQ(store.machine.last_redundant_offset(), Offset(12));
  EXPECT_EQ(*store.replayed(12).find(key()), *store.machine.find(key())) << "what was is redundant";
}

TEST(ShareMachineTest, KeepsTheLogBackForTheOldestSnapshot) {
  TestStore store;
  ASSERT_EQ(store.initialize(key(0), 0, 0).error, ErrorCode::kNone);
  ASSERT_EQ(store.initialize(key(1), 0, 0).error, ErrorCode::kNone);
  EXPECT_EQ(store.machine.last_redundant_offset(), std::nullopt);
  ASSERT_EQ(store.initialize(key(0), 1, 0).error, ErrorCode::kNone);
  EXPECT_EQ(store.machine.last_redundant_offset(), Offset(1));
  DeleteState gone;
  gone.key = key(1);
  ASSERT_EQ(store.outcome(store.machine.remove(store.context(), AnswerId(1), gone)).error,
            ErrorCode::kNone);
  EXPECT_EQ(store.machine.last_redundant_offset(), Offset(2));
  EXPECT_EQ(store.machine.find(key(1)), nullptr);
  EXPECT_EQ(store.replayed().last_redundant_offset(), Offset(2));
}

TEST(ShareMachineTest, LetsGoOfWhatIsRedundantNowAndThen) {
  TestStore store;
  ASSERT_EQ(store.initialize(key(), 0, 0).error, ErrorCode::kNone);
  ASSERT_EQ(store.initialize(key(), 1, 0).error, ErrorCode::kNone);
  store.pass(Millis(299'000));
  EXPECT_EQ(store.machine.tick(store.context()).prune_before, std::nullopt);
  store.pass(Millis(1'000));
  EXPECT_EQ(store.machine.tick(store.context()).prune_before, Offset(1));
  ASSERT_EQ(store.initialize(key(), 2, 0).error, ErrorCode::kNone);
  EXPECT_EQ(store.machine.tick(store.context()).prune_before, std::nullopt);
}

TEST(ShareMachineTest, WritesColdStateAnewOnce) {
  TestStore store;
  ASSERT_EQ(store.initialize(key(), 0, 5).error, ErrorCode::kNone);
  for (int i = 0; i < 3; ++i) {
    store.pass(Millis(300'000));
    ASSERT_LE(store.machine.next_deadline(), store.now);
    store.perform(store.machine.tick(store.context()));
  }
  EXPECT_EQ(store.log.size(), 2U);
  EXPECT_EQ(store.machine.find(key())->snapshot_epoch, 1);
  EXPECT_GT(store.machine.next_deadline(), store.now);
}

TEST(ShareMachineTest, ForgetsDeletedTopics) {
  TestStore store;
  ASSERT_EQ(store.initialize(key(0), 0, 5).error, ErrorCode::kNone);
  ASSERT_EQ(store.initialize(key(3), 0, 5).error, ErrorCode::kNone);
  store.image = test_image(false);
  store.perform(store.machine.topics_deleted(store.context(), std::vector({kTopic})));
  EXPECT_EQ(store.machine.size(), 0U);
  EXPECT_EQ(store.replayed().size(), 0U);
  EXPECT_EQ(store.initialize(key(0), 0, 5).error, ErrorCode::kUnknownTopicOrPartition);
}

TEST(ShareMachineTest, RefusesWhatNoRecordCanHold) {
  ShareStateSettings settings;
  settings.batch_bytes_max = 400;
  TestStore store(settings);
  ASSERT_EQ(store.initialize(key(), 0, 0).error, ErrorCode::kNone);
  std::vector<StateBatch> many;
  for (int i = 0; i < 40; ++i) many.push_back(batch(2 * i, 2 * i, kAcknowledged));
  EXPECT_EQ(store.write(key(), 0, 0, 0, many).error, ErrorCode::kUnknownServerError);
  EXPECT_TRUE(store.machine.find(key())->batches.empty());
  EXPECT_EQ(store.initialize({std::string(40'000, 'g'), kTopic, PartitionId(0)}, 0, 0).error,
            ErrorCode::kInvalidRequest);
  EXPECT_EQ(store.write(key(), 0, 0, 0, {batch(5, 4, kArchived)}).error,
            ErrorCode::kInvalidRequest);
}

}  // namespace
}  // namespace moldau::share
