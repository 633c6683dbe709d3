// SPDX-License-Identifier: Apache-2.0
#include "machine/share/in_flight.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace moldau::share {

void InFlightState::begin(TransitionId id, DeliveryState next, std::int16_t delivery_limit) {
  transition = id;
  before = state;
  member_before = member;
  const bool is_last = next == DeliveryState::kAvailable && delivery_count >= delivery_limit;
  state = is_last ? DeliveryState::kArchived : next;
  member = nullptr;
}

void InFlightState::finish(bool written, MonoTime now, std::int16_t delivery_limit) {
  transition = TransitionId(0);
  MemberName owner = std::exchange(member_before, nullptr);
  if (written || final) {
    lock_until.reset();
    return;
  }
  if (lock_until && *lock_until <= now) {
    release(DeliveryState::kAvailable, delivery_limit);
    return;
  }
  state = before;
  member = std::move(owner);
}

void InFlightState::archive() {
  final = true;
  state = DeliveryState::kArchived;
  member = nullptr;
  lock_until.reset();
}

void InFlightState::release(DeliveryState next, std::int16_t delivery_limit) {
  const bool is_last = next == DeliveryState::kAvailable && delivery_count >= delivery_limit;
  state = is_last ? DeliveryState::kArchived : next;
  member = nullptr;
  lock_until.reset();
}

void InFlightBatch::cut_before(Offset offset) {
  const auto at = std::lower_bound(runs_.begin(), runs_.end(), offset,
                                   [](const InFlightRun& run, Offset o) { return run.last < o; });
  if (at == runs_.end() || at->first >= offset) return;
  InFlightRun tail(offset, at->last, at->state);
  at->last = offset - 1;
  runs_.insert(at + 1, std::move(tail));
}

std::vector<InFlightRun*> InFlightBatch::cut(Offset first, Offset last) {
  std::vector<InFlightRun*> out;
  if (last < first) return out;
  cut_before(first);
  cut_before(last + 1);
  for (InFlightRun& run : runs_)
    if (run.first >= first && run.last <= last) out.push_back(&run);
  return out;
}

void InFlightBatch::join() {
  std::vector<InFlightRun> joined;
  joined.reserve(runs_.size());
  for (InFlightRun& run : runs_) {
    if (!joined.empty() && joined.back().state == run.state) {
      joined.back().last = run.last;
    } else {
      joined.push_back(std::move(run));
    }
  }
  runs_ = std::move(joined);
}

const InFlightState& InFlightBatch::at(Offset offset) const {
  const auto at = std::lower_bound(runs_.begin(), runs_.end(), offset,
                                   [](const InFlightRun& run, Offset o) { return run.last < o; });
  MOLDAU_CHECK(at != runs_.end() && at->first <= offset, "an offset of the batch");
  return at->state;
}

}  // namespace moldau::share
