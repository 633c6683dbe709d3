// SPDX-License-Identifier: Apache-2.0
// KIP-113: a replica moves between log directories while it is served.
#include "log/future_log.h"

#include "log/log_directory.h"
#include "log/test_log_fixture.h"

namespace moldau::log {
namespace {

const std::string kRetired = "events-0.0123456789abcdef0123456789abcdef-delete";
const std::string kFuture = "other/events-0.fedcba9876543210fedcba9876543210-future";
const std::string kMoved = "other/events-0";

struct FutureLogTest : testing::Test, LogFixture {
  FutureLogTest() {
    config.segment_bytes = 900;
    config.index_interval_bytes = 100;
  }

  std::unique_ptr<FutureLog> open_future(env::Disk& disk) {
    PartitionLog::OpenOptions wanted = options();
    wanted.directory = kFuture;
    auto future = FutureLog::open(disk, std::move(wanted));
    EXPECT_TRUE(future.ok()) << future.error().text();
    return std::move(future).value();
  }

  void fill(PartitionLog& log, int batches) {
    for (int n = 0; n < batches; ++n, ++count_) {
      append(log, {.records = 1 + count_ % 3,
                   .timestamp = Timestamp(1000 + count_),
                   .producer_id = ProducerId(7),
                   .base_sequence = sequence_,
                   .epoch = LeaderEpoch(count_ / 10)});
      sequence_ += 1 + count_ % 3;
    }
  }

  Result<void> copy_all(const PartitionLog& log, FutureLog& future) {
    for (int n = 0; n < 1'000; ++n) {
      MOLDAU_ASSIGN_OR_RETURN(const CopyStep step, future.copy(log.view(), 500, config, now));
      if (step.caught_up) return {};
    }
    return Error(ErrorCode::kRequestTimedOut, "the copy never ends");
  }

  int count_ = 0;
  std::int32_t sequence_ = 0;
};

TEST_F(FutureLogTest, CopiesInStepsWhileTheLogGrows) {
  MemoryDisk disk;
  auto log = open(disk);
  fill(*log, 30);
  auto future = open_future(disk);
  for (int n = 0; n < 20; ++n) {
    const auto step = future->copy(log->view(), 500, config, now);
    ASSERT_TRUE(step.ok()) << step.error().text();
    EXPECT_LE(step->bytes, 900U);
    EXPECT_LE(future->log_end_offset(), log->log_end_offset());
    fill(*log, 1);
  }
  ASSERT_TRUE(copy_all(*log, *future).ok());
  EXPECT_EQ(read_all(future->log(), Offset(0)), read_all(*log, Offset(0)));
  EXPECT_GT(future->log().segment_count(), 3U);
  EXPECT_EQ(future->log().leader_epochs().entries(), log->leader_epochs().entries());
}

TEST_F(FutureLogTest, TakesOverWithEverythingTheRecordsDoNotTell) {
  MemoryDisk disk;
  auto log = open(disk);
  fill(*log, 40);
  log->assign_epoch_start(LeaderEpoch(50), log->log_end_offset());
  ASSERT_TRUE(log->increment_log_start_offset(Offset(30)).ok());
  ASSERT_TRUE(log->delete_old_segments(now).ok());
  run_jobs(*log);
  const std::string bytes = read_all(*log, Offset(30));
  auto future = open_future(disk);
  ASSERT_TRUE(copy_all(*log, *future).ok());
  ASSERT_TRUE(future->flush().ok());
  bool stranded = false;
  ASSERT_TRUE(future->promote(kDirectory, kRetired, stranded).ok());
  auto moved = future->take();
  moved->take_over(*log);
  run_jobs(*moved);
  EXPECT_EQ(moved->directory(), kMoved);
  EXPECT_EQ(moved->log_start_offset(), Offset(30));
  EXPECT_EQ(read_all(*moved, Offset(30)), bytes);
  EXPECT_EQ(moved->leader_epochs().latest()->epoch, LeaderEpoch(50));
  EXPECT_EQ(moved->high_watermark(), moved->log_end_offset());
  // A retry of the last batch is one, and the next batch is no gap.
  const int last = 1 + (count_ - 1) % 3;
  const auto retry = stage(
      *moved,
      build({.records = last, .producer_id = ProducerId(7), .base_sequence = sequence_ - last}));
  ASSERT_TRUE(retry.ok());
  EXPECT_TRUE(retry->is_duplicate);
  fill(*moved, 5);
  ASSERT_TRUE(moved->close().ok());
}

TEST_F(FutureLogTest, BeginsWithTheBatchThatHoldsTheLogStart) {
  MemoryDisk disk;
  auto log = open(disk);
  append(*log, {.records = 10});
  append(*log, {.records = 10});
  ASSERT_TRUE(log->increment_log_start_offset(Offset(4)).ok());
  auto future = open_future(disk);
  ASSERT_TRUE(copy_all(*log, *future).ok());
  EXPECT_EQ(future->log().log_start_offset(), Offset(4));
  EXPECT_EQ(read_all(future->log(), Offset(4)), read_all(*log, Offset(4)));
}

TEST_F(FutureLogTest, CopiesHolesThatCompactionLeft) {
  MemoryDisk disk;
  config.cleanup_compact = true;
  auto log = open(disk);
  const auto replicate = [&](std::int64_t base) {
    append(*log, {.base_offset = Offset(base), .records = 2}, AppendOrigin::kReplication);
  };
  replicate(0);
  replicate(50);
  ASSERT_TRUE(log->roll(now).ok());
  replicate(90);
  ASSERT_TRUE(log->advance_end_to(Offset(200), now).ok());
  auto future = open_future(disk);
  ASSERT_TRUE(copy_all(*log, *future).ok());
  EXPECT_EQ(future->log_end_offset(), Offset(200));
  EXPECT_EQ(read_all(future->log(), Offset(0)), read_all(*log, Offset(0)));
  ASSERT_TRUE(log->advance_end_to(Offset(300), now).ok());
  ASSERT_TRUE(copy_all(*log, *future).ok());
  EXPECT_EQ(future->log_end_offset(), Offset(300));
  ASSERT_TRUE(future->close().ok());
  future.reset();
  EXPECT_EQ(open_future(disk)->log_end_offset(), Offset(300));
}

TEST_F(FutureLogTest, GoesOnWhereAnEarlierRunStopped) {
  MemoryDisk disk;
  auto log = open(disk);
  fill(*log, 30);
  auto future = open_future(disk);
  ASSERT_TRUE(future->copy(log->view(), 500, config, now).ok());
  ASSERT_TRUE(future->copy(log->view(), 500, config, now).ok());
  const Offset reached = future->log_end_offset();
  ASSERT_TRUE(future->close().ok());
  future = open_future(disk);
  EXPECT_EQ(future->log_end_offset(), reached);
  ASSERT_TRUE(copy_all(*log, *future).ok());
  EXPECT_EQ(read_all(future->log(), Offset(0)), read_all(*log, Offset(0)));
}

TEST_F(FutureLogTest, BeginsAnewAfterATruncation) {
  MemoryDisk disk;
  auto log = open(disk);
  fill(*log, 30);
  auto future = open_future(disk);
  ASSERT_TRUE(copy_all(*log, *future).ok());
  ASSERT_TRUE(log->truncate_to(Offset(20), now).ok());
  for (int n = 0; n < 30; ++n) append(*log, {.value_bytes = 50, .epoch = LeaderEpoch(9)});
  ASSERT_TRUE(copy_all(*log, *future).ok());
  EXPECT_EQ(read_all(future->log(), Offset(0)), read_all(*log, Offset(0)));
}

TEST_F(FutureLogTest, SaysWhatFailedWhenTheLogVanishes) {
  MemoryDisk disk;
  auto log = open(disk);
  fill(*log, 10);
  const LogView view = log->view();
  for (const SegmentView& segment : view.segments) segment.log->release();
  ASSERT_TRUE(disk.rename(kDirectory, "data/" + kRetired).ok());
  auto future = open_future(disk);
  const auto step = future->copy(view, 500, config, now);
  ASSERT_FALSE(step.ok());
  EXPECT_EQ(step.error().os_error, ENOENT);
  EXPECT_TRUE(future->failed_at_source());
}

TEST_F(FutureLogTest, KnowsWhoseDiskHasFailed) {
  MemoryDisk disk;
  auto log = open(disk);
  fill(*log, 12);
  flush(*log);
  auto future = open_future(disk);
  const auto fail_below = [&disk](const std::string& prefix) {
    disk.fault = [prefix](const std::string&, const std::string& path) {
      return path.starts_with(prefix) ? EIO : 0;
    };
  };
  ASSERT_TRUE(copy_all(*log, *future).ok());
  ASSERT_TRUE(future->flush().ok());
  bool stranded = false;
  fail_below("data");
  EXPECT_FALSE(future->promote(kDirectory, kRetired, stranded).ok());
  EXPECT_TRUE(future->failed_at_source());
  fail_below("other/");
  EXPECT_FALSE(future->promote(kDirectory, kRetired, stranded).ok());
  EXPECT_FALSE(future->failed_at_source());
  disk.fault = nullptr;
  fill(*log, 3);
  fail_below("other/");
  EXPECT_FALSE(copy_all(*log, *future).ok());
  EXPECT_FALSE(future->failed_at_source());
}

TEST_F(FutureLogTest, RecordsThatMakeNoSenseAreTheFaultOfTheirLog) {
  MemoryDisk disk;
  auto log = open(disk);
  fill(*log, 5);
  flush(*log);
  auto future = open_future(disk);
  // The magic byte of the first batch.
  const std::string path = log->view().segments.front().log->path();
  disk.content(path)[16] ^= 1;
  const auto step = future->copy(log->view(), 500, config, now);
  ASSERT_FALSE(step.ok());
  EXPECT_EQ(step.error().code, ErrorCode::kCorruptMessage);
  EXPECT_TRUE(future->failed_at_source());
  EXPECT_FALSE(future->log().failed());
}

/// Stops before each change of a whole move: exactly one log is found and holds every record.
TEST_F(FutureLogTest, AStopAtAnyMomentLeavesExactlyOneLog) {
  const auto move = [&](MemoryDisk& disk, std::string& bytes, bool& copied) {
    count_ = sequence_ = 0;
    auto log = PartitionLog::open(disk, options());
    if (!log.ok()) return;
    fill(**log, 12);
    flush(**log);
    bytes = read_all(**log, Offset(0));
    copied = true;
    PartitionLog::OpenOptions wanted = options();
    wanted.directory = kFuture;
    auto future = FutureLog::open(disk, std::move(wanted));
    if (!future.ok() || !copy_all(**log, **future).ok() || !(*future)->flush().ok()) return;
    bool stranded = false;
    if (!(*future)->promote(kDirectory, kRetired, stranded).ok()) return;
    auto moved = (*future)->take();
    moved->take_over(**log);
  };
  std::uint64_t first_stop = 0;
  {
    MemoryDisk disk;
    auto log = open(disk);
    fill(*log, 12);
    flush(*log);
    first_stop = disk.changes;
  }
  std::uint64_t random = 7;
  int promoted = 0;
  int in_between = 0;
  for (std::uint64_t stop = first_stop + 1;; ++stop) {
    MemoryDisk disk;
    std::string bytes;
    bool copied = false;
    std::vector<std::unique_ptr<MemoryDisk>> after;
    disk.fault = [&](const std::string&, const std::string&) {
      if (disk.changes == stop) {
        after.push_back(disk.after_kill());
        after.push_back(disk.after_power_cut());
        after.push_back(disk.after_power_cut(&random));
      }
      return disk.changes >= stop ? EIO : 0;
    };
    move(disk, bytes, copied);
    if (after.empty()) break;
    ASSERT_TRUE(copied) << stop;
    for (std::size_t kind = 0; kind < after.size(); ++kind) {
      const std::string when = "change " + std::to_string(stop) + " kind " + std::to_string(kind);
      MemoryDisk& left = *after[kind];
      const bool old_place = left.stat(kDirectory).value().has_value();
      const bool new_place = left.stat(kMoved).value().has_value();
      ASSERT_FALSE(old_place && new_place) << when;
      PartitionLog::OpenOptions wanted = options();
      wanted.directory = old_place ? kDirectory : new_place ? kMoved : kFuture;
      promoted += new_place ? 1 : 0;
      in_between += !old_place && !new_place ? 1 : 0;
      auto log = PartitionLog::open(left, std::move(wanted));
      ASSERT_TRUE(log.ok()) << when << log.error().text();
      ASSERT_EQ(read_all(**log, Offset(0)), bytes) << when;
    }
  }
  EXPECT_GT(promoted, 0);
  EXPECT_GT(in_between, 0);
}

TEST_F(FutureLogTest, UndoesThePromotionThatFailsHalfway) {
  MemoryDisk disk;
  auto log = open(disk);
  fill(*log, 12);
  flush(*log);
  auto future = open_future(disk);
  ASSERT_TRUE(copy_all(*log, *future).ok());
  ASSERT_TRUE(future->flush().ok());
  disk.fault = [&](const std::string& what, const std::string& path) {
    return what == "rename" && path.starts_with("other/") ? EIO : 0;
  };
  bool stranded = false;
  EXPECT_FALSE(future->promote(kDirectory, kRetired, stranded).ok());
  EXPECT_FALSE(stranded);
  disk.fault = nullptr;
  EXPECT_TRUE(disk.stat(kDirectory).value().has_value());
  fill(*log, 3);
}

}  // namespace
}  // namespace moldau::log
