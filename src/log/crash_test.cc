// SPDX-License-Identifier: Apache-2.0
// A log that stops at any step, by kill -9 or power cut, opens again with all that was durable;
// damage of any byte of any file is noticed or harmless.
#include "log/test_log_fixture.h"

namespace moldau::log {
namespace {

struct CrashTest : testing::Test, LogFixture {
  std::string written;  // all bytes ever written, in order

  CrashTest() {
    config.segment_bytes = 900;
    config.index_interval_bytes = 100;
  }

  Batch batch(int n) {
    return {.records = 1 + n % 3,
            .value_bytes = static_cast<std::size_t>(20 + 7 * (n % 5)),
            .timestamp = Timestamp(1000 + n),
            .producer_id = ProducerId(n % 2),
            .base_sequence = sequences_[n % 2],
            .epoch = LeaderEpoch(n / 12)};
  }

  /// Appends, rolls, flushes, writes snapshots and epochs; calls `flushed` after each flush.
  template <class Flushed>
  void script(MemoryDisk& disk, Flushed flushed) {
    sequences_ = {0, 0};
    auto log = PartitionLog::open(disk, options());
    if (!log.ok()) return;
    for (int n = 0; n < 40; ++n) {
      const Batch next = batch(n);
      auto staged = stage(**log, build(next), AppendOrigin::kClient, next.epoch);
      if (!staged.ok() || (*log)->write_staged().error) return;
      sequences_[n % 2] += next.records;
      (*log)->set_high_watermark((*log)->log_end_offset());
      if (n % 5 == 4) {
        for (LogJob& job : (*log)->take_jobs()) {
          const Result<void> result = job.work();
          if (job.done) job.done(result);
        }
      }
      if (n % 7 == 6) {
        auto point = (*log)->flush_point();
        if (!point.ok() || !point->sync().ok()) return;
        (*log)->mark_flushed(*point);
        flushed(**log);
      }
    }
    (void)(*log)->close();
  }

  void check(MemoryDisk& disk, Offset recovery_point, Offset at_least, const std::string& when) {
    auto opened = PartitionLog::open(disk, options(false, recovery_point));
    ASSERT_TRUE(opened.ok()) << when << opened.error().text();
    PartitionLog& log = **opened;
    ASSERT_GE(log.log_end_offset(), at_least) << when;
    const std::string bytes = read_all(log, Offset(0));
    ASSERT_TRUE(written.starts_with(bytes)) << when;
    ASSERT_EQ(bytes.size(), log.size_bytes()) << when;
    if (log.log_end_offset().value() > 0) {
      ASSERT_TRUE(log.leader_epochs().earliest()) << when;
      ASSERT_EQ(log.leader_epochs().earliest()->start_offset, Offset(0)) << when;
    }
    // The producers go on where the log ends: the next batch is neither a gap nor a duplicate.
    for (int id = 0; id < 2; ++id) {
      const partition::ProducerEntry* entry = log.producers().find(ProducerId(id));
      const std::int32_t next = entry ? entry->last_sequence() + 1 : 0;
      const auto staged = stage(log, build({.producer_id = ProducerId(id), .base_sequence = next}),
                                AppendOrigin::kClient, LeaderEpoch(9));
      ASSERT_TRUE(staged.ok() && !staged->is_duplicate) << when << id;
    }
    ASSERT_FALSE(log.write_staged().error) << when;
    ASSERT_TRUE(log.close().ok()) << when;
  }

  std::array<std::int32_t, 2> sequences_{};
};

TEST_F(CrashTest, OpensAfterACrashBeforeEveryChange) {
  {
    MemoryDisk disk;
    script(disk, [](const PartitionLog&) {});
    auto log = open(disk, true);
    written = read_all(*log, Offset(0));
    ASSERT_EQ(log->size_bytes(), written.size());
    ASSERT_GT(log->segment_count(), 4U);
  }
  std::uint64_t random = 42;
  for (std::uint64_t stop = 1;; ++stop) {
    MemoryDisk disk;
    Offset flushed(0);
    Offset recovery_point(0);
    std::vector<std::unique_ptr<MemoryDisk>> after;
    disk.fault = [&](const std::string&, const std::string&) {
      if (disk.changes == stop) {
        after.push_back(disk.after_kill());
        after.push_back(disk.after_power_cut());
        after.push_back(disk.after_power_cut(&random));
      }
      return disk.changes >= stop ? EIO : 0;
    };
    script(disk, [&](const PartitionLog& log) {
      if (!after.empty()) return;
      flushed = log.flushed_end_offset();
      recovery_point = log.recovery_point();
    });
    if (after.empty()) break;
    for (std::size_t kind = 0; kind < after.size(); ++kind)
      check(*after[kind], recovery_point, flushed,
            "change " + std::to_string(stop) + " kind " + std::to_string(kind) + ": ");
    if (HasFatalFailure()) return;
  }
}

TEST_F(CrashTest, WhatRecoveryCutOffDoesNotComeBack) {
  MemoryDisk disk;
  const std::string path = kDirectory + "/00000000000000000000.log";
  {
    auto log = open(disk);
    for (int n = 0; n < 3; ++n) append(*log, {.value_bytes = 50});
    flush(*log);
  }
  const std::size_t one = disk.content(path).size() / 3;
  // The power went away while the second batch was written; others stand behind it.
  const auto first_cut = disk.after_kill();
  first_cut->content(path)[one + 70] ^= 1;
  for (const std::string& name : first_cut->names()) {
    auto file = first_cut->open(name, env::OpenMode::kReadWrite);
    ASSERT_TRUE(file.ok() && (*file)->sync().ok());
  }
  ASSERT_TRUE(first_cut->sync_directory(kDirectory).ok());
  EXPECT_EQ(open(*first_cut)->log_end_offset(), Offset(1));
  const auto second_cut = first_cut->after_power_cut();
  EXPECT_EQ(second_cut->content(path).size(), one);
}

TEST_F(CrashTest, LeavesAWorkingLogBehindAnyErrorOfTheDisk) {
  for (const int error : {ENOSPC, EIO}) {
    for (std::uint64_t at = 1;; ++at) {
      MemoryDisk disk;
      std::uint64_t before = 0;
      disk.fault = [&](const std::string&, const std::string&) {
        before = disk.changes;
        return disk.changes == at ? error : 0;
      };
      written.clear();
      script(disk, [](const PartitionLog&) {});
      disk.fault = nullptr;
      if (before < at) break;
      auto log = PartitionLog::open(disk, options());
      ASSERT_TRUE(log.ok()) << at << log.error().text();
      ASSERT_EQ(read_all(**log, Offset(0)).size(), (*log)->size_bytes()) << at;
      append(**log, {.epoch = LeaderEpoch(9)});
    }
  }
}

TEST_F(CrashTest, NoticesAnyDamagedByteOfIndexesSnapshotsAndCheckpoints) {
  MemoryDisk disk;
  script(disk, [](const PartitionLog&) {});
  {
    auto log = open(disk, true);
    written = read_all(*log, Offset(0));
  }
  const auto good = disk.after_kill();
  std::vector<Offset> by_time;
  {
    auto log = open(*good, true);
    for (int n = 0; n < 40; ++n)
      by_time.push_back((*log->view().offset_for_timestamp(Timestamp(1000 + n), context))->offset);
  }
  for (const std::string& name : good->names()) {
    if (name.ends_with(".log") || name.ends_with("partition.metadata")) continue;
    for (std::size_t n = 0; n < good->content(name).size(); ++n) {
      for (const int mask : {0x01, 0x80}) {
        const auto damaged = good->after_kill();
        damaged->content(name)[n] = static_cast<char>(damaged->content(name)[n] ^ mask);
        auto opened = PartitionLog::open(*damaged, options(true));
        ASSERT_TRUE(opened.ok()) << name << " byte " << n << opened.error().text();
        PartitionLog& log = **opened;
        ASSERT_TRUE(read_all(log, Offset(0)) == written) << name << " byte " << n;
        for (Offset at(0); at < log.log_end_offset(); at += 3) {
          const auto read = log.read(request(at, 1));
          ASSERT_TRUE(read.ok()) << name << " byte " << n;
        }
        for (int t = 0; t < 40; ++t) {
          const auto found = log.view().offset_for_timestamp(Timestamp(1000 + t), context);
          ASSERT_TRUE(found.ok() && *found) << name << " byte " << n << " time " << t;
          ASSERT_EQ((*found)->offset, by_time[t]) << name << " byte " << n << " time " << t;
        }
      }
    }
  }
}

}  // namespace
}  // namespace moldau::log
