// SPDX-License-Identifier: Apache-2.0
// What a host may leave to its pool: writes, new segments, cold reads.
#include <gtest/gtest.h>

#include <cerrno>

#include "log/test_log_fixture.h"

namespace moldau::log {
namespace {

class PartitionLogStepsTest : public testing::Test, protected LogFixture {
 protected:
  Result<StagedAppend> stage_by_host(PartitionLog& log, const Batch& batch) {
    AppendInput input(build(batch), AppendOrigin::kClient, batch.epoch, now);
    input.roll = Roll::kByHost;
    return log.stage(std::move(input));
  }

  MemoryDisk disk;
};

TEST_F(PartitionLogStepsTest, AWriteOnThePoolIsSeenAtItsEndOnly) {
  auto log = open(disk);
  append(*log, {});
  ASSERT_TRUE(stage(*log, build({})).ok());
  ASSERT_TRUE(stage(*log, build({})).ok());
  auto work = log->begin_write();
  ASSERT_TRUE(work);
  const std::uint64_t size = log->size_bytes();
  Result<void> written = (*work)();
  EXPECT_TRUE(written.ok());
  EXPECT_EQ(log->log_end_offset(), Offset(1));
  EXPECT_EQ(log->size_bytes(), size);
  EXPECT_TRUE(log->flush_point().ok());
  const WriteOutcome outcome = log->end_write(std::move(written));
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.log_end_offset, Offset(3));
  EXPECT_EQ(read_all(*log, Offset(0)).size(), log->size_bytes());
  EXPECT_FALSE(log->begin_write());
}

TEST_F(PartitionLogStepsTest, AFailedWriteOnThePoolLeavesNoTrace) {
  auto log = open(disk);
  append(*log, {.producer_id = ProducerId(1), .base_sequence = 0});
  const std::uint64_t size = log->size_bytes();
  ASSERT_TRUE(stage(*log, build({.producer_id = ProducerId(1), .base_sequence = 1})).ok());
  auto work = log->begin_write();
  disk.fault = [](const std::string& what, const std::string&) {
    return what == "write" ? ENOSPC : 0;
  };
  Result<void> written = (*work)();
  ASSERT_FALSE(written.ok());
  disk.fault = nullptr;
  const WriteOutcome outcome = log->end_write(std::move(written));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->os_error, ENOSPC);
  EXPECT_EQ(outcome.log_end_offset, Offset(1));
  EXPECT_EQ(log->size_bytes(), size);
  EXPECT_FALSE(log->failed());
  // The sequence number is free again.
  append(*log, {.producer_id = ProducerId(1), .base_sequence = 1});
  EXPECT_EQ(read_all(*log, Offset(0)).size(), log->size_bytes());
}

TEST_F(PartitionLogStepsTest, ALogThatFailsDuringAWriteAcknowledgesNothing) {
  auto log = open(disk);
  ASSERT_TRUE(stage(*log, build({})).ok());
  auto work = log->begin_write();
  Result<void> written = (*work)();
  log->mark_failed();
  const WriteOutcome outcome = log->end_write(std::move(written));
  EXPECT_TRUE(outcome.error);
  EXPECT_EQ(outcome.log_end_offset, Offset(0));
}

TEST_F(PartitionLogStepsTest, ASegmentIsBegunOnThePool) {
  config.segment_bytes = 400;
  auto log = open(disk);
  append(*log, {.value_bytes = 300});
  auto staged = stage_by_host(*log, {.value_bytes = 300});
  ASSERT_TRUE(staged.ok());
  ASSERT_TRUE(staged->must_roll);
  ASSERT_FALSE(log->has_staged());
  auto work = log->begin_roll(now);
  const Result<void> made = work();
  EXPECT_EQ(log->segment_count(), 1U);
  ASSERT_TRUE(log->finish_roll(made).ok());
  EXPECT_EQ(log->segment_count(), 2U);
  staged = stage_by_host(*log, {.value_bytes = 300});
  ASSERT_TRUE(staged.ok());
  EXPECT_FALSE(staged->must_roll);
  EXPECT_EQ(staged->base_offset, Offset(1));
  EXPECT_FALSE(log->write_staged().error);
  flush(*log);
  ASSERT_TRUE(log->close().ok());
  log = open(disk, true, Offset(2));
  EXPECT_EQ(log->log_end_offset(), Offset(2));
  EXPECT_EQ(log->segment_count(), 2U);
}

TEST_F(PartitionLogStepsTest, ASegmentThatCannotBeMadeLeavesTheOldOne) {
  config.segment_bytes = 400;
  auto log = open(disk);
  append(*log, {.value_bytes = 300});
  disk.fault = [](const std::string& what, const std::string&) {
    return what == "create" ? ENOSPC : 0;
  };
  auto work = log->begin_roll(now);
  const Result<void> made = work();
  EXPECT_FALSE(made.ok());
  disk.fault = nullptr;
  EXPECT_EQ(log->finish_roll(made).error().os_error, ENOSPC);
  EXPECT_EQ(log->segment_count(), 1U);
  EXPECT_FALSE(log->failed());
  work = log->begin_roll(now);
  EXPECT_TRUE(log->finish_roll(work()).ok());
  EXPECT_EQ(log->segment_count(), 2U);
}

TEST_F(PartitionLogStepsTest, AColdReadFailsInsteadOfWaiting) {
  config.index_interval_bytes = 1;
  auto log = open(disk);
  for (int n = 0; n < 200; ++n) append(*log, {});
  ReadRequest cold = request(Offset(20));
  cold.wait = env::Wait::kNever;
  ASSERT_TRUE(log->read(cold).ok());
  for (const char* suffix : {".log", ".index"}) {
    disk.is_cold_file = [&](const std::string& path) { return path.ends_with(suffix); };
    const auto found = log->read(cold);
    ASSERT_FALSE(found.ok()) << suffix;
    EXPECT_TRUE(env::is_cold(found.error())) << suffix;
    EXPECT_TRUE(log->read(request(Offset(20))).ok());
    // The pool reads the same through a view.
    EXPECT_EQ(bytes_of(*log->view_from(Offset(20)).read(request(Offset(20)))),
              bytes_of(*log->read(request(Offset(20)))));
  }
  // The last batches are known without a look.
  disk.is_cold_file = [](const std::string&) { return true; };
  cold.offset = Offset(199);
  EXPECT_TRUE(log->read(cold).ok());
  // A file that was closed while idle is not opened.
  disk.is_cold_file = nullptr;
  ASSERT_TRUE(log->release_idle().ok());
  EXPECT_FALSE(log->is_open());
  EXPECT_TRUE(env::is_cold(log->read(cold).error()));
  EXPECT_TRUE(log->begin_open()().ok());
  EXPECT_TRUE(log->is_open());
}

TEST_F(PartitionLogStepsTest, AViewFromAnOffsetLeavesEarlierSegmentsOut) {
  config.segment_bytes = 400;
  auto log = open(disk);
  for (int n = 0; n < 10; ++n) append(*log, {.value_bytes = 300});
  ASSERT_GT(log->segment_count(), 5U);
  const LogView view = log->view_from(Offset(7));
  EXPECT_LT(view.segments.size(), 5U);
  EXPECT_EQ(bytes_of(*view.read(request(Offset(7)))), bytes_of(*log->read(request(Offset(7)))));
}

}  // namespace
}  // namespace moldau::log
