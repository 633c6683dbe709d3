// SPDX-License-Identifier: Apache-2.0
#include "machine/share/state_batch.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace moldau::share {
namespace {

std::pair<std::int16_t, DeliveryState> fate_of(const StateBatch& batch) {
  return {batch.delivery_count, batch.state};
}

struct ByOffset {
  bool operator()(const StateBatch& a, const StateBatch& b) const {
    return std::tuple(a.first, a.last, fate_of(a)) < std::tuple(b.first, b.last, fate_of(b));
  }
};
using Sorted = std::set<StateBatch, ByOffset>;

StateBatch part_of(const StateBatch& batch, Offset first, Offset last) {
  return {first, last, batch.state, batch.delivery_count};
}

/// Two that overlap or touch with the same fate, `earlier` first in order; what is left of them
/// goes back among the others.
void merge(const StateBatch& earlier, const StateBatch& later, Sorted& sorted) {
  if (fate_of(earlier) == fate_of(later)) {
    sorted.insert(part_of(earlier, earlier.first, std::max(earlier.last, later.last)));
    return;
  }
  if (fate_of(later) < fate_of(earlier)) {
    sorted.insert(earlier);
    if (later.last > earlier.last) sorted.insert(part_of(later, earlier.last + 1, later.last));
    return;
  }
  if (earlier.first < later.first) sorted.insert(part_of(earlier, earlier.first, later.first - 1));
  sorted.insert(later);
  if (earlier.last > later.last) sorted.insert(part_of(earlier, later.last + 1, earlier.last));
}

void take(const std::vector<StateBatch>& from, Offset start, std::vector<StateBatch>& out) {
  for (const StateBatch& batch : from) {
    if (start != Offset(-1) && batch.last < start) continue;
    const bool is_cut = start != Offset(-1) && batch.first < start;
    out.push_back(is_cut ? part_of(batch, start, batch.last) : batch);
  }
}

}  // namespace

std::vector<StateBatch> combine_state_batches(const std::vector<StateBatch>& so_far,
                                              const std::vector<StateBatch>& added, Offset start) {
  std::vector<StateBatch> all;
  all.reserve(so_far.size() + added.size());
  take(so_far, start, all);
  take(added, start, all);
  if (all.size() < 2) return all;
  Sorted sorted(all.begin(), all.end());
  std::vector<StateBatch> out;
  // The first batch of the rest is final as soon as the next one leaves it alone.
  while (sorted.size() > 1) {
    const StateBatch first = *sorted.begin();
    sorted.erase(sorted.begin());
    const StateBatch next = *sorted.begin();
    const bool touch = first.last + 1 == next.first && fate_of(first) == fate_of(next);
    if (next.first > first.last && !touch) {
      out.push_back(first);
      continue;
    }
    sorted.erase(sorted.begin());
    merge(first, next, sorted);
  }
  out.insert(out.end(), sorted.begin(), sorted.end());
  return out;
}

}  // namespace moldau::share
