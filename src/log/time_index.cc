// SPDX-License-Identifier: Apache-2.0
#include "log/time_index.h"

#include <algorithm>

#include "record/big_endian.h"

namespace moldau::log {

using record::load_big;
using record::store_big;

TimestampOffset TimeIndexFormat::decode(Offset base, const std::byte* from) {
  return {Timestamp(load_big<std::int64_t>(from)), base + load_big<std::uint32_t>(from + 8)};
}

void TimeIndexFormat::encode(Offset base, const TimestampOffset& entry, std::byte* to) {
  store_big(to, entry.timestamp.value());
  store_big(to + 8, static_cast<std::uint32_t>(entry.offset - base));
}

Result<TimestampOffset> TimeIndexView::lookup(Timestamp target) const {
  const auto not_above = [&](const TimestampOffset& entry) { return entry.timestamp <= target; };
  const auto in_tail = std::partition_point(tail.begin(), tail.end(), not_above);
  if (in_tail != tail.begin()) return *std::prev(in_tail);
  // Clients make timestamps: they need not rise evenly, so guessing gains nothing.
  MOLDAU_ASSIGN_OR_RETURN(const Place place, halve(not_above));
  return place.before.value_or(TimeIndexFormat::nothing(base_offset));
}

Result<bool> TimeIndex::load() {
  clear();
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<std::uint32_t> on_disk, count_on_disk());
  if (!on_disk) return false;
  if (*on_disk == 0) return true;
  // As in the offset index, zeros behind the entries of an index that was never closed.
  const auto in_use = [&](const TimestampOffset& e) {
    return e.timestamp.value() > 0 || e.offset > base_offset_;
  };
  const TimeIndexView whole{{base_offset_, file_, *on_disk, {}, {}}};
  MOLDAU_ASSIGN_OR_RETURN(const TimestampOffset end, whole.entry(*on_disk - 1));
  if (in_use(end)) {
    keep(*on_disk, end);
  } else {
    MOLDAU_ASSIGN_OR_RETURN(const auto place, whole.halve(in_use));
    keep(place.count, place.before);
    if (place.count == 0) return true;
  }
  MOLDAU_ASSIGN_OR_RETURN(const TimestampOffset first, whole.entry(0));
  return last_.timestamp >= first.timestamp && last_.offset >= base_offset_;
}

void TimeIndex::maybe_append(Timestamp timestamp, Offset offset) {
  if (timestamp <= last_.timestamp || (entries() > 0 && offset < last_.offset)) return;
  push({timestamp, offset});
}

Result<void> TimeIndex::truncate_to(Offset offset) {
  MOLDAU_TRY(write_buffered());
  const auto kept = [&](const TimestampOffset& entry) { return entry.offset < offset; };
  MOLDAU_ASSIGN_OR_RETURN(const auto place, view().halve(kept));
  keep(place.count, place.before);
  return trim();
}

}  // namespace moldau::log
