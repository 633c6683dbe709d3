// SPDX-License-Identifier: Apache-2.0
#include "machine/share/share_partition.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace moldau::share {

SharePartition::SharePartition(LeaderEpoch leader_epoch, std::int32_t state_epoch, Offset start)
    : leader_epoch_(leader_epoch),
      state_epoch_(state_epoch),
      start_offset_(start),
      end_offset_(start) {}

bool SharePartition::recover(const std::vector<StateBatch>& batches) {
  std::optional<Offset> gap_start;
  Offset expected = start_offset_;
  for (const StateBatch& batch : batches) {
    if (batch.first < expected || batch.last < batch.first || batch.last == Offset(INT64_MAX))
      return false;
    if (!gap_start && batch.first > expected) gap_start = expected;
    expected = batch.last + 1;
    // What was acquired or being given up when the state was written has nobody any more.
    DeliveryState state = batch.state;
    if (state == DeliveryState::kAcquired) state = DeliveryState::kAvailable;
    if (state == DeliveryState::kArchiving) state = DeliveryState::kArchived;
    batches_.emplace(batch.first, InFlightBatch(batch.first, batch.last,
                                                InFlightState(state, batch.delivery_count)));
    if (is_terminal(state))
      complete_count_ += static_cast<std::int32_t>(batch.last - batch.first + 1);
  }
  if (batches_.empty()) return true;
  look_for_free_ = true;
  end_offset_ = batches_.rbegin()->second.last();
  if (gap_start) gap_window_ = GapWindow(end_offset_, *gap_start);
  (void)advance_start();
  return true;
}

std::int64_t SharePartition::in_flight() const {
  return batches_.empty() ? 0 : end_offset_ - start_offset_ + 1;
}

InFlightBatches::iterator SharePartition::floor(Offset offset) {
  auto at = batches_.upper_bound(offset);
  return at == batches_.begin() ? batches_.end() : std::prev(at);
}

InFlightBatches::const_iterator SharePartition::floor(Offset offset) const {
  auto at = batches_.upper_bound(offset);
  return at == batches_.begin() ? batches_.end() : std::prev(at);
}

/// Of these offsets, so many are at or behind the start.
std::int64_t SharePartition::counted(Offset first, Offset last) const {
  return last < start_offset_ ? 0 : last - std::max(start_offset_, first) + 1;
}

Offset SharePartition::next_fetch_offset() {
  // What was given up by an acquire, or lay behind a gap, had nobody to move the start.
  (void)advance_start();
  if (batches_.empty() || start_offset_ > batches_.rbegin()->second.last()) {
    look_for_free_ = false;
    return end_offset_;
  }
  if (!look_for_free_) return end_offset_ + 1;
  std::optional<Offset> gap;
  if (gap_window_active()) gap = gap_window_->gap_start;
  for (const auto& [first, batch] : batches_) {
    if (gap) {
      if (first > *gap) return *gap;
      gap = std::max(batch.last() + 1, *gap);
    }
    for (const InFlightRun& run : batch.runs())
      if (run.state.is_free()) return run.first;
  }
  look_for_free_ = false;
  // All is in flight: nothing is missing any more.
  if (std::exchange(gap_window_, std::nullopt) && advance_start()) return next_fetch_offset();
  return end_offset_ + 1;
}

bool SharePartition::can_acquire(const SharePartitionSettings& settings) {
  return next_fetch_offset() != end_offset_ + 1 || in_flight() < settings.record_locks_max;
}

void SharePartition::move_gap_window(Offset offset) {
  if (!gap_window_) return;
  if (gap_window_->end == end_offset_ && offset <= gap_window_->end) {
    gap_window_->gap_start = offset;
  } else {
    gap_window_.reset();
  }
}

void SharePartition::note_lock(MonoTime until) {
  if (!earliest_lock_ || until < *earliest_lock_) earliest_lock_ = until;
}

// --- the start ----------------------------------------------------------------------------------

bool SharePartition::start_is_terminal() const {
  const auto at = floor(start_offset_);
  if (at == batches_.end()) return false;
  // A start in a gap is where the batch before it has ended.
  const InFlightState& state = at->second.at(std::min(start_offset_, at->second.last()));
  return !state.under_way() && is_terminal(state.state);
}

/// The last of the offsets in front that are all done with, -1 if there is none, and how many of
/// them count.
std::pair<Offset, std::int64_t> SharePartition::terminal_prefix() const {
  Offset last(-1);
  std::int64_t count = 0;
  for (const auto& [first, batch] : batches_) {
    if (gap_window_active() && batch.last() >= gap_window_->gap_start) break;
    for (const InFlightRun& run : batch.runs()) {
      const bool is_gone = run.last < start_offset_;
      if (!is_gone && (run.state.under_way() || !is_terminal(run.state.state)))
        return {last, count};
      last = run.last;
      if (is_terminal(run.state.state)) count += counted(run.first, run.last);
    }
  }
  return {last, count};
}

/// True if the start has moved behind what is done with.
bool SharePartition::advance_start() {
  if (!start_is_terminal()) return false;
  const auto [last, count] = terminal_prefix();
  if (last == Offset(-1)) return false;
  if (last == batches_.rbegin()->second.last()) {
    start_offset_ = last + 1;
    end_offset_ = start_offset_;
    batches_.clear();
    complete_count_ = 0;
    return true;
  }
  auto at = floor(last);
  if (last == at->second.last()) {
    ++at;
    Offset next = at->first;
    if (gap_window_active()) next = std::min(gap_window_->gap_start, next);
    start_offset_ = std::max(start_offset_, next);
  } else {
    start_offset_ = std::max(start_offset_, last + 1);
  }
  complete_count_ -= static_cast<std::int32_t>(count);
  batches_.erase(batches_.begin(), at);
  return true;
}

void SharePartition::advance_log_start(Offset log_start) {
  if (log_start <= start_offset_) return;
  if (batches_.empty()) {
    start_offset_ = log_start;
    end_offset_ = log_start;
    complete_count_ = 0;
    return;
  }
  std::int64_t gone = 0;
  for (const auto& [first, batch] : batches_)
    for (const InFlightRun& run : batch.runs())
      if (is_terminal(run.state.state) && run.first < log_start)
        gone += counted(run.first, std::min(run.last, log_start - 1));
  if (archive(start_offset_, log_start - 1, DeliveryState::kAvailable, false))
    look_for_free_ = true;
  start_offset_ = log_start;
  if (gap_window_) gap_window_->gap_start = std::max(gap_window_->gap_start, log_start);
  complete_count_ -= static_cast<std::int32_t>(gone);
  end_offset_ = std::max(end_offset_, start_offset_);
  (void)advance_start();
}

/// Gives up what is in state `from` there. True if there was anything.
bool SharePartition::archive(Offset first, Offset last, DeliveryState from, bool count) {
  bool any = false;
  auto at = floor(first);
  if (at == batches_.end()) at = batches_.begin();
  for (; at != batches_.end() && at->first <= last; ++at) {
    InFlightBatch& batch = at->second;
    if (batch.last() < first) continue;
    const bool is_part = batch.first() < first || batch.last() > last;
    if (!batch.by_offset()) {
      if (batch.whole().state != from) continue;
      if (is_part) batch.treat_by_offset();
    }
    for (InFlightRun* run :
         batch.cut(std::max(first, batch.first()), std::min(last, batch.last()))) {
      if (run->state.state != from) continue;
      run->state.archive();
      if (count) complete_count_ += static_cast<std::int32_t>(run->count());
      any = true;
    }
    batch.join();
  }
  return any;
}

// --- time ---------------------------------------------------------------------------------------

std::optional<StateToWrite> SharePartition::tick(const SharePartitionSettings& settings,
                                                 MonoTime now) {
  if (!earliest_lock_ || now < *earliest_lock_) return std::nullopt;
  earliest_lock_.reset();
  std::vector<StateBatch> changed;
  for (auto& [first, batch] : batches_) {
    const bool spans_start = first < start_offset_ && batch.last() >= start_offset_;
    const auto is_due = [&](const InFlightRun& run) {
      return run.state.lock_until && *run.state.lock_until <= now &&
             run.state.state == DeliveryState::kAcquired && !run.state.under_way();
    };
    if (spans_start && std::any_of(batch.runs().begin(), batch.runs().end(), is_due)) {
      batch.treat_by_offset();
      (void)batch.cut(start_offset_, batch.last());
    }
    for (InFlightRun& run : batch.runs()) {
      if (!is_due(run)) {
        // What is being written looks at its lock when that has ended.
        if (run.state.lock_until && *run.state.lock_until > now) note_lock(*run.state.lock_until);
        continue;
      }
      const bool is_gone = run.last < start_offset_;
      run.state.release(is_gone ? DeliveryState::kArchived : DeliveryState::kAvailable,
                        settings.delivery_limit);
      changed.emplace_back(run.first, run.last, run.state.state, run.state.delivery_count);
      if (run.state.state != DeliveryState::kArchived) look_for_free_ = true;
      if (is_terminal(run.state.state))
        complete_count_ += static_cast<std::int32_t>(counted(run.first, run.last));
    }
    batch.join();
  }
  if (changed.empty()) return std::nullopt;
  return to_write(TransitionId(0), std::move(changed));
}

StateToWrite SharePartition::to_write(TransitionId id, std::vector<StateBatch> batches) const {
  StateToWrite out;
  out.id = id;
  out.state_epoch = state_epoch_;
  out.leader_epoch = leader_epoch_;
  out.start_offset = start_offset_;
  out.delivery_complete_count = complete_count_;
  out.batches = std::move(batches);
  return out;
}

/// The transitions of `batches` are over; what was not stored is as before.
void SharePartition::complete(TransitionId id, const std::vector<StateBatch>& batches, bool stored,
                              const SharePartitionSettings& settings, MonoTime now) {
  for (const StateBatch& changed : batches) {
    auto at = floor(changed.first);
    if (at == batches_.end()) at = batches_.begin();
    for (; at != batches_.end() && at->first <= changed.last; ++at) {
      InFlightBatch& batch = at->second;
      for (InFlightRun& run : batch.runs()) {
        if (run.state.transition != id) continue;
        const bool was_terminal = is_terminal(run.state.state);
        run.state.finish(stored, now, settings.delivery_limit);
        if (run.state.state == DeliveryState::kAvailable) look_for_free_ = true;
        if (run.state.lock_until) note_lock(*run.state.lock_until);
        if (was_terminal && !is_terminal(run.state.state))
          complete_count_ -= static_cast<std::int32_t>(counted(run.first, run.last));
      }
      batch.join();
    }
  }
}

bool SharePartition::written(TransitionId id, bool stored, const SharePartitionSettings& settings,
                             MonoTime now) {
  const auto found = transitions_.find(id);
  if (found != transitions_.end()) {
    complete(id, found->second, stored, settings, now);
    transitions_.erase(found);
  }
  // Released locks are available whether that is stored or not.
  if (!stored && id.value() != 0) return true;
  return advance_start();
}

}  // namespace moldau::share
