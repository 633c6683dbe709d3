// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "log/index_file.h"

namespace moldau::log {

/// A timestamp and the (last) offset of the batch that carries it.
struct TimestampOffset {
  Timestamp timestamp{-1};
  Offset offset{-1};
  bool operator==(const TimestampOffset&) const = default;
};

/// An entry of a time index; timestamps and offsets never fall:
///
///   | int64 max timestamp so far in the segment | int32 offset of it - base offset |
struct TimeIndexFormat {
  using Entry = TimestampOffset;
  static constexpr std::uint32_t kEntryBytes = 12;
  static Entry decode(Offset base, const std::byte* from);
  static void encode(Offset base, const Entry& entry, std::byte* to);
  static Entry nothing(Offset base) { return {Timestamp(-1), base}; }
};

/// Thread   a value, any thread, see IndexView.
/// Errors   as IndexView.
class TimeIndexView : public IndexView<TimeIndexFormat> {
 public:
  /// The last entry with a timestamp not above `target`; {-1, base offset} if there is none.
  Result<TimestampOffset> lookup(Timestamp target) const;
};

/// The time index of one segment.
///
/// Owner    its segment.
/// Thread   as its segment; views go anywhere.
/// Bounds   segment.index.bytes (one slot is kept for the entry at the roll); kBufferedMax
///          entries in memory.
/// Source   TimeIndex.
class TimeIndex : public IndexFile<TimeIndexFormat> {
 public:
  TimeIndex(Offset base_offset, std::shared_ptr<const LogFile> file)
      : IndexFile(base_offset, std::move(file)) {}

  /// As OffsetIndex::load. Returns false if the file is missing, oddly sized or not ordered.
  Result<bool> load();

  /// Does nothing unless `timestamp` is above the last entry's and `offset` not below it.
  void maybe_append(Timestamp timestamp, Offset offset);

  bool is_full(std::int32_t bytes_max) const {
    return entries() + 1 >= static_cast<std::uint32_t>(bytes_max) / kEntryBytes;
  }
  TimeIndexView view() const {
    return {{base_offset_, file_, file_entries_, buffered_, last_, env::Wait::kForDevice}};
  }
};

}  // namespace moldau::log
