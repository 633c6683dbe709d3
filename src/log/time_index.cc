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
  const auto in_use = [&](const TimestampOffset& e) {
    return e.timestamp.value() > 0 || e.offset > base_offset_;
  };
  MOLDAU_ASSIGN_OR_RETURN(const bool there, load_prefix(in_use));
  if (!there || entries() == 0) return there;
  MOLDAU_ASSIGN_OR_RETURN(const TimestampOffset first, in_file(file_entries_).entry(0));
  return last_.timestamp >= first.timestamp && last_.offset >= base_offset_;
}

void TimeIndex::maybe_append(Timestamp timestamp, Offset offset) {
  if (timestamp <= last_.timestamp || (entries() > 0 && offset < last_.offset)) return;
  push({timestamp, offset});
}

}  // namespace moldau::log
