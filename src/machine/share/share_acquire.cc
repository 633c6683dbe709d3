// SPDX-License-Identifier: Apache-2.0
// SharePartition: who gets which records.
#include <algorithm>
#include <set>

#include "base/check.h"
#include "machine/share/share_partition.h"

namespace moldau::share {

/// One call of acquire().
struct SharePartition::Step {
  Step(const SharePartitionSettings& s, const AcquireWish& w, const FetchedRecords& f, MonoTime n)
      : settings(s),
        wish(w),
        fetched(f),
        now(n),
        member(std::make_shared<const std::string>(w.member)) {}

  const SharePartitionSettings& settings;
  const AcquireWish& wish;
  const FetchedRecords& fetched;
  MonoTime now;
  MemberName member;
  Offset last{0};
  std::int64_t count_max = 0;
  Acquired out;
  /// What is known to fail often goes alone: the rest waits for the next fetch.
  bool enough = false;

  std::int64_t left() const { return count_max - out.count; }
  Offset first_fetched() const { return fetched.batches.front().base; }
  InFlightState acquired(std::int16_t count) const {
    return {DeliveryState::kAcquired, count, member, now + settings.lock_duration};
  }
};

namespace {

/// From so many deliveries on, records come in ever smaller groups.
std::int16_t throttle_from(const SharePartitionSettings& settings) {
  return std::max<std::int16_t>(2, static_cast<std::int16_t>((settings.delivery_limit + 1) / 2));
}

/// The end of the log batch that holds the offset.
Offset batch_end(const std::vector<FetchedBatch>& batches, Offset offset) {
  for (const FetchedBatch& batch : batches)
    if (batch.base <= offset && offset <= batch.last) return batch.last;
  return offset;
}

/// Neighbours that were delivered as often are told as one.
void add_joined(std::vector<AcquiredRange>& part, const InFlightRun& run) {
  const bool joins = !part.empty() && part.back().last + 1 == run.first &&
                     part.back().delivery_count == run.state.delivery_count;
  if (joins) {
    part.back().last = run.last;
  } else {
    part.emplace_back(run.first, run.last, run.state.delivery_count);
  }
}

std::vector<std::pair<Offset, Offset>> aborted_batches(const FetchedRecords& fetched) {
  std::vector<AbortedRange> aborted = fetched.aborted;
  std::sort(aborted.begin(), aborted.end(),
            [](const AbortedRange& a, const AbortedRange& b) { return a.first < b.first; });
  std::vector<std::pair<Offset, Offset>> out;
  std::set<ProducerId> producers;
  std::size_t next = 0;
  for (const FetchedBatch& batch : fetched.batches) {
    if (batch.producer_id == ProducerId(-1)) continue;
    for (; next < aborted.size() && aborted[next].first <= batch.last; ++next)
      producers.insert(aborted[next].producer_id);
    if (batch.is_abort_marker) {
      producers.erase(batch.producer_id);
    } else if (batch.is_transactional && producers.contains(batch.producer_id)) {
      out.emplace_back(batch.base, batch.last);
    }
  }
  return out;
}

}  // namespace

Acquired SharePartition::acquire(const SharePartitionSettings& settings, const AcquireWish& wish,
                                 const FetchedRecords& fetched, MonoTime now) {
  if (wish.records_max <= 0 || fetched.batches.empty()) return {};
  const Offset last = fetched.batches.back().last;
  if (last < start_offset_) return {};
  const Bounds bounds = bounds_of(settings, wish, fetched.fetch_offset, last);
  if (bounds.count_max <= 0) return {};
  Step step(settings, wish, fetched, now);
  step.last = bounds.last;
  step.count_max = bounds.count_max;
  Offset base = step.first_fetched();
  archive_stale(fetched.fetch_offset, base);
  const auto before = floor(base);
  if (before == batches_.end()) {
    base = std::max(base, start_offset_);
  } else if (before->second.last() >= base) {
    base = before->first;
  }
  const auto known = batches_.lower_bound(std::min(step.first_fetched(), base));
  if (known == batches_.end() || known->first > step.last) {
    step.out.count += acquire_new(step, base, step.last, step.count_max);
  } else {
    acquire_in_flight(step, base);
  }
  leave_out_aborted(step);
  return std::move(step.out);
}

SharePartition::Bounds SharePartition::bounds_of(const SharePartitionSettings& settings,
                                                 const AcquireWish& wish, Offset fetch_offset,
                                                 Offset last) const {
  Bounds bounds;
  bounds.last = last;
  bounds.count_max =
      std::min<std::int64_t>(wish.records_max, settings.record_locks_max - in_flight());
  if (bounds.count_max > 0 || fetch_offset > end_offset_) return bounds;
  // There is no room for more, but what is in flight already may be acquired.
  bounds.count_max = std::min<std::int64_t>(wish.records_max, end_offset_ - fetch_offset + 1);
  bounds.last = std::min(last, end_offset_);
  return bounds;
}

/// Between where the log was asked for and where it begins to answer there is nothing any more.
void SharePartition::archive_stale(Offset fetch_offset, Offset base) {
  if (batches_.empty() || fetch_offset >= base) return;
  if (archive(fetch_offset, base - 1, DeliveryState::kAvailable, true)) look_for_free_ = true;
}

/// Records that were not in flight before. Gives how many they are.
std::int64_t SharePartition::acquire_new(Step& step, Offset first, Offset last,
                                         std::int64_t count_max) {
  if (batches_.empty()) first = std::max(first, end_offset_);
  Offset end = last;
  if (count_max < last - first + 1) {
    end = batch_end(step.fetched.batches, first + (count_max - 1));
    if (gap_window_active()) end = std::min(end, last);
  }
  if (end < first) return 0;
  const std::vector<AcquiredRange> added = add_new(step, first, end, count_max);
  if (batches_.begin()->first == first) start_offset_ = first;
  end_offset_ = std::max(end_offset_, end);
  if (step.wish.record_limit) end = added.front().last;
  move_gap_window(end + 1);
  step.out.ranges.insert(step.out.ranges.end(), added.begin(), added.end());
  return end - first + 1;
}

std::vector<AcquiredRange> SharePartition::add_new(Step& step, Offset first, Offset last,
                                                   std::int64_t count_max) {
  std::vector<AcquiredRange> out;
  const std::int64_t count = last - first + 1;
  note_lock(step.now + step.settings.lock_duration);
  if (step.wish.record_limit && count > count_max) {
    // The whole is in flight, but only its beginning is given out.
    const auto at = batches_.insert_or_assign(first, InFlightBatch(first, last, step.acquired(1)));
    InFlightBatch& batch = at.first->second;
    batch.treat_by_offset();
    const Offset given = first + (count_max - 1);
    for (InFlightRun* run : batch.cut(given + 1, last)) run->state = InFlightState();
    look_for_free_ = true;
    out.emplace_back(first, given, 1);
    return out;
  }
  Offset from = first;
  if (!step.wish.record_limit && count > step.wish.batch_size) {
    for (const FetchedBatch& batch : step.fetched.batches) {
      if (batch.base > last) break;
      if (batch.base - from < step.wish.batch_size || batch.base <= from) continue;
      out.emplace_back(from, batch.base - 1, 1);
      from = batch.base;
    }
  }
  out.emplace_back(from, last, 1);
  for (const AcquiredRange& range : out)
    batches_.insert_or_assign(range.first,
                              InFlightBatch(range.first, range.last, step.acquired(1)));
  return out;
}

/// Some of the fetched records are in flight already.
void SharePartition::acquire_in_flight(Step& step, Offset base) {
  std::vector<Offset> keys;
  for (auto at = batches_.lower_bound(std::min(step.first_fetched(), base));
       at != batches_.end() && at->first <= step.last; ++at)
    keys.push_back(at->first);
  Offset gap = base;
  for (const Offset key : keys) {
    if (step.enough || step.left() <= 0) break;
    InFlightBatch& batch = batches_.at(key);
    if (gap_window_active()) {
      if (gap < key) step.out.count += acquire_new(step, gap, key - 1, step.left());
      gap = batch.last() + 1;
      if (step.left() <= 0) break;
    }
    step.enough = acquire_one(step, batch);
  }
  const Offset known_end = batches_.at(keys.back()).last();
  if (!step.enough && step.left() > 0 && known_end < step.last)
    step.out.count += acquire_new(step, known_end + 1, step.last, step.left());
  if (!step.out.ranges.empty()) move_gap_window(step.out.ranges.back().last + 1);
}

/// True if nothing else is to be acquired with it.
bool SharePartition::acquire_one(Step& step, InFlightBatch& batch) {
  const bool is_throttled = must_throttle(step, batch);
  if (is_throttled && step.out.count > 0) return true;
  const bool is_within = batch.first() >= step.first_fetched() && batch.last() <= step.last;
  const bool is_torn = step.wish.record_limit && batch.count() > step.left();
  if (is_within && !batch.by_offset() && !is_torn && !is_throttled) {
    InFlightState& state = batch.whole();
    if (!state.is_free()) return false;
    state = step.acquired(static_cast<std::int16_t>(state.delivery_count + 1));
    note_lock(*state.lock_until);
    step.out.ranges.emplace_back(batch.first(), batch.last(), state.delivery_count);
    step.out.count += batch.count();
    return false;
  }
  if (!batch.by_offset()) {
    if (!batch.whole().is_free()) return false;
    batch.treat_by_offset();
  }
  const std::int64_t acquired = acquire_part(step, batch, step.left());
  step.out.count += acquired;
  return is_throttled && acquired > 0;
}

bool SharePartition::must_throttle(const Step& step, const InFlightBatch& batch) const {
  for (const InFlightRun& run : batch.runs()) {
    const bool is_asked =
        !batch.by_offset() || (run.last >= step.first_fetched() && run.first <= step.last);
    if (is_asked && run.state.is_free() && run.state.delivery_count >= throttle_from(step.settings))
      return true;
  }
  return false;
}

/// Offsets of a batch that is not one any more. A record before its last delivery goes alone;
/// others that failed often go in groups that halve with each delivery.
std::int64_t SharePartition::acquire_part(Step& step, InFlightBatch& batch,
                                          std::int64_t count_max) {
  const std::int16_t limit = step.settings.delivery_limit;
  const std::int16_t throttle = throttle_from(step.settings);
  const std::int64_t size = batch.count();
  std::vector<AcquiredRange> part;
  std::int64_t acquired = 0;
  std::optional<std::int64_t> throttled_max;
  Offset at = std::max(batch.first(), step.first_fetched());
  const Offset end = std::min(batch.last(), step.last);
  for (bool go_on = true; go_on && at <= end;) {
    InFlightRun* run = batch.cut(at, end).front();
    at = run->last + 1;
    if (!run->state.is_free()) continue;
    const std::int16_t count = run->state.delivery_count;
    const bool is_last = limit > 2 && count + 1 == limit;
    if (is_last && acquired > 0) break;
    if (count >= throttle && !throttled_max)
      throttled_max = std::max<std::int64_t>(1, size >> std::min(count - throttle + 1, 62));
    std::int64_t take = run->count();
    if (step.wish.record_limit) take = std::min(take, count_max - acquired);
    if (throttled_max) take = std::min(take, std::max<std::int64_t>(1, *throttled_max - acquired));
    if (is_last) take = 1;
    run = batch.cut(run->first, run->first + (take - 1)).front();
    run->state = step.acquired(static_cast<std::int16_t>(count + 1));
    note_lock(*run->state.lock_until);
    add_joined(part, *run);
    acquired += take;
    at = run->last + 1;
    const bool limit_met = step.wish.record_limit && acquired == count_max;
    go_on = !is_last && !limit_met && !(throttled_max && acquired >= *throttled_max);
  }
  batch.join();
  step.out.ranges.insert(step.out.ranges.end(), part.begin(), part.end());
  return acquired;
}

/// Records of aborted transactions are given up and not told.
void SharePartition::leave_out_aborted(Step& step) {
  if (step.fetched.aborted.empty() || step.out.ranges.empty()) return;
  const auto aborted = aborted_batches(step.fetched);
  if (aborted.empty()) return;
  std::vector<AcquiredRange> left;
  std::vector<AcquiredRange> ranges = std::move(step.out.ranges);
  std::int64_t count = 0;
  const auto keep = [&](Offset first, Offset last, std::int16_t deliveries) {
    if (last < first) return;
    left.emplace_back(first, last, deliveries);
    count += last - first + 1;
  };
  for (const AcquiredRange& range : ranges) {
    Offset at = range.first;
    for (const auto& [first, last] : aborted) {
      if (last < at || first > range.last) continue;
      keep(at, std::min(first - 1, range.last), range.delivery_count);
      archive(std::max(first, at), std::min(last, range.last), DeliveryState::kAcquired, true);
      at = last + 1;
    }
    keep(at, range.last, range.delivery_count);
  }
  step.out.ranges = std::move(left);
  step.out.count = count;
}

}  // namespace moldau::share
