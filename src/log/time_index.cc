// SPDX-License-Identifier: Apache-2.0
#include "log/time_index.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "record/big_endian.h"

namespace moldau::log {
namespace {

using record::load_big;
using record::store_big;

constexpr std::uint32_t kEntry = TimeIndex::kEntryBytes;
constexpr std::uint32_t kBlockEntries = 64;

TimestampOffset decode(Offset base, const std::byte* from) {
  return {Timestamp(load_big<std::int64_t>(from)), base + load_big<std::uint32_t>(from + 8)};
}

void encode(Offset base, const TimestampOffset& entry, std::byte* to) {
  store_big(to, entry.timestamp.value());
  store_big(to + 8, static_cast<std::uint32_t>(entry.offset - base));
}

Result<void> read_entries(const TimeIndexView& view, std::uint32_t first, std::uint32_t count,
                          std::byte* into) {
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, view.file->get());
  MOLDAU_ASSIGN_OR_RETURN(
      const std::size_t got,
      file->read(MutableBytes(into, std::size_t{count} * kEntry), std::uint64_t{first} * kEntry));
  if (got != std::size_t{count} * kEntry)
    return Error(ErrorCode::kCorruptMessage, view.file->path() + " is shorter than it was");
  return {};
}

template <class Below>
Result<std::uint32_t> count_below(const TimeIndexView& view, Below below) {
  std::uint32_t low = 0;
  std::uint32_t high = view.file_entries;
  std::array<std::byte, std::size_t{kBlockEntries} * kEntry> block;
  while (high - low > kBlockEntries) {
    const std::uint32_t middle = low + (high - low) / 2;
    MOLDAU_TRY(read_entries(view, middle, 1, block.data()));
    if (below(decode(view.base_offset, block.data()))) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (high == low) return low;
  MOLDAU_TRY(read_entries(view, low, high - low, block.data()));
  std::uint32_t n = 0;
  while (n < high - low && below(decode(view.base_offset, block.data() + std::size_t{n} * kEntry)))
    ++n;
  return low + n;
}

}  // namespace

Result<TimestampOffset> TimeIndexView::entry(std::uint32_t n) const {
  MOLDAU_CHECK(n < entries(), "no such index entry");
  if (n >= file_entries) return tail[n - file_entries];
  std::array<std::byte, kEntry> bytes;
  MOLDAU_TRY(read_entries(*this, n, 1, bytes.data()));
  return decode(base_offset, bytes.data());
}

Result<TimestampOffset> TimeIndexView::lookup(Timestamp target) const {
  const auto not_above = [&](const TimestampOffset& entry) { return entry.timestamp <= target; };
  const auto in_tail = std::partition_point(tail.begin(), tail.end(), not_above);
  if (in_tail != tail.begin()) return *std::prev(in_tail);
  MOLDAU_ASSIGN_OR_RETURN(const std::uint32_t count, count_below(*this, not_above));
  if (count == 0) return TimestampOffset{Timestamp(-1), base_offset};
  return entry(count - 1);
}

Result<bool> TimeIndex::load() {
  clear();
  auto opened = file_->get();
  if (!opened.ok()) return opened.error().os_error == ENOENT ? Result<bool>(false) : opened.error();
  MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, (*opened)->size());
  if (size % kEntryBytes != 0 || size / kEntryBytes > UINT32_MAX) return false;
  TimeIndexView whole{base_offset_, file_, static_cast<std::uint32_t>(size / kEntryBytes), {}};
  std::uint32_t count = whole.file_entries;
  if (count > 0) {
    // As in the offset index, zeros behind the entries of an index that was never closed.
    const auto in_use = [&](const TimestampOffset& e) {
      return e.timestamp.value() > 0 || e.offset > base_offset_;
    };
    MOLDAU_ASSIGN_OR_RETURN(const TimestampOffset last, whole.entry(count - 1));
    if (!in_use(last)) {
      MOLDAU_ASSIGN_OR_RETURN(count, count_below(whole, in_use));
    }
  }
  file_entries_ = count;
  if (count == 0) return true;
  MOLDAU_ASSIGN_OR_RETURN(const TimestampOffset first, whole.entry(0));
  MOLDAU_ASSIGN_OR_RETURN(last_, whole.entry(count - 1));
  return last_.timestamp >= first.timestamp && last_.offset >= base_offset_;
}

void TimeIndex::maybe_append(Timestamp timestamp, Offset offset) {
  if (timestamp <= last_.timestamp || (entries() > 0 && offset < last_.offset)) return;
  buffered_.push_back({timestamp, offset});
  last_ = buffered_.back();
}

Result<void> TimeIndex::write_buffered() {
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, file_->get_or_create());
  if (buffered_.empty()) return {};
  std::vector<std::byte> bytes(buffered_.size() * kEntryBytes);
  for (std::size_t n = 0; n < buffered_.size(); ++n)
    encode(base_offset_, buffered_[n], bytes.data() + n * kEntryBytes);
  MOLDAU_TRY(file->write(ByteView(bytes), std::uint64_t{file_entries_} * kEntryBytes));
  file_entries_ += static_cast<std::uint32_t>(buffered_.size());
  buffered_.clear();
  return {};
}

Result<void> TimeIndex::trim() {
  MOLDAU_TRY(write_buffered());
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, file_->get());
  MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  const std::uint64_t used = std::uint64_t{file_entries_} * kEntryBytes;
  return size == used ? Result<void>() : file->truncate(used);
}

Result<void> TimeIndex::truncate_to(Offset offset) {
  MOLDAU_TRY(write_buffered());
  const TimeIndexView all = view();
  MOLDAU_ASSIGN_OR_RETURN(file_entries_, count_below(all, [&](const TimestampOffset& entry) {
                            return entry.offset < offset;
                          }));
  last_ = {Timestamp(-1), base_offset_};
  if (file_entries_ > 0) {
    MOLDAU_ASSIGN_OR_RETURN(last_, view().entry(file_entries_ - 1));
  }
  return trim();
}

void TimeIndex::clear() {
  file_entries_ = 0;
  buffered_.clear();
  last_ = {Timestamp(-1), base_offset_};
}

}  // namespace moldau::log
