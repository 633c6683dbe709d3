// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "log/log_file.h"

namespace moldau::log {

/// A timestamp and the (last) offset of the batch that carries it.
struct TimestampOffset {
  Timestamp timestamp{-1};
  Offset offset{-1};
  bool operator==(const TimestampOffset&) const = default;
};

/// An unchanging look at a time index.
/// Thread   as OffsetIndexView, as are the errors.
class TimeIndexView {
 public:
  Offset base_offset{0};
  std::shared_ptr<const LogFile> file;
  std::uint32_t file_entries = 0;
  std::vector<TimestampOffset> tail;

  std::uint32_t entries() const { return file_entries + static_cast<std::uint32_t>(tail.size()); }
  /// The last entry with a timestamp not above `target`; {-1, base offset} if there is none.
  Result<TimestampOffset> lookup(Timestamp target) const;
  Result<TimestampOffset> entry(std::uint32_t n) const;
};

/// The time index of one segment: 12-byte entries, timestamps and offsets never falling.
///
///   | int64 max timestamp so far in the segment | int32 offset of it - base offset |
///
/// Owner    its segment.
/// Thread   as its segment; views go anywhere.
/// Bounds   segment.index.bytes (one slot is kept for the entry at the roll); kBufferedMax
///          entries in memory.
/// Source   TimeIndex.
class TimeIndex {
 public:
  static constexpr std::uint32_t kEntryBytes = 12;
  static constexpr std::size_t kBufferedMax = 64;

  TimeIndex(Offset base_offset, std::shared_ptr<const LogFile> file)
      : base_offset_(base_offset), file_(std::move(file)) {}

  /// As OffsetIndex::load. Returns false if the file is missing, oddly sized or not ordered.
  Result<bool> load();

  /// Does nothing unless `timestamp` is above the last entry's and `offset` not below it.
  void maybe_append(Timestamp timestamp, Offset offset);
  Result<void> write_buffered();
  Result<void> trim();
  Result<void> truncate_to(Offset offset);
  void clear();

  std::uint32_t entries() const {
    return file_entries_ + static_cast<std::uint32_t>(buffered_.size());
  }
  bool is_full(std::int32_t bytes_max) const {
    return entries() + 1 >= static_cast<std::uint32_t>(bytes_max) / kEntryBytes;
  }
  /// {-1, base offset} if it is empty.
  TimestampOffset last() const { return last_; }
  TimeIndexView view() const { return {base_offset_, file_, file_entries_, buffered_}; }
  const std::shared_ptr<const LogFile>& file() const { return file_; }
  void set_file(std::shared_ptr<const LogFile> file) { file_ = std::move(file); }
  void shrink() { buffered_.shrink_to_fit(); }

 private:
  Offset base_offset_;
  std::shared_ptr<const LogFile> file_;
  std::uint32_t file_entries_ = 0;
  TimestampOffset last_{Timestamp(-1), base_offset_};
  std::vector<TimestampOffset> buffered_;
};

}  // namespace moldau::log
