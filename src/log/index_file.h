// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "log/log_file.h"

namespace moldau::log {

template <class Format>
class IndexFile;

/// An unchanging look at an index of a segment: what is in the file and the entries not written
/// yet. `Format` says what an entry is: Entry, kEntryBytes, decode, encode.
///
/// Thread   a value, any thread. The file may be cold: then look-ups block or fail, as `wait` says.
/// Bounds   a search reads one page a probe: one or two where keys rise evenly, a dozen at worst.
/// Errors   kKafkaStorageError; kCorruptMessage if the file is shorter than it was. Entries that
///          contradict each other give a wrong answer, never an endless search.
template <class Format>
class IndexView {
 public:
  using Entry = typename Format::Entry;

  Offset base_offset{0};
  std::shared_ptr<const LogFile> file;
  std::uint32_t file_entries = 0;
  std::vector<Entry> tail;
  /// The last of all entries, to guess from where others lie.
  Entry last;
  env::Wait wait = env::Wait::kForDevice;

  std::uint32_t entries() const { return file_entries + static_cast<std::uint32_t>(tail.size()); }

  Result<Entry> entry(std::uint32_t n) const {
    MOLDAU_CHECK(n < entries(), "no such index entry");
    if (n >= file_entries) return tail[n - file_entries];
    std::array<std::byte, Format::kEntryBytes> bytes;
    MOLDAU_TRY(read(n, 1, bytes.data()));
    return Format::decode(base_offset, bytes.data());
  }

 protected:
  friend class IndexFile<Format>;

  static constexpr std::uint32_t kPageEntries = 4096 / Format::kEntryBytes;

  /// Where in the file a prefix of the entries ends.
  struct Place {
    std::uint32_t count = 0;
    std::optional<Entry> before;  // the last entry of the prefix
    std::optional<Entry> after;   // the first one behind it
  };

  /// The prefix for which `below` holds; `guess(low, high, place)` says which entry to look at
  /// while the end is known to be in [low, high].
  template <class Below, class Guess>
  Result<Place> find_prefix(Below below, Guess guess) const {
    Place place;
    std::uint32_t low = 0;
    std::uint32_t high = file_entries;
    std::array<std::byte, std::size_t{kPageEntries} * Format::kEntryBytes> page;
    const auto at = [&](std::uint32_t n) {
      return Format::decode(base_offset, page.data() + std::size_t{n} * Format::kEntryBytes);
    };
    while (low < high) {
      std::uint32_t first = low;
      std::uint32_t end = high;
      if (high - low > kPageEntries) {
        const std::uint32_t aim = std::clamp(guess(low, high, place), low, high - 1);
        first = std::max(low, aim / kPageEntries * kPageEntries);
        end = std::min(high, (aim / kPageEntries + 1) * kPageEntries);
      }
      MOLDAU_TRY(read(first, end - first, page.data()));
      std::uint32_t from = 0;
      for (std::uint32_t to = end - first; from < to;) {
        const std::uint32_t middle = from + (to - from) / 2;
        if (below(at(middle))) {
          from = middle + 1;
        } else {
          to = middle;
        }
      }
      if (from > 0) {
        place.before = at(from - 1);
        low = first + from;
      }
      if (from < end - first) {
        place.after = at(from);
        high = first + from;
      }
    }
    place.count = low;
    return place;
  }

  template <class Below>
  Result<Place> halve(Below below) const {
    return find_prefix(below, [](std::uint32_t low, std::uint32_t high, const Place&) {
      return low + (high - low) / 2;
    });
  }

  /// As find_prefix, where `key` rises from `first_key` on and `below` means keys under `target`
  /// (or equal to it).
  template <class Below, class Key>
  Result<Place> interpolate(Below below, Key key, std::int64_t first_key,
                            std::int64_t target) const {
    // Keys that do not rise evenly, or a damaged file: after some wrong guesses halves are better.
    int guesses = 3;
    return find_prefix(below, [&](std::uint32_t low, std::uint32_t high, const Place& place) {
      const std::uint32_t half = low + (high - low) / 2;
      if (guesses-- <= 0) return half;
      const auto from = static_cast<double>(place.before ? key(*place.before) : first_key);
      const auto to = static_cast<double>(place.after ? key(*place.after) : key(last));
      const std::uint32_t until = place.after ? high : entries();
      const double part = (static_cast<double>(target) - from) / (to - from);
      if (!(part >= 0)) return half;
      return low + static_cast<std::uint32_t>(std::min(part, 1.0) * (until - low));
    });
  }

 private:
  template <class>
  friend class IndexFile;

  Result<void> read(std::uint32_t first, std::uint32_t count, std::byte* into) const {
    MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> opened, file->get(wait));
    const std::size_t bytes = std::size_t{count} * Format::kEntryBytes;
    MOLDAU_ASSIGN_OR_RETURN(
        const std::size_t got,
        opened->read(MutableBytes(into, bytes), std::uint64_t{first} * Format::kEntryBytes, wait));
    if (got != bytes)
      return Error(ErrorCode::kCorruptMessage, file->path() + " is shorter than it was");
    return {};
  }
};

/// What the indexes of a segment share: entries at the end of a file, the last ones in a small
/// buffer until it is full or someone flushes, since a crash rebuilds every index behind the
/// recovery point anyway. Never memory-mapped.
///
/// Owner    its segment.
/// Thread   as its segment.
/// Bounds   the segment writes once kBufferedMax entries wait.
/// Errors   kKafkaStorageError.
template <class Format>
class IndexFile {
 public:
  using Entry = typename Format::Entry;
  static constexpr std::uint32_t kEntryBytes = Format::kEntryBytes;
  static constexpr std::size_t kBufferedMax = 64;

  /// Writes what waits in memory. A missing file is created.
  Result<void> write_buffered() {
    MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> opened, file_->get_or_create());
    if (buffered_.empty()) return {};
    std::vector<std::byte> bytes(buffered_.size() * kEntryBytes);
    for (std::size_t n = 0; n < buffered_.size(); ++n)
      Format::encode(base_offset_, buffered_[n], bytes.data() + n * kEntryBytes);
    MOLDAU_TRY(opened->write(ByteView(bytes), std::uint64_t{file_entries_} * kEntryBytes));
    file_entries_ += static_cast<std::uint32_t>(buffered_.size());
    buffered_.clear();
    return {};
  }
  /// Writes and cuts the file to its entries.
  Result<void> trim() {
    MOLDAU_TRY(write_buffered());
    MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> opened, file_->get());
    MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, opened->size());
    const std::uint64_t used = std::uint64_t{file_entries_} * kEntryBytes;
    return size == used ? Result<void>() : opened->truncate(used);
  }
  /// Forgets entries at or above `offset`.
  Result<void> truncate_to(Offset offset) {
    MOLDAU_TRY(write_buffered());
    const auto kept = [&](const Entry& entry) { return entry.offset < offset; };
    MOLDAU_ASSIGN_OR_RETURN(const auto place, in_file(file_entries_).halve(kept));
    keep(place.count, place.before);
    return trim();
  }
  void clear() {
    file_entries_ = 0;
    buffered_.clear();
    last_ = Format::nothing(base_offset_);
  }

  std::uint32_t entries() const {
    return file_entries_ + static_cast<std::uint32_t>(buffered_.size());
  }
  std::size_t waiting() const { return buffered_.size(); }
  /// Format::nothing if it is empty.
  Entry last() const { return last_; }
  const std::shared_ptr<const LogFile>& file() const { return file_; }
  void set_file(std::shared_ptr<const LogFile> file) { file_ = std::move(file); }
  /// Drops the buffer's memory (after write_buffered()).
  void shrink() { buffered_.shrink_to_fit(); }

 protected:
  IndexFile(Offset base_offset, std::shared_ptr<const LogFile> file)
      : base_offset_(base_offset), file_(std::move(file)) {}

  /// Takes the entries of the file for which `in_use` holds. An index that was never closed ends
  /// in zeros; entries rise strictly, so the valid ones are a prefix, found by halving: an entry of
  /// zeros is one that no later entry can be. False: the file is missing or oddly sized.
  template <class InUse>
  Result<bool> load_prefix(const InUse& in_use) {
    clear();
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<std::uint32_t> count, count_in_file());
    if (!count) return false;
    if (*count == 0) return true;
    const IndexView<Format> whole = in_file(*count);
    MOLDAU_ASSIGN_OR_RETURN(const Entry end, whole.entry(*count - 1));
    if (in_use(end)) {
      keep(*count, end);
      return true;
    }
    MOLDAU_ASSIGN_OR_RETURN(const auto place, whole.halve(in_use));
    keep(place.count, place.before);
    return true;
  }
  /// A look at the first `count` entries of the file.
  IndexView<Format> in_file(std::uint32_t count) const {
    return {base_offset_, file_, count, {}, {}, env::Wait::kForDevice};
  }
  void push(const Entry& entry) {
    buffered_.push_back(entry);
    last_ = entry;
  }
  Offset base_offset_;
  std::shared_ptr<const LogFile> file_;
  std::uint32_t file_entries_ = 0;
  Entry last_ = Format::nothing(base_offset_);
  std::vector<Entry> buffered_;

 private:
  /// The entries there may be in the file; nothing if it is missing or oddly sized.
  Result<std::optional<std::uint32_t>> count_in_file() const {
    auto opened = file_->get();
    if (!opened.ok()) {
      if (opened.error().os_error == ENOENT) return std::optional<std::uint32_t>();
      return opened.error();
    }
    MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, (*opened)->size());
    if (size % kEntryBytes != 0 || size / kEntryBytes > UINT32_MAX)
      return std::optional<std::uint32_t>();
    return std::optional(static_cast<std::uint32_t>(size / kEntryBytes));
  }
  /// Keeps the first `count` entries, which end in `last`.
  void keep(std::uint32_t count, const std::optional<Entry>& last) {
    file_entries_ = count;
    last_ = last.value_or(Format::nothing(base_offset_));
  }
};

}  // namespace moldau::log
