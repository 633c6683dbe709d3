// SPDX-License-Identifier: Apache-2.0
#include "log/offset_index.h"

#include <algorithm>

#include "record/big_endian.h"

namespace moldau::log {

using record::load_big;
using record::store_big;

OffsetPosition OffsetIndexFormat::decode(Offset base, const std::byte* from) {
  const auto relative = load_big<std::uint32_t>(from);
  return {base + relative, load_big<std::uint32_t>(from + 4)};
}

void OffsetIndexFormat::encode(Offset base, const OffsetPosition& entry, std::byte* to) {
  store_big(to, static_cast<std::uint32_t>(entry.offset - base));
  store_big(to + 4, entry.position);
}

Result<OffsetPosition> OffsetIndexView::lookup(Offset target) const {
  const auto not_above = [&](const OffsetPosition& entry) { return entry.offset <= target; };
  const auto in_tail = std::partition_point(tail.begin(), tail.end(), not_above);
  if (in_tail != tail.begin()) return *std::prev(in_tail);
  const auto key = [](const OffsetPosition& entry) { return entry.offset.value(); };
  MOLDAU_ASSIGN_OR_RETURN(const Place place,
                          interpolate(not_above, key, base_offset.value(), target.value()));
  return place.before.value_or(OffsetPosition{base_offset, 0});
}

Result<std::optional<OffsetPosition>> OffsetIndexView::first_at_or_after(
    std::uint64_t position) const {
  const auto before = [&](const OffsetPosition& entry) { return entry.position < position; };
  const auto key = [](const OffsetPosition& entry) { return std::int64_t{entry.position}; };
  const auto target = static_cast<std::int64_t>(std::min<std::uint64_t>(position, UINT32_MAX));
  MOLDAU_ASSIGN_OR_RETURN(const Place place, interpolate(before, key, 0, target));
  if (place.after) return place.after;
  const auto in_tail = std::partition_point(tail.begin(), tail.end(), before);
  if (in_tail == tail.end()) return std::optional<OffsetPosition>();
  return std::optional(*in_tail);
}

Result<bool> OffsetIndex::load(std::uint64_t log_bytes) {
  const auto in_use = [&](const OffsetPosition& e) {
    return e.offset > base_offset_ || e.position > 0;
  };
  MOLDAU_ASSIGN_OR_RETURN(const bool there, load_prefix(in_use));
  if (!there || entries() == 0) return there;
  return last_.offset >= base_offset_ && last_.position < log_bytes;
}

void OffsetIndex::append(Offset offset, std::uint32_t position) {
  if (entries() > 0 && offset <= last_.offset) return;
  push({offset, position});
}

}  // namespace moldau::log
