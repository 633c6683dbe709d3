// SPDX-License-Identifier: Apache-2.0
#include "machine/share/share_partition.h"

#include <gtest/gtest.h>

namespace moldau::share {
namespace {

using enum DeliveryState;
using Ranges = std::vector<AcquiredRange>;

/// A log of batches, read whole.
struct Fixture {
  explicit Fixture(std::int64_t start = 0) : partition(LeaderEpoch(1), 2, Offset(start)) {}

  void append(std::int64_t records) {
    const std::int64_t base = log.empty() ? 0 : log.back().last.value() + 1;
    log.emplace_back(Offset(base), Offset(base + records - 1));
  }
  Ranges acquire(const char* member, int records_max = 500, int batch_size = 500,
                 bool record_limit = false) {
    FetchedRecords fetched;
    fetched.fetch_offset = partition.next_fetch_offset();
    for (const FetchedBatch& batch : log)
      if (batch.last >= fetched.fetch_offset) fetched.batches.push_back(batch);
    fetched.aborted = aborted;
    AcquireWish wish;
    wish.member = member;
    wish.records_max = records_max;
    wish.batch_size = batch_size;
    wish.record_limit = record_limit;
    return partition.acquire(settings, wish, fetched, now).ranges;
  }
  ErrorCode acknowledge(const char* member, std::int64_t first, std::int64_t last,
                        std::vector<std::int8_t> types) {
    Acknowledgement one;
    one.first = Offset(first);
    one.last = Offset(last);
    one.types = std::move(types);
    AcknowledgeOutcome outcome = partition.acknowledge(settings, member, {one}, now);
    store(std::move(outcome.write));
    return outcome.error;
  }
  void store(std::optional<StateToWrite> write) {
    if (!write) return;
    last_write = *write;
    partition.written(write->id, stored, settings, now);
  }
  void pass(std::int64_t ms) {
    now = now + Millis(ms);
    store(partition.tick(settings, now));
  }

  SharePartitionSettings settings;
  std::vector<FetchedBatch> log;
  std::vector<AbortedRange> aborted;
  MonoTime now{0};
  bool stored = true;
  StateToWrite last_write;
  SharePartition partition;
};

AcquiredRange range(std::int64_t first, std::int64_t last, std::int16_t count = 1) {
  return {Offset(first), Offset(last), count};
}

TEST(SharePartitionTest, GivesARecordToOneMemberAtATime) {
  Fixture f;
  f.append(10);
  f.append(5);
  EXPECT_EQ(f.acquire("a"), Ranges({range(0, 14)}));
  EXPECT_EQ(f.acquire("b"), Ranges());
  f.append(3);
  EXPECT_EQ(f.acquire("b"), Ranges({range(15, 17)}));
  EXPECT_EQ(f.acknowledge("b", 0, 14, {1}), ErrorCode::kInvalidRecordState);
  EXPECT_EQ(f.acknowledge("a", 0, 14, {1}), ErrorCode::kNone);
  EXPECT_EQ(f.last_write.batches,
            std::vector({StateBatch(Offset(0), Offset(14), kAcknowledged, 1)}));
  EXPECT_EQ(f.partition.start_offset(), Offset(15));
  EXPECT_EQ(f.acknowledge("b", 15, 17, {1}), ErrorCode::kNone);
  EXPECT_EQ(f.partition.start_offset(), Offset(18));
  EXPECT_EQ(f.partition.next_fetch_offset(), Offset(18));
  EXPECT_EQ(f.last_write.start_offset, Offset(15));
}

TEST(SharePartitionTest, KeepsToLogBatchesUnlessItIsLimited) {
  Fixture f;
  f.append(10);
  f.append(10);
  EXPECT_EQ(f.acquire("a", 5), Ranges({range(0, 9)}));
  EXPECT_EQ(f.acquire("b", 5, 500, true), Ranges({range(10, 14)}));
  EXPECT_EQ(f.acquire("c", 5, 500, true), Ranges({range(15, 19)}));
  EXPECT_EQ(f.acknowledge("b", 10, 14, {1, 2, 3, 0, 1}), ErrorCode::kNone);
  EXPECT_EQ(f.acquire("c", 5, 500, true), Ranges({range(11, 11, 2)}));
}

TEST(SharePartitionTest, TellsRangesOfTheWantedSize) {
  Fixture f;
  for (int i = 0; i < 5; ++i) f.append(4);
  EXPECT_EQ(f.acquire("a", 100, 8), Ranges({range(0, 7), range(8, 15), range(16, 19)}));
}

TEST(SharePartitionTest, ReleasesLocksThatRunOut) {
  Fixture f;
  f.append(4);
  ASSERT_EQ(f.acquire("a"), Ranges({range(0, 3)}));
  EXPECT_EQ(f.partition.next_deadline(), f.now + Millis(30'000));
  f.pass(29'999);
  EXPECT_EQ(f.acquire("b"), Ranges());
  f.pass(1);
  EXPECT_EQ(f.acquire("b"), Ranges({range(0, 3, 2)}));
  EXPECT_EQ(f.acknowledge("a", 0, 3, {1}), ErrorCode::kInvalidRecordState);
}

// KIP-1222
TEST(SharePartitionTest, RenewsLocks) {
  Fixture f;
  f.append(4);
  ASSERT_EQ(f.acquire("a"), Ranges({range(0, 3)}));
  f.pass(20'000);
  EXPECT_EQ(f.acknowledge("a", 1, 2, {4}), ErrorCode::kNone);
  f.pass(10'000);
  EXPECT_EQ(f.acquire("b"), Ranges({range(0, 0, 2), range(3, 3, 2)}));
  f.pass(19'999);
  EXPECT_EQ(f.acknowledge("a", 1, 2, {1, 1}), ErrorCode::kNone);
  f.settings.may_renew = false;
  EXPECT_EQ(f.acknowledge("b", 0, 0, {4}), ErrorCode::kInvalidRecordState);
}

TEST(SharePartitionTest, GivesUpRecordsThatWereDeliveredTooOften) {
  Fixture f;
  f.settings.delivery_limit = 2;
  f.append(1);
  ASSERT_EQ(f.acquire("a"), Ranges({range(0, 0)}));
  ASSERT_EQ(f.acknowledge("a", 0, 0, {2}), ErrorCode::kNone);
  ASSERT_EQ(f.acquire("a"), Ranges({range(0, 0, 2)}));
  ASSERT_EQ(f.acknowledge("a", 0, 0, {2}), ErrorCode::kNone);
  EXPECT_EQ(f.last_write.batches.front().state, kArchived);
  EXPECT_EQ(f.acquire("a"), Ranges());
  EXPECT_EQ(f.partition.start_offset(), Offset(1));
}

// From half of its deliveries on, a batch comes in smaller and smaller parts, at last one by one.
TEST(SharePartitionTest, DeliversBadRecordsInSmallGroups) {
  Fixture f;
  f.append(16);
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 5; ++i) {
    const Ranges got = f.acquire("a");
    ASSERT_EQ(got.size(), 1U);
    sizes.push_back(static_cast<std::size_t>(got[0].last - got[0].first + 1));
    ASSERT_EQ(f.acknowledge("a", got[0].first.value(), got[0].last.value(), {2}), ErrorCode::kNone);
  }
  EXPECT_EQ(sizes, std::vector<std::size_t>({16, 16, 16, 8, 1}));
}

TEST(SharePartitionTest, TakesNothingOfABadRequest) {
  Fixture f;
  f.append(10);
  ASSERT_EQ(f.acquire("a"), Ranges({range(0, 9)}));
  Acknowledgement good;
  good.first = Offset(0);
  good.last = Offset(4);
  good.types = {1};
  Acknowledgement bad = good;
  EXPECT_EQ(f.partition.acknowledge(f.settings, "a", {good, bad}, f.now).error,
            ErrorCode::kInvalidRecordState);
  EXPECT_EQ(f.acknowledge("a", 0, 9, {1}), ErrorCode::kNone) << "as if nothing had been asked";
  EXPECT_EQ(f.acknowledge("a", 20, 21, {1}), ErrorCode::kInvalidRecordState);
}

TEST(SharePartitionTest, TakesBackWhatCannotBeStored) {
  Fixture f;
  f.append(10);
  ASSERT_EQ(f.acquire("a"), Ranges({range(0, 9)}));
  f.stored = false;
  EXPECT_EQ(f.acknowledge("a", 0, 4, {1}), ErrorCode::kNone);
  EXPECT_EQ(f.partition.delivery_complete_count(), 0);
  EXPECT_EQ(f.acquire("b"), Ranges());
  f.stored = true;
  EXPECT_EQ(f.acknowledge("a", 0, 9, {1}), ErrorCode::kNone);
  EXPECT_EQ(f.partition.start_offset(), Offset(10));
}

TEST(SharePartitionTest, CompletesOutOfOrderAcknowledgements) {
  Fixture f;
  f.append(10);
  ASSERT_EQ(f.acquire("a"), Ranges({range(0, 9)}));
  std::vector<Acknowledgement> batches(2);
  batches[0].first = batches[0].last = Offset(5);
  batches[1].first = batches[1].last = Offset(4);
  batches[0].types = batches[1].types = {1};
  AcknowledgeOutcome outcome = f.partition.acknowledge(f.settings, "a", batches, f.now);
  ASSERT_TRUE(outcome.write);
  f.store(outcome.write);
  EXPECT_EQ(f.partition.delivery_complete_count(), 2);
  EXPECT_EQ(f.acknowledge("a", 0, 3, {1}), ErrorCode::kNone);
  EXPECT_EQ(f.partition.start_offset(), Offset(6));
}

TEST(SharePartitionTest, FreesTheRecordsOfAMemberThatGoes) {
  Fixture f;
  f.append(5);
  f.append(5);
  ASSERT_EQ(f.acquire("a", 5), Ranges({range(0, 4)}));
  ASSERT_EQ(f.acquire("b", 5), Ranges({range(5, 9)}));
  f.store(f.partition.release_member(f.settings, "a").write);
  EXPECT_EQ(f.acquire("b"), Ranges({range(0, 4, 2)}));
}

TEST(SharePartitionTest, HoldsNoMoreThanItsLocks) {
  Fixture f;
  f.settings.record_locks_max = 10;
  for (int i = 0; i < 10; ++i) f.append(4);
  EXPECT_EQ(f.acquire("a"), Ranges({range(0, 11)}));
  EXPECT_FALSE(f.partition.can_acquire(f.settings));
  EXPECT_EQ(f.acquire("b"), Ranges());
  ASSERT_EQ(f.acknowledge("a", 0, 3, {2}), ErrorCode::kNone);
  EXPECT_TRUE(f.partition.can_acquire(f.settings));
  EXPECT_EQ(f.acquire("b"), Ranges({range(0, 3, 2)})) << "what is in flight may go round";
}

TEST(SharePartitionTest, LeavesOutAbortedRecords) {
  Fixture f;
  f.append(2);
  f.append(3);
  f.append(1);
  f.append(2);
  for (int i : {1, 2}) {
    f.log[static_cast<std::size_t>(i)].producer_id = ProducerId(9);
    f.log[static_cast<std::size_t>(i)].is_transactional = true;
  }
  f.log[2].is_abort_marker = true;
  f.aborted.emplace_back(ProducerId(9), Offset(2));
  EXPECT_EQ(f.acquire("a"), Ranges({range(0, 1), range(5, 7)}));
  ASSERT_EQ(f.acknowledge("a", 0, 1, {1}), ErrorCode::kNone);
  EXPECT_EQ(f.partition.start_offset(), Offset(5));
}

TEST(SharePartitionTest, GoesOnFromWhatWasStored) {
  SharePartition partition(LeaderEpoch(3), 1, Offset(10));
  ASSERT_TRUE(partition.recover({StateBatch(Offset(10), Offset(12), kAcknowledged, 1),
                                 StateBatch(Offset(15), Offset(16), kAvailable, 3)}));
  EXPECT_EQ(partition.start_offset(), Offset(13)) << "13 and 14 were acquired when it was stored";
  EXPECT_EQ(partition.next_fetch_offset(), Offset(13));
  SharePartition damaged(LeaderEpoch(3), 1, Offset(10));
  EXPECT_FALSE(damaged.recover({StateBatch(Offset(5), Offset(12), kAvailable, 1)}));
}

TEST(SharePartitionTest, FollowsTheStartOfTheLog) {
  Fixture f;
  f.append(10);
  f.append(10);
  ASSERT_EQ(f.acquire("a"), Ranges({range(0, 19)}));
  f.partition.advance_log_start(Offset(15));
  EXPECT_EQ(f.partition.start_offset(), Offset(15));
  EXPECT_EQ(f.acknowledge("a", 0, 14, {1}), ErrorCode::kNone) << "nothing is known of them";
  EXPECT_EQ(f.acknowledge("a", 10, 19, {1}), ErrorCode::kNone);
  EXPECT_EQ(f.partition.start_offset(), Offset(20));
}

}  // namespace
}  // namespace moldau::share
