// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "log/batch_header.h"
#include "log/log_config.h"
#include "log/log_file.h"
#include "log/offset_index.h"
#include "log/time_index.h"
#include "log/txn_index.h"

namespace moldau::log {

/// An unchanging look at a segment: its first `size` bytes and the indexes for them.
///
/// Owner    a value that shares the files; what is open stays readable after a delete. After a
///          truncation the bytes may change under it: compare PartitionLog::generation().
/// Thread   any thread; reads of cold files block, or find() fails with env::is_cold().
/// Errors   kKafkaStorageError; kCorruptMessage if bytes are not batches.
class SegmentView {
 public:
  Offset base_offset{0};
  std::uint32_t size = 0;
  TimestampOffset max_timestamp;
  Timestamp modified{0};
  std::shared_ptr<const LogFile> log;
  OffsetIndexView offset_index;
  TimeIndexView time_index;
  std::shared_ptr<const LogFile> txn_index;
  std::uint32_t txn_entries = 0;

  /// The first batch whose last offset is not below `offset`, looking from `from` on (a position
  /// known to be that of a batch, or 0). Nothing if there is none.
  Result<std::optional<BatchPosition>> find(Offset offset, std::uint32_t from = 0) const;
  /// What find() does if something it needs is not in memory.
  void set_wait(env::Wait wait) { offset_index.wait = wait; }
  env::Wait wait() const { return offset_index.wait; }
  /// The last batch, or nothing if the segment is empty.
  Result<std::optional<BatchPosition>> last_batch() const;
  /// Largest timestamp there is, or when the file was last written if no record has one.
  Timestamp largest_timestamp() const {
    return max_timestamp.timestamp.value() >= 0 ? max_timestamp.timestamp : modified;
  }
};

/// One segment: a log file and its indexes.
///
/// Owner    its PartitionLog (or the cleaner, for one being made).
/// Thread   as its owner.
/// Bounds   size below 2 GiB; offsets within 2^31 of the base offset.
/// Durable  nothing here syncs; PartitionLog::flush_point gathers the files.
/// Source   LogSegment.
class Segment {
 public:
  Segment(env::Disk& disk, std::shared_ptr<const std::string> directory, Offset base_offset,
          std::string_view state, Timestamp created);

  Offset base_offset() const { return base_offset_; }
  std::uint32_t size() const { return size_; }
  void set_size(std::uint32_t size) { size_ = size; }
  TimestampOffset max_timestamp() const { return max_timestamp_; }
  Timestamp modified() const { return modified_; }
  void set_modified(Timestamp t) { modified_ = t; }
  Timestamp largest_timestamp() const {
    return max_timestamp_.timestamp.value() >= 0 ? max_timestamp_.timestamp : modified_;
  }
  /// Max timestamp of the first batch, read from the file if need be; nothing if it is empty.
  Result<std::optional<Timestamp>> first_timestamp();
  bool can_hold(Offset offset) const;
  bool indexes_full(const LogConfig& config) const;
  /// How long this segment waits already, in the sense of segment.ms.
  Result<Millis> age(Timestamp now, Timestamp message_timestamp);

  /// Takes note of a batch that has been written at the end.
  void add(const BatchPosition& batch, std::int32_t index_interval_bytes, Timestamp now);
  /// The segment will not grow: last time index entry, files cut to their content.
  Result<void> finish();
  Result<void> write_indexes();
  std::size_t index_entries_waiting() const { return offset_index_.waiting(); }

  /// Reads size, indexes and the largest timestamp of existing files. False if an index is
  /// missing or makes no sense: recover() then.
  Result<bool> load();
  /// After load(), for the active segment: what the indexes do not tell of its tail.
  Result<void> load_tail();
  Result<void> truncate_to(Offset offset, Timestamp now);

  SegmentView view() const;
  const std::shared_ptr<const LogFile>& log() const { return log_; }
  OffsetIndex& offset_index() { return offset_index_; }
  TimeIndex& time_index() { return time_index_; }
  TxnIndex& txn_index() { return txn_index_; }
  const TxnIndex& txn_index() const { return txn_index_; }

  /// Renames all files that exist to another state ("" for the plain name).
  Result<void> rename_state(std::string_view state);
  /// After the directory was renamed.
  void set_directory(std::shared_ptr<const std::string> directory);
  /// Of all files it may have, for remove_files().
  std::vector<std::string> paths() const;
  /// Opens all files, so that a view needs no names any more.
  Result<void> pin_files();
  /// Closes descriptors and gives back buffers; they come back when needed.
  void release_files();

  /// Forgets what the indexes say, to build them anew with add().
  Result<void> reset_indexes();

 private:
  Result<bool> check_last_entries();

  Offset base_offset_;
  std::uint32_t size_ = 0;
  std::uint32_t bytes_since_index_entry_ = 0;
  TimestampOffset max_timestamp_;
  Timestamp created_;
  Timestamp modified_;
  std::optional<Timestamp> first_timestamp_;
  std::shared_ptr<const LogFile> log_;
  OffsetIndex offset_index_;
  TimeIndex time_index_;
  TxnIndex txn_index_;
};

/// Removes files; those that are gone already are fine.
Result<void> remove_files(env::Disk& disk, const std::vector<std::string>& paths);

}  // namespace moldau::log
