// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "log/log_file.h"

namespace moldau::log {

/// Where a batch begins: its last offset and its first byte in the segment.
struct OffsetPosition {
  Offset offset{0};
  std::uint32_t position = 0;
  bool operator==(const OffsetPosition&) const = default;
};

/// An unchanging look at an offset index: what is in the file and the entries not written yet.
/// Thread   a value, any thread. The file may be cold: then look-ups block.
/// Errors   kKafkaStorageError; kCorruptMessage if entries contradict each other. A look-up never
///          trusts an entry beyond `log_bytes`: the caller then scans from the beginning.
class OffsetIndexView {
 public:
  Offset base_offset{0};
  std::shared_ptr<const LogFile> file;
  std::uint32_t file_entries = 0;
  std::vector<OffsetPosition> tail;

  std::uint32_t entries() const { return file_entries + static_cast<std::uint32_t>(tail.size()); }
  /// The last entry with an offset not above `target`; the segment's beginning if there is none.
  Result<OffsetPosition> lookup(Offset target) const;
  /// The first entry with a position not below `position`.
  Result<std::optional<OffsetPosition>> first_at_or_after(std::uint64_t position) const;
  Result<OffsetPosition> entry(std::uint32_t n) const;
};

/// The offset index of one segment: 8-byte entries of relative offset and position. Never
/// memory-mapped; new entries wait in a small buffer until it is full or someone flushes, since a
/// crash rebuilds every index behind the recovery point anyway.
///
///   | int32 last offset of a batch - base offset | int32 position of that batch |
///
/// Owner    its segment.
/// Thread   as its segment; views go anywhere.
/// Bounds   segment.index.bytes; kBufferedMax entries in memory.
/// Source   OffsetIndex.
class OffsetIndex {
 public:
  static constexpr std::uint32_t kEntryBytes = 8;
  static constexpr std::size_t kBufferedMax = 64;

  OffsetIndex(Offset base_offset, std::shared_ptr<const LogFile> file)
      : base_offset_(base_offset), file_(std::move(file)) {}

  /// Takes the entries of an existing file: up to the first one that is not larger than the one
  /// before it, since the rest of an unclosed index is zeros. `log_bytes`: no entry may point
  /// beyond. Returns false if the file is missing or its size is no multiple of an entry.
  Result<bool> load(std::uint64_t log_bytes);

  /// `offset` must be above last_offset().
  void append(Offset offset, std::uint32_t position);
  /// Writes what waits in memory. A missing file is created.
  Result<void> write_buffered();
  /// Writes and cuts the file to its entries.
  Result<void> trim();
  /// Forgets entries at or above `offset`.
  Result<void> truncate_to(Offset offset);
  void clear();

  std::uint32_t entries() const {
    return file_entries_ + static_cast<std::uint32_t>(buffered_.size());
  }
  bool is_full(std::int32_t bytes_max) const {
    return entries() >= static_cast<std::uint32_t>(bytes_max) / kEntryBytes;
  }
  std::size_t waiting() const { return buffered_.size(); }
  Offset last_offset() const { return last_.offset; }
  OffsetPosition last() const { return last_; }
  OffsetIndexView view() const { return {base_offset_, file_, file_entries_, buffered_}; }
  const std::shared_ptr<const LogFile>& file() const { return file_; }
  void set_file(std::shared_ptr<const LogFile> file) { file_ = std::move(file); }
  /// Drops the buffer's memory (after write_buffered()).
  void shrink() { buffered_.shrink_to_fit(); }

 private:
  Offset base_offset_;
  std::shared_ptr<const LogFile> file_;
  std::uint32_t file_entries_ = 0;
  OffsetPosition last_{base_offset_, 0};
  std::vector<OffsetPosition> buffered_;
};

}  // namespace moldau::log
