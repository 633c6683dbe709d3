// SPDX-License-Identifier: Apache-2.0
// KIP-354, KIP-534
#include "log/compaction.h"

#include <map>

#include "log/log_directory.h"
#include "log/test_log_fixture.h"
#include "record/record_iterator.h"

namespace moldau::log {
namespace {

using Batch = LogFixture::Batch;

struct CompactionTest : testing::Test, LogFixture {
  MemoryDisk disk;
  CleanerLimits limits;
  CompactionReport report;

  CompactionTest() {
    config.cleanup_compact = true;
    config.cleanup_delete = false;
    config.segment_bytes = 1000;
    config.delete_retention_ms = Millis(1000);
    limits.io_buffer_bytes = 512;
  }

  /// One whole pass; gives the end offset, or -1 if there was nothing to do.
  Offset compact(PartitionLog& log, std::optional<Offset> checkpoint) {
    flush(log);
    const auto plan = log.plan_compaction(checkpoint, now);
    EXPECT_TRUE(plan.ok());
    if (!plan->worth_it(0)) return Offset(-1);
    auto pass = log.begin_compaction(*plan, now, 99, limits);
    for (;;) {
      const auto more = pass->clean_next();
      EXPECT_TRUE(more.ok()) << more.error().text();
      if (!more.ok() || !*more) break;
      EXPECT_TRUE(log.begin_swap(*pass).ok());
      const Result<void> published = pass->publish();
      EXPECT_TRUE(log.finish_swap(*pass, published).ok());
    }
    report = pass->report();
    return pass->end_offset();
  }

  /// key → newest value size (-1 tombstone), as a consumer of the whole log sees it.
  std::map<std::string, std::pair<std::int64_t, int>> newest(const PartitionLog& log) {
    std::map<std::string, std::pair<std::int64_t, int>> out;
    visit(log, [&](const record::RecordView& record) {
      out[std::string(as_text(*record.key))] = {
          record.offset.value(), record.value ? static_cast<int>(record.value->size()) : -1};
    });
    return out;
  }

  template <class Visit>
  void visit(const PartitionLog& log, Visit visit_record) {
    const std::string bytes = read_all(log, log.log_start_offset());
    record::BatchIterator batches(as_view(bytes));
    for (;;) {
      const auto batch = batches.next();
      ASSERT_TRUE(batch.ok());
      if (!*batch) return;
      if ((*batch)->is_control()) continue;
      record::RecordIterator records(**batch, context);
      record::RecordView record;
      while (records.next(record)) visit_record(record);
      ASSERT_TRUE(records.status().ok());
    }
  }
  std::size_t count(const PartitionLog& log) {
    std::size_t n = 0;
    visit(log, [&](const record::RecordView&) { ++n; });
    return n;
  }
};

TEST_F(CompactionTest, KeepsTheNewestValueOfEachKey) {
  auto log = open(disk);
  for (int n = 0; n < 100; ++n)
    append(*log, {.value_bytes = static_cast<std::size_t>(n), .key = "k" + std::to_string(n % 7)});
  const auto before = newest(*log);
  const Offset end = compact(*log, std::nullopt);
  EXPECT_EQ(end, log->active_segment_base_offset());
  EXPECT_EQ(newest(*log), before);
  EXPECT_LT(count(*log), 30U);
  EXPECT_EQ(log->log_end_offset(), Offset(100));
  EXPECT_EQ(log->log_start_offset(), Offset(0));
  run_jobs(*log);
  for (const std::string& name : disk.names())
    EXPECT_FALSE(name.ends_with(".deleted") || name.ends_with(".swap") ||
                 name.ends_with(".cleaned"))
        << name;
  // Clean up to there: the next pass has only what came behind.
  const auto plan = log->plan_compaction(end, now);
  EXPECT_EQ(plan->cleanable_bytes, 0U);
  ASSERT_TRUE(log->close().ok());
  log = open(disk, true);
  EXPECT_EQ(newest(*log), before);
  EXPECT_EQ(log->recovery_report().indexes_rebuilt, 0U);
}

TEST_F(CompactionTest, FindsEveryOffsetAfterwards) {
  auto log = open(disk);
  config.index_interval_bytes = 100;
  log->set_config(config);
  for (int n = 0; n < 200; ++n) append(*log, {.key = "k" + std::to_string(n % 50)});
  compact(*log, std::nullopt);
  std::map<std::int64_t, int> left;
  visit(*log, [&](const record::RecordView& record) { left[record.offset.value()]++; });
  for (int n = 0; n < 200; ++n) {
    const auto read = log->read(request(Offset(n)));
    ASSERT_TRUE(read.ok());
    const std::string bytes = bytes_of(*read);
    const auto batch = record::BatchView::parse(as_view(bytes));
    ASSERT_TRUE(batch.ok());
    const auto next = left.lower_bound(n);
    ASSERT_NE(next, left.end());
    EXPECT_LE(batch->base_offset().value(), next->first);
    EXPECT_GE(batch->last_offset().value(), n);
  }
}

TEST_F(CompactionTest, RemovesTombstonesOnlyAfterTheirHorizon) {
  auto log = open(disk);
  for (int n = 0; n < 10; ++n) append(*log, {.key = "gone"});
  append(*log, {.key = "gone", .tombstone = true});
  for (int n = 0; n < 20; ++n) append(*log, {.key = "k" + std::to_string(n)});
  Offset clean = compact(*log, std::nullopt);
  EXPECT_EQ(newest(*log).at("gone").second, -1);
  now = now + 999;
  for (int n = 0; n < 10; ++n) append(*log, {.key = "other" + std::to_string(n)});
  clean = compact(*log, clean);
  EXPECT_EQ(newest(*log).count("gone"), 1U);
  now = now + 2;
  for (int n = 0; n < 10; ++n) append(*log, {.key = "more" + std::to_string(n)});
  compact(*log, clean);
  EXPECT_EQ(newest(*log).count("gone"), 0U);
}

TEST_F(CompactionTest, DropsAbortedRecordsAndLaterTheirMarkers) {
  auto log = open(disk);
  const ProducerId id(5);
  append(*log, {.key = "stays"});
  append(*log, {.producer_id = id, .base_sequence = 0, .transactional = true, .key = "stays"});
  append_marker(*log, id, ProducerEpoch(0), true);
  append(*log, {.producer_id = id, .base_sequence = 1, .transactional = true, .key = "new"});
  append_marker(*log, id, ProducerEpoch(0), false);
  for (int n = 0; n < 30; ++n) append(*log, {.key = "k" + std::to_string(n)});
  ASSERT_GT(log->segment_count(), 1U);
  compact(*log, std::nullopt);
  const auto now_there = newest(*log);
  EXPECT_EQ(now_there.at("stays").first, 0) << "an aborted value hides nothing";
  EXPECT_EQ(now_there.at("new").first, 3);
  EXPECT_EQ(log->log_end_offset(), Offset(35));
}

TEST_F(CompactionTest, NeverTouchesAnOpenTransactionOrWhatIsTooYoung) {
  auto log = open(disk);
  for (int n = 0; n < 20; ++n) append(*log, {.timestamp = Timestamp(1000), .key = "a"});
  const Offset begin = log->log_end_offset();
  append(*log,
         {.producer_id = ProducerId(5), .base_sequence = 0, .transactional = true, .key = "a"});
  for (int n = 0; n < 40; ++n) append(*log, {.timestamp = Timestamp(1000), .key = "a"});
  flush(*log);
  auto plan = log->plan_compaction(std::nullopt, now);
  EXPECT_LE(plan->first_uncleanable, begin);
  config.min_compaction_lag_ms = Millis(now - Timestamp(500));
  log->set_config(config);
  plan = log->plan_compaction(std::nullopt, now);
  EXPECT_EQ(plan->cleanable_bytes, 0U);
}

TEST_F(CompactionTest, KeepsTheLastBatchOfAProducerAsAnEmptyOne) {
  auto log = open(disk);
  append(*log, {.producer_id = ProducerId(5), .base_sequence = 0, .key = "a"});
  append(*log, {.producer_id = ProducerId(5), .base_sequence = 1, .key = "a"});
  for (int n = 0; n < 40; ++n) append(*log, {.key = "a"});
  compact(*log, std::nullopt);
  // Without any snapshot, the log itself tells the last sequence.
  for (const std::string& name : disk.names()) {
    if (name.ends_with(".snapshot")) {
      ASSERT_TRUE(disk.remove_file(name).ok());
    }
  }
  auto after = disk.after_kill();
  auto again = open(*after);
  ASSERT_NE(again->producers().find(ProducerId(5)), nullptr);
  EXPECT_EQ(again->producers().find(ProducerId(5))->last_sequence(), 1);
}

TEST_F(CompactionTest, CleansInSeveralPassesWithASmallMap) {
  limits.offset_map_bytes_max = 24 * 20;
  auto log = open(disk);
  for (int n = 0; n < 300; ++n) append(*log, {.key = "k" + std::to_string(n % 60)});
  const auto before = newest(*log);
  Offset clean(0);
  for (int pass = 0; pass < 40; ++pass) {
    const Offset end = compact(*log, clean);
    if (end.value() < 0) break;
    ASSERT_GT(end, clean);
    clean = end;
    EXPECT_EQ(newest(*log), before) << pass;
  }
  EXPECT_LE(report.keys, 20U);
}

TEST_F(CompactionTest, GivesUpWhenTheLogWasTruncatedMeanwhile) {
  auto log = open(disk);
  for (int n = 0; n < 60; ++n) append(*log, {.key = "a"});
  flush(*log);
  auto pass = log->begin_compaction(*log->plan_compaction(std::nullopt, now), now, 1, limits);
  ASSERT_TRUE(*pass->clean_next());
  ASSERT_TRUE(*log->truncate_to(Offset(50), now));
  EXPECT_FALSE(log->begin_swap(*pass).ok());
  ASSERT_TRUE(pass->discard().ok());
  EXPECT_EQ(log->log_end_offset(), Offset(50));
  for (const std::string& name : disk.names()) EXPECT_FALSE(name.ends_with(".cleaned")) << name;
}

TEST_F(CompactionTest, RefusesDamagedRecordsAndChangesNothing) {
  auto log = open(disk);
  for (int n = 0; n < 60; ++n) append(*log, {.key = "a"});
  const std::uint64_t size = log->size_bytes();
  disk.content(kDirectory + "/00000000000000000000.log")[80] ^= 1;
  flush(*log);
  auto pass = log->begin_compaction(*log->plan_compaction(std::nullopt, now), now, 1, limits);
  EXPECT_EQ(pass->clean_next().code(), ErrorCode::kCorruptMessage);
  ASSERT_TRUE(pass->discard().ok());
  EXPECT_EQ(log->size_bytes(), size);
}

// A crash at any change of the disk during a pass leaves a log with the same newest values.
TEST_F(CompactionTest, SurvivesACrashAtEveryStep) {
  for (std::uint64_t stop = 1;; ++stop) {
    MemoryDisk one;
    auto log = open(one);
    for (int n = 0; n < 60; ++n) append(*log, {.key = "k" + std::to_string(n % 5)});
    flush(*log);
    const auto before = newest(*log);
    const Offset flushed = log->flushed_end_offset();
    const std::uint64_t begin = one.changes;
    std::unique_ptr<MemoryDisk> killed;
    std::unique_ptr<MemoryDisk> cut;
    one.fault = [&](const std::string&, const std::string&) {
      if (one.changes == begin + stop) {
        killed = one.after_kill();
        cut = one.after_power_cut();
      }
      return 0;
    };
    compact(*log, std::nullopt);
    run_jobs(*log);
    one.fault = nullptr;
    if (!killed) break;
    for (MemoryDisk* disk_after : {killed.get(), cut.get()}) {
      auto again = open(*disk_after, false, flushed);
      ASSERT_EQ(again->log_end_offset(), Offset(60)) << stop;
      ASSERT_EQ(newest(*again), before) << "crash before change " << stop;
    }
  }
}

TEST_F(CompactionTest, LeavesOutWhatIsNotOnDiskYet) {
  auto log = open(disk);
  for (int n = 0; n < 40; ++n) append(*log, {.value_bytes = 50, .key = "k"});
  ASSERT_GT(log->segment_count(), 2U);
  EXPECT_EQ(log->plan_compaction(std::nullopt, now)->cleanable_bytes, 0U);
  flush(*log);
  EXPECT_GT(log->plan_compaction(std::nullopt, now)->cleanable_bytes, 0U);
}

}  // namespace
}  // namespace moldau::log
