// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "log/batch_reader.h"
#include "log/partition_log.h"
#include "log/test_memory_disk.h"
#include "record/batch_builder.h"
#include "record/control_record.h"

namespace moldau::log {

inline const TopicPartition kPartition{"events", PartitionId(0)};
inline const std::string kDirectory = "data/events-0";

/// Builds batches and opens logs on a MemoryDisk.
/// Thread   one thread.
struct LogFixture {
  record::CompressionContext context;
  LogConfig config;
  Timestamp now{2'000'000};

  struct Batch {
    Offset base_offset{0};
    int records = 1;
    std::size_t value_bytes = 20;
    Timestamp timestamp{1'000};
    ProducerId producer_id{-1};
    ProducerEpoch producer_epoch{0};
    std::int32_t base_sequence = -1;
    bool transactional = false;
    LeaderEpoch epoch{0};
    std::string key;
    bool tombstone = false;
  };

  Slice build(const Batch& want) {
    record::BatchFields fields;
    fields.base_offset = want.base_offset;
    fields.leader_epoch = want.epoch;
    fields.producer_id = want.producer_id;
    if (want.producer_id.value() >= 0) {
      fields.producer_epoch = want.producer_epoch;
      fields.base_sequence = want.base_sequence;
    }
    fields.transactional = want.transactional;
    record::BatchBuilder builder(fields);
    const std::string value(want.value_bytes, 'v');
    for (int n = 0; n < want.records; ++n) {
      record::RecordFields record;
      record.timestamp = want.timestamp;
      if (!want.key.empty()) record.key = as_view(want.key);
      if (!want.tombstone) record.value = as_view(value);
      EXPECT_TRUE(builder.append(record).ok());
    }
    return builder.build(context).value();
  }

  Slice marker(ProducerId id, ProducerEpoch epoch, bool abort, std::int32_t coordinator_epoch = 0) {
    record::BatchFields fields;
    fields.producer_id = id;
    fields.producer_epoch = epoch;
    return record::build_end_transaction_marker(
        fields, now, abort ? record::ControlRecordType::kAbort : record::ControlRecordType::kCommit,
        coordinator_epoch, context);
  }

  PartitionLog::OpenOptions options(bool clean = false, Offset recovery_point = Offset(0)) {
    PartitionLog::OpenOptions out(kDirectory, kPartition, config);
    out.was_clean = clean;
    out.recovery_point = recovery_point;
    out.now = now;
    return out;
  }

  std::unique_ptr<PartitionLog> open(env::Disk& disk, bool clean = false,
                                     Offset recovery_point = Offset(0)) {
    auto log = PartitionLog::open(disk, options(clean, recovery_point));
    EXPECT_TRUE(log.ok()) << log.error().text();
    return std::move(log).value();
  }

  Result<StagedAppend> stage(PartitionLog& log, Slice bytes,
                             AppendOrigin origin = AppendOrigin::kClient,
                             LeaderEpoch epoch = LeaderEpoch(0)) {
    return log.stage(AppendInput(std::move(bytes), origin, epoch, now));
  }

  /// Appends and writes at once; the log must take it.
  StagedAppend append(PartitionLog& log, const Batch& batch,
                      AppendOrigin origin = AppendOrigin::kClient) {
    auto staged = stage(log, build(batch), origin, batch.epoch);
    EXPECT_TRUE(staged.ok()) << staged.error().text();
    const WriteOutcome outcome = log.write_staged();
    EXPECT_FALSE(outcome.error) << outcome.error->text();
    log.set_high_watermark(log.log_end_offset());
    return staged.ok() ? *staged : StagedAppend();
  }

  StagedAppend append_marker(PartitionLog& log, ProducerId id, ProducerEpoch epoch, bool abort) {
    auto staged = stage(log, marker(id, epoch, abort), AppendOrigin::kCoordinator);
    EXPECT_TRUE(staged.ok()) << staged.error().text();
    EXPECT_FALSE(log.write_staged().error);
    log.set_high_watermark(log.log_end_offset());
    return staged.ok() ? *staged : StagedAppend();
  }

  void run_jobs(PartitionLog& log) {
    for (std::vector<LogJob> jobs = log.take_jobs(); !jobs.empty(); jobs = log.take_jobs()) {
      for (LogJob& job : jobs) {
        const Result<void> result = job.work();
        EXPECT_TRUE(result.ok()) << result.error().text();
        if (job.done) job.done(result);
      }
    }
  }

  /// Flushes everything, jobs included.
  void flush(PartitionLog& log) {
    run_jobs(log);
    auto point = log.flush_point();
    ASSERT_TRUE(point.ok());
    ASSERT_TRUE(point->sync().ok());
    log.mark_flushed(*point);
  }

  static std::string bytes_of(const ReadResult& read) {
    std::string out(read.range.length, '\0');
    if (read.range.length == 0) return out;
    MutableBytes into(reinterpret_cast<std::byte*>(out.data()), out.size());
    EXPECT_EQ(read.range.file->read(into, read.range.position).value(), out.size());
    return out;
  }

  static ReadRequest request(Offset offset, std::uint32_t bytes_max = 1 << 20) {
    ReadRequest out;
    out.offset = offset;
    out.upper_bound = Offset(INT64_MAX);
    out.bytes_max = bytes_max;
    return out;
  }

  /// All bytes of the log, as a consumer reads them from `offset` on; checks that offsets rise
  /// and checksums hold.
  static std::string read_all(const PartitionLog& log, Offset offset) {
    std::string all;
    while (offset < log.log_end_offset()) {
      auto read = log.read(request(offset));
      EXPECT_TRUE(read.ok()) << read.error().text();
      if (!read.ok() || read->range.length == 0) break;
      const std::string bytes = bytes_of(*read);
      record::BatchIterator batches(as_view(bytes));
      for (;;) {
        const auto batch = batches.next();
        EXPECT_TRUE(batch.ok());
        if (!batch.ok() || !*batch) break;
        EXPECT_TRUE((*batch)->crc_is_valid());
        EXPECT_GE((*batch)->last_offset(), offset);
        offset = (*batch)->next_offset();
      }
      all += bytes;
    }
    return all;
  }
};

}  // namespace moldau::log
