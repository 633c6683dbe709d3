// SPDX-License-Identifier: Apache-2.0
#include "log/partition_log.h"

#include <cerrno>

#include "log/test_log_fixture.h"

namespace moldau::log {
namespace {

using Batch = LogFixture::Batch;

struct PartitionLogTest : testing::Test, LogFixture {
  MemoryDisk disk;
};

TEST_F(PartitionLogTest, AssignsOffsetsAndGivesThemBackAsRanges) {
  auto log = open(disk);
  EXPECT_EQ(log->log_end_offset(), Offset(0));
  EXPECT_EQ(append(*log, {.records = 3}).base_offset, Offset(0));
  const StagedAppend second = append(*log, {.records = 2, .epoch = LeaderEpoch(4)});
  EXPECT_EQ(second.base_offset, Offset(3));
  EXPECT_EQ(second.last_offset, Offset(4));
  EXPECT_EQ(log->log_end_offset(), Offset(5));

  const auto read = log->read(request(Offset(3)));
  ASSERT_TRUE(read.ok());
  const std::string bytes = bytes_of(*read);
  const record::BatchView batch = record::BatchView::parse(as_view(bytes)).value();
  EXPECT_EQ(batch.base_offset(), Offset(3));
  EXPECT_EQ(batch.leader_epoch(), LeaderEpoch(4));
  EXPECT_TRUE(batch.crc_is_valid());
  EXPECT_EQ(log->end_offset_for_epoch(LeaderEpoch(0)).end_offset, Offset(3));
  EXPECT_EQ(log->end_offset_for_epoch(LeaderEpoch(4)).end_offset, Offset(5));
  EXPECT_EQ(log->end_offset_for_epoch(LeaderEpoch(9)).end_offset, Offset(-1));
}

TEST_F(PartitionLogTest, ShowsNothingBeforeTheWrite) {
  auto log = open(disk);
  ASSERT_TRUE(stage(*log, build({.records = 2})).ok());
  const auto next = stage(*log, build({}));
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->base_offset, Offset(2));
  EXPECT_EQ(log->log_end_offset(), Offset(0));
  EXPECT_EQ(log->size_bytes(), 0U);
  const std::uint64_t before = disk.changes;
  EXPECT_FALSE(log->write_staged().error);
  EXPECT_EQ(disk.changes, before + 1) << "one write for the whole turn";
  EXPECT_EQ(log->log_end_offset(), Offset(3));
}

TEST_F(PartitionLogTest, ReadsEndAtTheUpperBoundAndAtTheBytes) {
  auto log = open(disk);
  for (int n = 0; n < 30; ++n) append(*log, {});
  const std::uint32_t size = log->read(request(Offset(29)))->range.length;
  ReadRequest want = request(Offset(3));
  want.upper_bound = Offset(10);
  EXPECT_EQ(log->read(want)->range.length, 7 * size);
  want.upper_bound = Offset(3);
  EXPECT_EQ(log->read(want)->range.length, 0U);
  want = request(Offset(3), size - 1);
  EXPECT_TRUE(log->read(want)->first_batch_incomplete);
  EXPECT_EQ(log->read(want)->range.length, size - 1);
  want.min_one_message = true;
  EXPECT_EQ(log->read(want)->range.length, size);
  EXPECT_EQ(log->read(request(Offset(30)))->range.length, 0U);
  EXPECT_EQ(log->read(request(Offset(31))).code(), ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(log->read(request(Offset(-1))).code(), ErrorCode::kOffsetOutOfRange);
}

TEST_F(PartitionLogTest, RollsBySizeAndReadsAcrossSegments) {
  config.segment_bytes = 700;
  auto log = open(disk);
  for (int n = 0; n < 40; ++n) append(*log, {.records = 2});
  EXPECT_GT(log->segment_count(), 5U);
  EXPECT_EQ(log->log_end_offset(), Offset(80));
  const std::string all = read_all(*log, Offset(0));
  EXPECT_EQ(all.size(), log->size_bytes());
  const LogView view = log->view();
  for (int n = 0; n < 80; ++n) {
    const auto here = log->read(request(Offset(n)));
    const auto there = view.read(request(Offset(n)));
    ASSERT_TRUE(here.ok() && there.ok());
    EXPECT_EQ(bytes_of(*here), bytes_of(*there)) << n;
    EXPECT_GT(here->range.length, 0U);
  }
}

TEST_F(PartitionLogTest, RefusesWhatIsTooLarge) {
  config.max_message_bytes = 500;
  config.segment_bytes = 700;
  auto log = open(disk);
  EXPECT_EQ(stage(*log, build({.value_bytes = 600})).code(), ErrorCode::kMessageTooLarge);
  config.max_message_bytes = 5000;
  log->set_config(config);
  EXPECT_EQ(stage(*log, build({.value_bytes = 800})).code(), ErrorCode::kRecordListTooLarge);
  EXPECT_FALSE(log->write_staged().error);
  EXPECT_EQ(log->log_end_offset(), Offset(0));
}

TEST_F(PartitionLogTest, AnswersADuplicateWithItsOldOffsets) {
  auto log = open(disk);
  const Batch first{.records = 3, .producer_id = ProducerId(7), .base_sequence = 0};
  append(*log, {});
  append(*log, first);
  append(*log, {.records = 2, .producer_id = ProducerId(7), .base_sequence = 3});
  const auto again = stage(*log, build(first));
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->is_duplicate);
  EXPECT_EQ(again->base_offset, Offset(1));
  EXPECT_EQ(again->last_offset, Offset(3));
  EXPECT_EQ(stage(*log, build({.producer_id = ProducerId(7), .base_sequence = 9})).code(),
            ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(log->write_staged().log_end_offset, Offset(6));
}

TEST_F(PartitionLogTest, FindsADuplicateOfWhatIsOnlyStaged) {
  auto log = open(disk);
  const Batch batch{.producer_id = ProducerId(7), .base_sequence = 0};
  ASSERT_TRUE(stage(*log, build(batch)).ok());
  const auto again = stage(*log, build(batch));
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->is_duplicate);
  EXPECT_EQ(again->last_offset, Offset(0));
  EXPECT_EQ(log->write_staged().log_end_offset, Offset(1));
}

TEST_F(PartitionLogTest, LeavesNoTraceOfAWriteThatFailed) {
  config.segment_bytes = 1 << 20;
  auto log = open(disk);
  append(*log, {.producer_id = ProducerId(7), .base_sequence = 0});
  const std::string before = disk.content(kDirectory + "/00000000000000000000.log");
  disk.fault = [](const std::string& what, const std::string&) {
    return what == "write" ? ENOSPC : 0;
  };
  ASSERT_TRUE(stage(*log, build({.producer_id = ProducerId(7), .base_sequence = 1})).ok());
  ASSERT_TRUE(stage(*log, build({.producer_id = ProducerId(8), .base_sequence = 0})).ok());
  const WriteOutcome outcome = log->write_staged();
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, ErrorCode::kKafkaStorageError);
  EXPECT_EQ(outcome.log_end_offset, Offset(1));
  EXPECT_EQ(disk.content(kDirectory + "/00000000000000000000.log"), before);
  EXPECT_EQ(log->producers().find(ProducerId(8)), nullptr);
  EXPECT_FALSE(log->failed());
  // There is room again: the same batch is new, not a duplicate and not out of order.
  disk.fault = nullptr;
  EXPECT_EQ(append(*log, {.producer_id = ProducerId(7), .base_sequence = 1}).base_offset,
            Offset(1));
}

TEST_F(PartitionLogTest, FailsForGoodAfterAnErrorOfTheDevice) {
  auto log = open(disk);
  append(*log, {});
  disk.fault = [](const std::string& what, const std::string&) {
    return what == "write" ? EIO : 0;
  };
  ASSERT_TRUE(stage(*log, build({})).ok());
  EXPECT_TRUE(log->write_staged().error);
  disk.fault = nullptr;
  EXPECT_TRUE(log->failed());
  EXPECT_EQ(stage(*log, build({})).code(), ErrorCode::kKafkaStorageError);
  EXPECT_EQ(log->read(request(Offset(0))).code(), ErrorCode::kKafkaStorageError);
}

TEST_F(PartitionLogTest, TellsWhichAppendsOfATurnAreInTheLogWhenARollFails) {
  config.segment_bytes = 300;
  auto log = open(disk);
  const auto first = stage(*log, build({.value_bytes = 100}));
  ASSERT_TRUE(first.ok());
  disk.fault = [](const std::string& what, const std::string&) {
    return what == "create" ? ENOSPC : 0;
  };
  EXPECT_EQ(stage(*log, build({.value_bytes = 150})).code(), ErrorCode::kKafkaStorageError);
  const WriteOutcome outcome = log->write_staged();
  EXPECT_TRUE(outcome.error);
  EXPECT_EQ(outcome.log_end_offset, Offset(1));
  EXPECT_LT(first->last_offset, outcome.log_end_offset);
  disk.fault = nullptr;
  EXPECT_EQ(append(*log, {.value_bytes = 150}).base_offset, Offset(1));
}

TEST_F(PartitionLogTest, KeepsEverythingOverACleanStop) {
  config.segment_bytes = 2000;
  Offset end;
  std::string all;
  {
    auto log = open(disk);
    for (int n = 0; n < 50; ++n)
      append(*log, {.records = 2,
                    .timestamp = Timestamp(5000 + n),
                    .producer_id = ProducerId(3),
                    .base_sequence = 2 * n,
                    .epoch = LeaderEpoch(n / 20)});
    end = log->log_end_offset();
    all = read_all(*log, Offset(0));
    ASSERT_TRUE(log->close().ok());
  }
  auto log = open(disk, true);
  EXPECT_EQ(disk.open_files, 0U) << "nothing is open before it is needed";
  EXPECT_EQ(log->recovery_report().segments_recovered, 0U);
  EXPECT_EQ(log->recovery_report().indexes_rebuilt, 0U);
  EXPECT_EQ(log->log_end_offset(), end);
  EXPECT_EQ(log->flushed_end_offset(), end);
  EXPECT_EQ(read_all(*log, Offset(0)), all);
  EXPECT_EQ(log->leader_epochs().entries().size(), 3U);
  const auto again =
      stage(*log, build({.records = 2, .producer_id = ProducerId(3), .base_sequence = 98}));
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->is_duplicate) << "the last batch of a producer is remembered";
  EXPECT_EQ(append(*log, {.producer_id = ProducerId(3), .base_sequence = 100}).base_offset, end);
}

TEST_F(PartitionLogTest, RecoversAfterAKillWithoutLosingAnything) {
  config.segment_bytes = 2000;
  std::string all;
  Offset end;
  {
    auto log = open(disk);
    for (int n = 0; n < 50; ++n)
      append(*log, {.records = 2, .producer_id = ProducerId(3), .base_sequence = 2 * n});
    all = read_all(*log, Offset(0));
    end = log->log_end_offset();
  }
  auto after = disk.after_kill();
  auto log = open(*after);
  EXPECT_EQ(log->log_end_offset(), end);
  EXPECT_EQ(read_all(*log, Offset(0)), all);
  EXPECT_EQ(log->leader_epochs().entries().size(), 1U);
  EXPECT_EQ(log->producers().find(ProducerId(3))->last_sequence(), 99);
}

TEST_F(PartitionLogTest, CutsTheTailAtTheFirstBadBatch) {
  {
    auto log = open(disk);
    for (int n = 0; n < 10; ++n) append(*log, {.records = 2});
    ASSERT_TRUE(log->close().ok());
  }
  std::string& bytes = disk.content(kDirectory + "/00000000000000000000.log");
  bytes[bytes.size() - 5] ^= 1;
  auto log = open(disk, false, Offset(0));
  EXPECT_EQ(log->log_end_offset(), Offset(18));
  EXPECT_GT(log->recovery_report().bytes_truncated, 0U);
  EXPECT_EQ(append(*log, {}).base_offset, Offset(18));
}

TEST_F(PartitionLogTest, FlushPointsCoverWhatWasWrittenWhenTheyWereTaken) {
  config.segment_bytes = 1500;
  auto log = open(disk);
  for (int n = 0; n < 20; ++n) append(*log, {.records = 2});
  auto point = log->flush_point();
  ASSERT_TRUE(point.ok());
  append(*log, {});
  ASSERT_TRUE(point->sync().ok());
  log->mark_flushed(*point);
  EXPECT_EQ(log->flushed_end_offset(), Offset(40));
  EXPECT_LT(log->recovery_point(), Offset(40)) << "the epoch is not in its checkpoint yet";
  run_jobs(*log);
  EXPECT_EQ(log->recovery_point(), Offset(40));
  auto after = disk.after_power_cut();
  auto again = open(*after, false, Offset(40));
  EXPECT_GE(again->log_end_offset(), Offset(40));
  EXPECT_EQ(read_all(*again, Offset(0)).size(), again->size_bytes());
}

TEST_F(PartitionLogTest, TracksAbortedTransactionsAndTheLastStableOffset) {
  auto log = open(disk);
  const ProducerId one(1);
  const ProducerId two(2);
  append(*log, {.producer_id = one, .base_sequence = 0, .transactional = true});
  append(*log, {.producer_id = two, .base_sequence = 0, .transactional = true});
  append(*log, {});
  EXPECT_EQ(log->last_stable_offset(), Offset(0));
  append_marker(*log, one, ProducerEpoch(0), true);
  EXPECT_EQ(log->last_stable_offset(), Offset(1));
  append_marker(*log, two, ProducerEpoch(0), false);
  EXPECT_EQ(log->last_stable_offset(), Offset(5));
  ReadRequest want = request(Offset(0));
  want.aborted_transactions = true;
  const auto read = log->read(want);
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->aborted_transactions.size(), 1U);
  EXPECT_EQ(read->aborted_transactions[0],
            (AbortedTransaction{one, Offset(0), Offset(3), Offset(1)}));
  // A crash rebuilds the index of aborted transactions.
  auto after = disk.after_kill();
  auto again = open(*after);
  EXPECT_EQ(again->read(want)->aborted_transactions, read->aborted_transactions);
}

TEST_F(PartitionLogTest, FindsOffsetsByTimestamp) {
  config.segment_bytes = 2000;
  config.index_interval_bytes = 200;
  auto log = open(disk);
  for (int n = 0; n < 100; ++n) append(*log, {.timestamp = Timestamp(1000 + 10 * n)});
  const LogView view = log->view();
  for (int n = 0; n < 100; ++n) {
    const auto found = view.offset_for_timestamp(Timestamp(1000 + 10 * n - 5), context);
    ASSERT_TRUE(found.ok() && *found) << n;
    EXPECT_EQ((*found)->offset, Offset(n));
    EXPECT_EQ((*found)->timestamp, Timestamp(1000 + 10 * n));
  }
  EXPECT_EQ((*view.offset_for_timestamp(kEarliestTimestamp, context))->offset, Offset(0));
  EXPECT_EQ((*view.offset_for_timestamp(kLatestTimestamp, context))->offset, Offset(100));
  EXPECT_EQ((*view.offset_for_timestamp(kMaxTimestamp, context))->offset, Offset(99));
  EXPECT_FALSE(view.offset_for_timestamp(Timestamp(9'999'999), context)->has_value());
}

TEST_F(PartitionLogTest, RollsByTimeOfTheRecords) {
  config.segment_ms = Millis(1000);
  auto log = open(disk);
  append(*log, {.timestamp = Timestamp(5000)});
  append(*log, {.timestamp = Timestamp(6000)});
  EXPECT_EQ(log->segment_count(), 1U);
  append(*log, {.timestamp = Timestamp(6001)});
  EXPECT_EQ(log->segment_count(), 2U);
}

TEST_F(PartitionLogTest, DeletesByTimeBySizeAndByLogStart) {
  config.segment_bytes = 400;
  config.retention_ms = Millis(10'000);
  auto log = open(disk);
  now = Timestamp(100'000);
  for (int n = 0; n < 40; ++n) append(*log, {.timestamp = Timestamp(80'000 + 500 * n)});
  EXPECT_GT(*log->delete_old_segments(now), 0U);
  EXPECT_GT(log->log_start_offset(), Offset(15));
  EXPECT_LE(log->log_start_offset(), Offset(20));
  EXPECT_EQ(log->read(request(Offset(3))).code(), ErrorCode::kOffsetOutOfRange);

  const std::uint64_t size = log->size_bytes();
  config.retention_ms = Millis(-1);
  config.retention_bytes = static_cast<std::int64_t>(size / 2);
  log->set_config(config);
  EXPECT_GT(*log->delete_old_segments(now), 0U);
  EXPECT_GE(log->size_bytes(), size / 2);

  ASSERT_TRUE(*log->increment_log_start_offset(Offset(39)));
  EXPECT_EQ(log->increment_log_start_offset(Offset(41)).code(), ErrorCode::kOffsetOutOfRange);
  ASSERT_TRUE(log->delete_old_segments(now).ok());
  EXPECT_EQ(log->log_start_offset(), Offset(39));
  EXPECT_LE(log->segment_count(), 2U);
  EXPECT_EQ(log->leader_epochs().earliest()->start_offset, Offset(39));
  run_jobs(*log);
  for (const std::string& name : disk.names()) EXPECT_FALSE(name.ends_with(".deleted")) << name;
}

TEST_F(PartitionLogTest, DeletesTheWholeLogWhenAllIsOld) {
  config.retention_ms = Millis(1000);
  now = Timestamp(100'000);
  auto log = open(disk);
  for (int n = 0; n < 5; ++n) append(*log, {.timestamp = Timestamp(1000)});
  EXPECT_EQ(*log->delete_old_segments(now), 1U);
  EXPECT_EQ(log->log_start_offset(), Offset(5));
  EXPECT_EQ(log->log_end_offset(), Offset(5));
  EXPECT_EQ(append(*log, {}).base_offset, Offset(5));
}

TEST_F(PartitionLogTest, KeepsOldSegmentsAboveTheHighWatermark) {
  config.retention_ms = Millis(1000);
  config.segment_bytes = 300;
  now = Timestamp(100'000);
  auto log = open(disk);
  for (int n = 0; n < 10; ++n) {
    ASSERT_TRUE(stage(*log, build({})).ok());
    ASSERT_FALSE(log->write_staged().error);
  }
  log->set_high_watermark(Offset(0));
  EXPECT_EQ(*log->delete_old_segments(now), 0U);
  EXPECT_EQ(log->log_start_offset(), Offset(0));
}

TEST_F(PartitionLogTest, TruncatesAndForgetsProducersAndEpochs) {
  config.segment_bytes = 1000;
  auto log = open(disk);
  for (int n = 0; n < 40; ++n)
    append(*log, {.producer_id = ProducerId(9), .base_sequence = n, .epoch = LeaderEpoch(n / 10)});
  const std::uint64_t generation = log->generation();
  ASSERT_TRUE(*log->truncate_to(Offset(15), now));
  EXPECT_NE(log->generation(), generation);
  EXPECT_EQ(log->log_end_offset(), Offset(15));
  EXPECT_EQ(log->leader_epochs().latest()->epoch, LeaderEpoch(1));
  EXPECT_EQ(log->producers().find(ProducerId(9))->last_sequence(), 14);
  EXPECT_FALSE(*log->truncate_to(Offset(15), now));
  EXPECT_EQ(append(*log, {.producer_id = ProducerId(9), .base_sequence = 15}).base_offset,
            Offset(15));
  ASSERT_TRUE(log->truncate_fully_and_start_at(Offset(100), now).ok());
  EXPECT_EQ(log->log_start_offset(), Offset(100));
  EXPECT_EQ(append(*log, {.epoch = LeaderEpoch(7)}).base_offset, Offset(100));
  run_jobs(*log);
  ASSERT_TRUE(log->close().ok());
  auto again = open(disk, true);
  EXPECT_EQ(again->log_start_offset(), Offset(100));
  EXPECT_EQ(again->log_end_offset(), Offset(101));
}

TEST_F(PartitionLogTest, TakesReplicatedBatchesAsTheyAre) {
  auto log = open(disk);
  append(*log, {.base_offset = Offset(5), .records = 2, .epoch = LeaderEpoch(3)},
         AppendOrigin::kReplication);
  append(*log, {.base_offset = Offset(20), .epoch = LeaderEpoch(4)}, AppendOrigin::kReplication);
  EXPECT_EQ(log->log_end_offset(), Offset(21));
  EXPECT_EQ(log->leader_epochs().entries().size(), 2U);
  EXPECT_EQ(stage(*log, build({.base_offset = Offset(20)}), AppendOrigin::kReplication).code(),
            ErrorCode::kOffsetOutOfRange);
  Slice broken = build({.base_offset = Offset(30)});
  broken.mutable_view()[70] ^= std::byte{1};
  EXPECT_EQ(stage(*log, broken, AppendOrigin::kReplication).code(), ErrorCode::kCorruptMessage);
  // A fetch may end within a batch.
  const Slice whole = build({.base_offset = Offset(30)});
  Slice cut = Slice::allocate(whole.size() + 30);
  std::memcpy(cut.data(), whole.data(), whole.size());
  std::memcpy(cut.data() + whole.size(), whole.data(), 30);
  ASSERT_TRUE(stage(*log, cut, AppendOrigin::kReplication).ok());
  EXPECT_EQ(log->write_staged().log_end_offset, Offset(31));
  EXPECT_EQ(read_all(*log, Offset(5)).size(), log->size_bytes());
}

TEST_F(PartitionLogTest, CanBeMaintainedBetweenStageAndWrite) {
  config.retention_ms = Millis(0);
  config.segment_ms = Millis(0);
  auto log = open(disk);
  append(*log, {.producer_id = ProducerId(1), .base_sequence = 0});
  ASSERT_TRUE(stage(*log, build({.producer_id = ProducerId(1), .base_sequence = 1})).ok());
  now = now + 1'000'000'000;
  EXPECT_EQ(*log->delete_old_segments(now), 0U);
  EXPECT_FALSE(*log->must_roll_by_time(now));
  EXPECT_EQ(log->remove_expired_producers(now), 0U);
  EXPECT_TRUE(log->release_idle().ok());
  log->set_high_watermark(log->log_end_offset());
  EXPECT_TRUE(log->flush_point().ok());
  EXPECT_TRUE(log->plan_compaction(std::nullopt, now).ok());
  const WriteOutcome outcome = log->write_staged();
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.log_end_offset, Offset(2));
}

TEST_F(PartitionLogTest, RecoversNoExpiredProducers) {
  config.producer_id_expiration_ms = Millis(5'000);
  auto log = open(disk);
  append(*log, {.producer_id = ProducerId(1), .base_sequence = 0});
  append(*log, {.timestamp = now, .producer_id = ProducerId(2), .base_sequence = 0});
  append(*log, {.producer_id = ProducerId(3), .base_sequence = 0, .transactional = true});
  EXPECT_EQ(log->producers().size(), 3U);
  log.reset();
  log = open(disk);
  EXPECT_EQ(log->producers().size(), 2U);  // the open transaction and the one that is young
  log->set_high_watermark(log->log_end_offset());
  EXPECT_EQ(log->last_stable_offset(), Offset(2));
}

TEST_F(PartitionLogTest, RenamesItsDirectoryAndGoesOn) {
  auto log = open(disk);
  append(*log, {});
  ASSERT_TRUE(log->rename_directory("events-0.0123456789abcdef0123456789abcdef-delete").ok());
  append(*log, {});
  EXPECT_EQ(read_all(*log, Offset(0)).size(), log->size_bytes());
  EXPECT_FALSE(disk.has(kDirectory + "/00000000000000000000.log"));
}

TEST_F(PartitionLogTest, KeepsTheTopicIdAndRefusesAnother) {
  auto options = this->options();
  options.topic_id = Uuid(1, 2);
  ASSERT_TRUE(PartitionLog::open(disk, std::move(options)).ok());
  EXPECT_EQ(disk.content(kDirectory + "/partition.metadata").size(), 43U);
  auto other = this->options();
  other.topic_id = Uuid(3, 4);
  EXPECT_EQ(PartitionLog::open(disk, std::move(other)).code(), ErrorCode::kInconsistentTopicId);
  EXPECT_EQ(open(disk)->topic_id(), Uuid(1, 2));
}

}  // namespace
}  // namespace moldau::log
