// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "log/compaction.h"
#include "log/partition_log.h"

namespace moldau::log {

Result<CompactionPlan> PartitionLog::plan_compaction(std::optional<Offset> checkpoint,
                                                     Timestamp now) {
  if (failed_ || closed_) return storage_error();
  CompactionPlan plan;
  plan.first_dirty = checkpoint.value_or(log_start_offset_);
  if (plan.first_dirty < log_start_offset_ || plan.first_dirty > log_end_offset_) {
    plan.first_dirty = log_start_offset_;
    plan.checkpoint_was_wrong = true;
  }
  // What is not on disk yet must not be the reason to drop what is: a power cut would take both.
  Offset uncleanable =
      std::min({last_stable_offset(), active().base_offset(), flushed_end_offset_});
  const std::int64_t min_lag = std::max<std::int64_t>(config_.min_compaction_lag_ms.value(), 0);
  const std::int64_t max_lag = std::max<std::int64_t>(config_.max_compaction_lag_ms.value(), 0);
  for (std::size_t n = 0; n + 1 < segments_.size(); ++n) {
    Segment& segment = *segments_[n];
    if (end_of_segment(n) <= plan.first_dirty) continue;
    if (min_lag > 0 && segment.largest_timestamp() > now - std::min(min_lag, now.value()))
      uncleanable = std::min(uncleanable, segment.base_offset());
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<Timestamp> first, segment.first_timestamp());
    if (first && first->value() > 0 && *first < now && now - *first > max_lag) plan.overdue = true;
  }
  // Segments are cleaned whole.
  const std::size_t stop = segment_index_of(std::max(uncleanable, plan.first_dirty));
  plan.first_uncleanable = segments_[stop]->base_offset();
  for (std::size_t n = 0; n < stop; ++n) {
    const bool is_clean = end_of_segment(n) <= plan.first_dirty;
    (is_clean ? plan.clean_bytes : plan.cleanable_bytes) += segments_[n]->size();
  }
  return plan;
}

std::unique_ptr<Compaction> PartitionLog::begin_compaction(const CompactionPlan& plan,
                                                           Timestamp now, std::uint64_t seed,
                                                           const CleanerLimits& limits) {
  Compaction::Input input;
  input.disk = &disk_;
  input.directory = directory_;
  input.config = config_;
  input.view = view();
  input.plan = plan;
  input.truncations = truncations_;
  for (const auto& [id, entry] : producers_.producers())
    input.last_records[id] = {entry.last_data_offset(), entry.producer_epoch};
  input.now = now;
  input.seed = seed;
  return std::make_unique<Compaction>(std::move(input), limits);
}

Result<void> PartitionLog::begin_swap(const Compaction& compaction) {
  if (failed_ || closed_) return storage_error();
  MOLDAU_CHECK(!swapping_, "one compaction of a log at a time");
  const auto gone = [&](const char* why) { return Error(ErrorCode::kRequestTimedOut, why); };
  if (*compaction.input_.directory != *directory_) return gone("the log has moved");
  if (compaction.input_.truncations != truncations_) return gone("the log was truncated");
  // Retention may have deleted some of the segments meanwhile.
  const std::optional<std::size_t> first = compaction_source_begin(compaction);
  if (!first) return gone("segments have gone");
  // While the names change, reads go on through what is open.
  for (std::size_t n = 0; n < compaction.replaced_.size(); ++n)
    MOLDAU_TRY(segments_[*first + n]->pin_files());
  swapping_ = true;
  return {};
}

/// Index of the first segment that the compaction replaces, if all of them are still here.
std::optional<std::size_t> PartitionLog::compaction_source_begin(
    const Compaction& compaction) const {
  const std::vector<Offset>& replaced = compaction.replaced_;
  for (std::size_t n = 0; n < segments_.size(); ++n) {
    if (segments_[n]->base_offset() != replaced.front()) continue;
    for (std::size_t k = 0; k < replaced.size(); ++k)
      if (n + k + 1 >= segments_.size() || segments_[n + k]->base_offset() != replaced[k])
        return std::nullopt;
    return n;
  }
  return std::nullopt;
}

Result<void> PartitionLog::finish_swap(Compaction& compaction, const Result<void>& published) {
  MOLDAU_CHECK(swapping_, "a swap begins before it ends");
  swapping_ = false;
  if (!published.ok()) {
    // Nobody knows which names are there: the next start puts them in order.
    failed_ = true;
    return published;
  }
  const std::optional<std::size_t> first = compaction_source_begin(compaction);
  MOLDAU_CHECK(first.has_value(), "nothing touches the segments during a swap");
  const auto begin = segments_.begin() + static_cast<std::ptrdiff_t>(*first);
  const auto count = static_cast<std::ptrdiff_t>(compaction.replaced_.size());
  const Offset base = (*begin)->base_offset();
  const Offset end = segments_[*first + compaction.replaced_.size()]->base_offset();
  ++generation_;
  is_dirty_ = true;
  *begin = std::move(compaction.cleaned_);
  (*begin)->release_files();
  segments_.erase(begin + 1, begin + count);
  remove_after_delay(std::move(compaction.replaced_paths_));
  // The snapshots at the beginning of segments that are no more.
  retire_snapshots(base + 1, end);
  return {};
}

}  // namespace moldau::log
