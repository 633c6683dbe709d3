// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/disk.h"
#include "log/partition_log.h"
#include "record/batch_view.h"

namespace moldau::log {

/// Opens the files of a partition log: finishes interrupted swaps, loads or rebuilds indexes,
/// recovers what is behind the recovery point, restores epochs and producers.
///
/// Owner    a local of PartitionLog::open, used once.
/// Thread   blocks: the pool.
/// Bounds   a segment file of 2 GiB; memory: the largest batch behind the recovery point, and the
///          producer state.
/// Errors   kKafkaStorageError. Damage is repaired: the tail is cut at the first bad batch,
///          indexes, epochs and producer state are built anew from the records. A segment with
///          offsets too far from its base offset is split.
/// Source   LogLoader, LogSegment.recover, UnifiedLog.rebuildProducerState.
class LogLoader {
 public:
  LogLoader(PartitionLog& log, PartitionLog::OpenOptions& options)
      : log_(log), disk_(log.disk_), options_(options) {}

  Result<void> load();

 private:
  Result<void> open_directory();
  Result<void> load_topic_id();
  Result<void> finish_swaps();
  Result<void> drop_range(Offset from, Offset to, const std::vector<env::DirectoryEntry>& entries);
  Result<void> load_files();
  Result<void> split_overflowed();
  Result<void> list_segments();
  Result<void> load_epochs();
  Result<void> load_segments();
  Result<bool> may_overflow(std::size_t index);
  Result<bool> load_flushed(Segment& segment, bool is_active);
  Result<void> recover_from(std::size_t index);
  Result<bool> recover(Segment& segment, partition::ProducerState& producers, bool is_tail);
  Result<bool> scan(Segment& segment, partition::ProducerState& producers, std::uint32_t size,
                    std::optional<Error>& damage);
  Result<void> take_batch(Segment& segment, const record::BatchView& batch,
                          partition::ProducerState& producers);
  Result<void> rebuild_indexes(std::size_t index);
  Result<void> drop_segments_from(std::size_t index);
  Result<void> find_end();
  Result<void> rebuild_epochs();
  Result<void> settle_epochs();
  Result<void> drop_stray_snapshots();

  PartitionLog& log_;
  env::Disk& disk_;
  PartitionLog::OpenOptions& options_;
  bool epochs_lost_ = false;
  bool epochs_changed_ = false;
  /// A segment that must be split before the log can be loaded.
  std::optional<Offset> overflowed_;
  std::set<Offset> unsplittable_;
  /// Producer state at the log end, if recovery has walked up to there.
  std::optional<partition::ProducerState> at_end_;
};

/// Loads the newest usable snapshot in (log start, end] and replays the records behind it.
/// Damaged snapshots are dropped from `snapshots`.
Result<partition::ProducerState> load_producers(
    env::Disk& disk, const std::string& directory, std::vector<Offset>& snapshots,
    const std::deque<std::unique_ptr<Segment>>& segments, Offset log_start, Offset end,
    Timestamp now, Millis expiration);

}  // namespace moldau::log
