// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "log/index_file.h"

namespace moldau::log {

/// Where a batch begins: its last offset and its first byte in the segment.
struct OffsetPosition {
  Offset offset{0};
  std::uint32_t position = 0;
  bool operator==(const OffsetPosition&) const = default;
};

/// An entry of an offset index:
///
///   | int32 last offset of a batch - base offset | int32 position of that batch |
struct OffsetIndexFormat {
  using Entry = OffsetPosition;
  static constexpr std::uint32_t kEntryBytes = 8;
  static Entry decode(Offset base, const std::byte* from);
  static void encode(Offset base, const Entry& entry, std::byte* to);
  static Entry nothing(Offset base) { return {base, 0}; }
};

/// Thread   a value, any thread, see IndexView.
/// Errors   as IndexView. Callers must not trust an entry: its position may be wrong.
class OffsetIndexView : public IndexView<OffsetIndexFormat> {
 public:
  /// The last entry with an offset not above `target`; the segment's beginning if there is none.
  Result<OffsetPosition> lookup(Offset target) const;
  /// The first entry with a position not below `position`.
  Result<std::optional<OffsetPosition>> first_at_or_after(std::uint64_t position) const;
};

/// The offset index of one segment.
///
/// Owner    its segment.
/// Thread   as its segment; views go anywhere.
/// Bounds   segment.index.bytes; kBufferedMax entries in memory.
/// Source   OffsetIndex.
class OffsetIndex : public IndexFile<OffsetIndexFormat> {
 public:
  OffsetIndex(Offset base_offset, std::shared_ptr<const LogFile> file)
      : IndexFile(base_offset, std::move(file)) {}

  /// Takes the entries of an existing file: up to the first one that is not larger than the one
  /// before it, since the rest of an unclosed index is zeros. `log_bytes`: no entry may point
  /// beyond. Returns false if the file is missing or its size is no multiple of an entry.
  Result<bool> load(std::uint64_t log_bytes);

  /// `offset` must be above last_offset().
  void append(Offset offset, std::uint32_t position);

  bool is_full(std::int32_t bytes_max) const {
    return entries() >= static_cast<std::uint32_t>(bytes_max) / kEntryBytes;
  }
  Offset last_offset() const { return last_.offset; }
  OffsetIndexView view() const {
    return {{base_offset_, file_, file_entries_, buffered_, last_, env::Wait::kForDevice}};
  }
};

}  // namespace moldau::log
