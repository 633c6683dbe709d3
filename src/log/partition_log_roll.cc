// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "log/partition_log.h"

namespace moldau::log {
namespace {

Result<void> make_empty(const LogFile& log_file) {
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log_file.get_or_create());
  MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t left_over, file->size());
  return left_over > 0 ? file->truncate(0) : Result<void>();
}

/// `allocate`: bytes of room, 0 for none.
Result<void> make_log(const LogFile& log, std::uint64_t allocate) {
  MOLDAU_TRY(make_empty(log));
  if (allocate == 0) return {};
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log.get());
  return file->allocate(allocate);
}

std::uint64_t room_of(const LogConfig& config) {
  return config.preallocate ? static_cast<std::uint64_t>(config.segment_bytes) : 0;
}

}  // namespace

Result<bool> PartitionLog::must_roll(const std::vector<StagedBatch>& batches, std::size_t bytes,
                                     Timestamp now) {
  const std::uint64_t size = active().size() + staged_size_;
  if (!active().can_hold(batches.back().batch.last_offset)) return true;
  if (size == 0) return false;
  if (size + bytes > static_cast<std::uint64_t>(config_.segment_bytes)) return true;
  if (active().indexes_full(config_)) return true;
  Timestamp newest(-1);
  for (const StagedBatch& staged : batches) newest = std::max(newest, staged.batch.max_timestamp);
  Millis age{0};
  if (active().size() > 0) {
    MOLDAU_ASSIGN_OR_RETURN(age, active().age(now, newest));
  }
  return age.value() > config_.segment_ms.value() - active_jitter_.value();
}

Result<bool> PartitionLog::must_roll_by_time(Timestamp now) {
  if (failed_ || closed_ || has_staged() || active().size() == 0) return false;
  MOLDAU_ASSIGN_OR_RETURN(const Millis age, active().age(now, now));
  return age.value() > config_.segment_ms.value() - active_jitter_.value();
}

Result<void> PartitionLog::roll(Timestamp now) {
  if (failed_ || closed_) return storage_error();
  MOLDAU_TRY(write_pending());
  return roll_at(log_end_offset_, now);
}

PartitionLog::Work PartitionLog::begin_roll(Timestamp now) {
  MOLDAU_CHECK(!has_staged() && !next_, "a roll during an append or another roll");
  next_ = make_segment(log_end_offset_, now);
  return [log = next_->log(), offsets = next_->offset_index().file(),
          times = next_->time_index().file(), allocate = room_of(config_)]() -> Result<void> {
    MOLDAU_TRY(make_empty(*offsets));
    MOLDAU_TRY(make_empty(*times));
    return make_log(*log, allocate);
  };
}

Result<void> PartitionLog::finish_roll(const Result<void>& made) {
  std::unique_ptr<Segment> next = std::move(next_);
  if (failed_ || closed_) return storage_error();
  MOLDAU_TRY(made);
  MOLDAU_CHECK(!has_staged() && next->base_offset() == log_end_offset_, "a roll during an append");
  if (active().size() == 0) return {};
  return begin_segment(std::move(next));
}

PartitionLog::Work PartitionLog::begin_open() const {
  return [log = active().log()]() -> Result<void> {
    MOLDAU_TRY(log->get());
    return {};
  };
}

std::unique_ptr<Segment> PartitionLog::make_segment(Offset base_offset, Timestamp now) const {
  return std::make_unique<Segment>(disk_, directory_, base_offset, std::string_view(), now);
}

Result<void> PartitionLog::roll_at(Offset base_offset, Timestamp now) {
  if (active().size() == 0 && active().base_offset() == base_offset) return {};
  std::unique_ptr<Segment> next = make_segment(base_offset, now);
  MOLDAU_TRY(make_log(*next->log(), room_of(config_)));
  return begin_segment(std::move(next));
}

/// `next`, whose files are made, becomes the active segment.
Result<void> PartitionLog::begin_segment(std::unique_ptr<Segment> next) {
  const Offset base_offset = next->base_offset();
  MOLDAU_TRY(active().finish());
  is_dirty_ = true;
  ++directory_changes_;
  producers_.set_end_offset(base_offset);
  want_producer_snapshot(base_offset);
  segments_.push_back(std::move(next));
  recent_count_ = 0;
  log_end_offset_ = std::max(log_end_offset_, base_offset);
  staged_end_offset_ = log_end_offset_;
  random_state_ = random_state_ * 6364136223846793005ULL + 1442695040888963407ULL;
  const auto jitter =
      static_cast<std::uint64_t>(std::min(config_.segment_jitter_ms, config_.segment_ms).value());
  active_jitter_ =
      Millis(jitter > 0 ? static_cast<std::int64_t>((random_state_ >> 1) % jitter) : 0);
  return {};
}

}  // namespace moldau::log
