// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "env/disk.h"
#include "log/cleaned_transactions.h"
#include "log/compaction_plan.h"
#include "log/log_config.h"
#include "log/log_view.h"
#include "log/offset_map.h"
#include "record/batch_view.h"
#include "record/compression.h"
#include "record/record_view.h"

namespace moldau::log {

/// What a pass did, for the log line and the metrics.
struct CompactionReport {
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t records_read = 0;
  std::uint64_t records_written = 0;
  std::uint64_t records_without_key = 0;
  std::size_t keys = 0;
  std::size_t groups = 0;
};

/// What must not be lost of a producer: its last batch, or the marker of its epoch.
struct LastRecord {
  Offset last_data_offset{-1};
  ProducerEpoch producer_epoch{-1};
};

/// One pass of the cleaner over one log: keeps the newest value of each key.
///
/// Path     on the shard PartitionLog::begin_compaction; then until done:
///            pool   clean_next() → the files <base>.log.cleaned and its indexes, synced
///            shard  PartitionLog::begin_swap
///            pool   publish() → .swap, old ones .deleted, plain name: from .swap on a crash
///                   ends with the new segment
///            shard  PartitionLog::finish_swap
///          then LogDirectory::set_cleaner_offset(end_offset()). If clean_next fails or
///          begin_swap refuses, discard() on the pool; if publish fails, finish_swap(…, error).
/// Owner    the host; shares the files. Must be finished or discarded before the log is
///          truncated, closed or renamed.
/// Thread   one thread at a time.
/// Bounds   CleanerLimits; disk: the largest group of segments once more (segment.bytes).
/// Durable  publish() has synced what it made visible.
/// Errors   any but kKafkaStorageError: this log is uncleanable (damaged records), others go on.
///          kKafkaStorageError: the disk; nothing has changed.
/// Source   KIP-354, KIP-534; Cleaner.doClean.
class Compaction {
 public:
  struct Input {
    env::Disk* disk = nullptr;
    std::shared_ptr<const std::string> directory;
    LogConfig config;
    LogView view;
    CompactionPlan plan;
    std::uint64_t truncations = 0;
    std::unordered_map<std::int64_t, LastRecord> last_records;
    Timestamp now{0};
    std::uint64_t seed = 0;
  };

  Compaction(Input input, CleanerLimits limits);
  ~Compaction();
  Compaction(const Compaction&) = delete;
  Compaction& operator=(const Compaction&) = delete;

  /// Cleans the next group of segments into one. False: there is none left.
  Result<bool> clean_next();
  Result<void> publish();
  /// Removes what clean_next() made.
  Result<void> discard();

  /// clean_next() ends soon with kRequestTimedOut. Any thread.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  /// Everything below has been cleaned once all groups are swapped.
  Offset end_offset() const { return end_offset_; }
  const CompactionReport& report() const { return report_; }
  /// Bytes read and written since the last call, for log.cleaner.io.max.bytes.per.second.
  std::uint64_t take_io_bytes() { return std::exchange(io_bytes_, 0); }

 private:
  friend class PartitionLog;

  Result<void> check_cancelled() const;
  Result<void> build_map();
  Result<bool> map_segment(const SegmentView& segment, Offset segment_end);
  Result<bool> map_batch(const record::BatchView& batch);
  void group_segments();
  Result<void> clean_segment(const SegmentView& segment, Offset segment_end, Segment& out);
  Result<void> clean_batch(const SegmentView& segment, const record::BatchView& batch,
                           Segment& out);
  bool retain_record(const record::BatchView& batch, const record::RecordView& record,
                     bool retain_old_deletes);
  bool is_last_of_producer(const record::BatchView& batch) const;
  Result<void> write(Segment& out, ByteView bytes, const BatchPosition& batch);
  Result<void> flush_output(Segment& out);

  Input input_;
  CleanerLimits limits_;
  record::CompressionContext context_;
  std::unique_ptr<OffsetMap> map_;
  Offset end_offset_{-1};
  CleanedTransactions transactions_;
  Timestamp old_delete_horizon_{0};
  std::vector<std::vector<std::size_t>> groups_;
  std::size_t next_group_ = 0;
  std::unique_ptr<Segment> cleaned_;
  std::vector<Offset> replaced_;
  std::vector<std::string> replaced_paths_;
  std::vector<std::byte> output_;
  std::uint64_t output_position_ = 0;
  std::uint64_t io_bytes_ = 0;
  std::atomic<bool> cancelled_{false};
  CompactionReport report_;
};

}  // namespace moldau::log
