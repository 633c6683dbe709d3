// SPDX-License-Identifier: Apache-2.0
#include "log/offset_index.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "record/big_endian.h"

namespace moldau::log {
namespace {

using record::load_big;
using record::store_big;

constexpr std::uint32_t kEntry = OffsetIndex::kEntryBytes;
/// So many entries are read at once at the end of a search.
constexpr std::uint32_t kBlockEntries = 64;

OffsetPosition decode(Offset base, const std::byte* from) {
  const auto relative = load_big<std::uint32_t>(from);
  return {base + relative, load_big<std::uint32_t>(from + 4)};
}

void encode(Offset base, const OffsetPosition& entry, std::byte* to) {
  store_big(to, static_cast<std::uint32_t>(entry.offset - base));
  store_big(to + 4, entry.position);
}

Result<std::size_t> read_entries(const OffsetIndexView& view, std::uint32_t first,
                                 std::uint32_t count, std::byte* into) {
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, view.file->get());
  MOLDAU_ASSIGN_OR_RETURN(
      const std::size_t got,
      file->read(MutableBytes(into, std::size_t{count} * kEntry), std::uint64_t{first} * kEntry));
  if (got != std::size_t{count} * kEntry)
    return Error(ErrorCode::kCorruptMessage, view.file->path() + " is shorter than it was");
  return got;
}

/// Number of entries in the file for which `below` holds; it holds for a prefix of them.
template <class Below>
Result<std::uint32_t> count_below(const OffsetIndexView& view, Below below) {
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

Result<OffsetPosition> OffsetIndexView::entry(std::uint32_t n) const {
  MOLDAU_CHECK(n < entries(), "no such index entry");
  if (n >= file_entries) return tail[n - file_entries];
  std::array<std::byte, kEntry> bytes;
  MOLDAU_TRY(read_entries(*this, n, 1, bytes.data()));
  return decode(base_offset, bytes.data());
}

Result<OffsetPosition> OffsetIndexView::lookup(Offset target) const {
  const auto not_above = [&](const OffsetPosition& entry) { return entry.offset <= target; };
  const auto in_tail = std::partition_point(tail.begin(), tail.end(), not_above);
  if (in_tail != tail.begin()) return *std::prev(in_tail);
  MOLDAU_ASSIGN_OR_RETURN(const std::uint32_t count, count_below(*this, not_above));
  if (count == 0) return OffsetPosition{base_offset, 0};
  return entry(count - 1);
}

Result<std::optional<OffsetPosition>> OffsetIndexView::first_at_or_after(
    std::uint64_t position) const {
  const auto before = [&](const OffsetPosition& entry) { return entry.position < position; };
  MOLDAU_ASSIGN_OR_RETURN(const std::uint32_t count, count_below(*this, before));
  if (count < file_entries) {
    MOLDAU_ASSIGN_OR_RETURN(const OffsetPosition found, entry(count));
    return std::optional(found);
  }
  const auto in_tail = std::partition_point(tail.begin(), tail.end(), before);
  if (in_tail == tail.end()) return std::optional<OffsetPosition>();
  return std::optional(*in_tail);
}

Result<bool> OffsetIndex::load(std::uint64_t log_bytes) {
  clear();
  auto opened = file_->get();
  if (!opened.ok()) return opened.error().os_error == ENOENT ? Result<bool>(false) : opened.error();
  const std::shared_ptr<env::File>& file = *opened;
  MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  if (size % kEntryBytes != 0 || size / kEntryBytes > UINT32_MAX) return false;
  // An index that was never closed ends in zeros. Entries rise strictly, so the valid ones are a
  // prefix, found by halving: an entry of zeros is one that no later entry can be.
  OffsetIndexView whole{base_offset_, file_, static_cast<std::uint32_t>(size / kEntryBytes), {}};
  std::uint32_t count = whole.file_entries;
  if (count > 0) {
    MOLDAU_ASSIGN_OR_RETURN(const OffsetPosition last, whole.entry(count - 1));
    if (last.offset <= base_offset_ && last.position == 0) {
      const auto in_use = [&](const OffsetPosition& e) {
        return e.offset > base_offset_ || e.position > 0;
      };
      MOLDAU_ASSIGN_OR_RETURN(count, count_below(whole, in_use));
    }
  }
  file_entries_ = count;
  if (count == 0) return true;
  MOLDAU_ASSIGN_OR_RETURN(last_, whole.entry(count - 1));
  return last_.offset >= base_offset_ && last_.position < log_bytes;
}

void OffsetIndex::append(Offset offset, std::uint32_t position) {
  if (entries() > 0 && offset <= last_.offset) return;
  buffered_.push_back({offset, position});
  last_ = buffered_.back();
}

Result<void> OffsetIndex::write_buffered() {
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

Result<void> OffsetIndex::trim() {
  MOLDAU_TRY(write_buffered());
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, file_->get());
  MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  const std::uint64_t used = std::uint64_t{file_entries_} * kEntryBytes;
  return size == used ? Result<void>() : file->truncate(used);
}

Result<void> OffsetIndex::truncate_to(Offset offset) {
  MOLDAU_TRY(write_buffered());
  const OffsetIndexView all = view();
  MOLDAU_ASSIGN_OR_RETURN(file_entries_, count_below(all, [&](const OffsetPosition& entry) {
                            return entry.offset < offset;
                          }));
  last_ = {base_offset_, 0};
  if (file_entries_ > 0) {
    MOLDAU_ASSIGN_OR_RETURN(last_, view().entry(file_entries_ - 1));
  }
  return trim();
}

void OffsetIndex::clear() {
  file_entries_ = 0;
  buffered_.clear();
  last_ = {base_offset_, 0};
}

}  // namespace moldau::log
