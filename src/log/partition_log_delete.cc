// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "log/partition_log.h"

namespace moldau::log {

Result<bool> PartitionLog::increment_log_start_offset(Offset offset) {
  if (failed_ || closed_) return storage_error();
  if (offset > high_watermark_)
    return Error(ErrorCode::kOffsetOutOfRange, "log start " + std::to_string(offset.value()) +
                                                   " above the high watermark " +
                                                   std::to_string(high_watermark_.value()));
  if (offset <= log_start_offset_) return false;
  start_at(offset);
  return true;
}

/// The log begins at `log_start` from now on.
void PartitionLog::start_at(Offset log_start) {
  log_start_offset_ = log_start;
  flushed_end_offset_ = std::max(flushed_end_offset_, std::min(log_start, log_end_offset_));
  if (epochs_.truncate_from_start(log_start)) want_epoch_checkpoint(log_end_offset_);
  advance_recovery_point();
}

/// How many segments from the first on may go because `predicate` holds and all readers are past
/// them: everything in them is below the high watermark. An empty active segment stays.
template <class Predicate>
std::size_t PartitionLog::count_deletable(Predicate predicate) const {
  std::size_t count = 0;
  while (count < segments_.size()) {
    const Segment& segment = *segments_[count];
    const bool is_last = count + 1 == segments_.size();
    if (is_last && segment.size() == 0) break;
    if (high_watermark_ < end_of_segment(count) || !predicate(count)) break;
    ++count;
  }
  return count;
}

std::size_t PartitionLog::deletable_by_start() const {
  return count_deletable([this](std::size_t index) {
    return index + 1 < segments_.size() && segments_[index + 1]->base_offset() <= log_start_offset_;
  });
}

std::size_t PartitionLog::deletable_by_size() const {
  if (config_.retention_bytes < 0) return 0;
  const auto size = static_cast<std::int64_t>(size_bytes());
  if (size < config_.retention_bytes) return 0;
  std::int64_t excess = size - config_.retention_bytes;
  return count_deletable([&](std::size_t index) {
    if (excess < static_cast<std::int64_t>(segments_[index]->size())) return false;
    excess -= segments_[index]->size();
    return true;
  });
}

std::size_t PartitionLog::deletable_by_time(Timestamp now) const {
  if (config_.retention_ms.value() < 0) return 0;
  return count_deletable([&](std::size_t index) {
    const Timestamp newest = segments_[index]->largest_timestamp();
    return newest < now && now - newest > config_.retention_ms.value();
  });
}

Result<std::size_t> PartitionLog::delete_old_segments(Timestamp now) {
  if (failed_ || closed_) return storage_error();
  if (has_staged() || swapping_) return std::size_t{0};
  std::size_t count = deletable_by_start();
  MOLDAU_TRY(delete_first_segments(count, now));
  if (!config_.cleanup_delete) return count;
  const std::size_t by_size = deletable_by_size();
  MOLDAU_TRY(delete_first_segments(by_size, now));
  const std::size_t by_time = deletable_by_time(now);
  MOLDAU_TRY(delete_first_segments(by_time, now));
  return count + by_size + by_time;
}

Result<void> PartitionLog::delete_first_segments(std::size_t count, Timestamp now) {
  if (count == 0) return {};
  // The log always has an active segment.
  if (count == segments_.size()) MOLDAU_TRY(roll_at(log_end_offset_, now));
  const Offset new_start = segments_[count]->base_offset();
  const Offset old_start = segments_.front()->base_offset();
  std::vector<std::unique_ptr<Segment>> gone;
  for (std::size_t n = 0; n < count; ++n) {
    retiring_.push_back(segments_.front()->base_offset());
    gone.push_back(std::move(segments_.front()));
    segments_.pop_front();
  }
  retire_later(std::move(gone));
  if (new_start > log_start_offset_) start_at(new_start);
  unflushed_from_ = std::max(unflushed_from_, segments_.front()->base_offset());
  retire_snapshots(old_start, new_start);
  return {};
}

/// As retire(), on the pool: one segment after the other, each name on disk for good before the
/// next, so that a power cut never leaves a hole between older and newer segments.
void PartitionLog::retire_later(std::vector<std::unique_ptr<Segment>> segments) {
  auto paths = std::make_shared<std::vector<std::string>>();
  LogJob job;
  job.what = "rename deleted segments";
  job.work = [&disk = disk_, directory = directory_, paths,
              gone = std::move(segments)]() -> Result<void> {
    for (const std::unique_ptr<Segment>& segment : gone) {
      MOLDAU_TRY(segment->rename_state(kDeletedSuffix));
      MOLDAU_TRY(disk.sync_directory(*directory));
      const std::vector<std::string> these = segment->paths();
      paths->insert(paths->end(), these.begin(), these.end());
    }
    return {};
  };
  job.done = [self = self_, paths](const Result<void>& result) {
    PartitionLog* log = *self;
    if (log == nullptr) return;
    if (result.ok()) log->retiring_.clear();
    log->remove_after_delay(*paths);
  };
  jobs_.push_back(std::move(job));
}

void PartitionLog::remove_after_delay(std::vector<std::string> paths) {
  LogJob job;
  job.what = "remove deleted segments";
  job.delay = config_.file_delete_delay_ms;
  job.work = [&disk = disk_, names = std::move(paths)] { return remove_files(disk, names); };
  jobs_.push_back(std::move(job));
}

/// Takes a segment's files out of the way; they go for good after file.delete.delay.ms, so that
/// readers which hold only the name find it gone, and those which hold the file go on.
Result<void> PartitionLog::retire(std::unique_ptr<Segment> segment) {
  ++directory_changes_;
  const Result<void> renamed = segment->rename_state(kDeletedSuffix);
  if (!renamed.ok()) {
    failed_ = true;
    return renamed;
  }
  remove_after_delay(segment->paths());
  return {};
}

/// Producer snapshots in [from, to) have lost the records behind them.
void PartitionLog::retire_snapshots(Offset from, Offset to) {
  std::vector<std::string> paths;
  std::erase_if(snapshots_, [&](Offset offset) {
    if (offset < from || offset >= to) return false;
    paths.push_back(*directory_ + "/" + file_name(offset, kSnapshotSuffix));
    return true;
  });
  if (paths.empty()) return;
  LogJob job;
  job.what = "remove producer snapshots";
  job.work = [&disk = disk_, paths = std::move(paths)] { return remove_files(disk, paths); };
  jobs_.push_back(std::move(job));
}

Result<bool> PartitionLog::truncate_to(Offset offset, Timestamp now) {
  if (failed_ || closed_) return storage_error();
  MOLDAU_CHECK(staged_.empty() && !swapping_, "truncation during an append or a swap");
  MOLDAU_CHECK(offset.value() >= 0, "truncation to a negative offset");
  if (offset >= log_end_offset_) {
    if (epochs_.truncate_from_end(log_end_offset_)) want_epoch_checkpoint(log_end_offset_);
    return false;
  }
  ++generation_;
  ++truncations_;
  is_dirty_ = true;
  if (segments_.front()->base_offset() > offset) {
    MOLDAU_TRY(truncate_fully_and_start_at(offset, now));
    return true;
  }
  while (segments_.size() > 1 && active().base_offset() > offset) {
    std::unique_ptr<Segment> segment = std::move(segments_.back());
    segments_.pop_back();
    MOLDAU_TRY(retire(std::move(segment)));
    // Newest first, for good: what was cut off must not come back behind what stays.
    MOLDAU_TRY(disk_.sync_directory(*directory_));
  }
  recent_count_ = 0;
  const Result<void> cut = active().truncate_to(offset, now);
  if (!cut.ok()) {
    failed_ = true;
    return cut.error();
  }
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, active().log()->get());
  MOLDAU_TRY(file->sync());
  log_end_offset_ = staged_end_offset_ = offset;
  flushed_end_offset_ = std::min(flushed_end_offset_, offset);
  recovery_point_ = std::min(recovery_point_, offset);
  high_watermark_ = std::min(high_watermark_, offset);
  unflushed_from_ = std::min(unflushed_from_, active().base_offset());
  log_start_offset_ = std::min(log_start_offset_, offset);
  if (epochs_.truncate_from_end(offset)) want_epoch_checkpoint(offset);
  retire_snapshots(offset + 1, Offset(INT64_MAX));
  MOLDAU_TRY(rebuild_producers(offset, now));
  return true;
}

Result<void> PartitionLog::truncate_fully_and_start_at(Offset offset, Timestamp now) {
  if (failed_ || closed_) return storage_error();
  MOLDAU_CHECK(staged_.empty() && !swapping_, "truncation during an append or a swap");
  if (std::find(retiring_.begin(), retiring_.end(), offset) != retiring_.end())
    return Error(ErrorCode::kKafkaStorageError, "jobs of this log must be done first");
  ++generation_;
  ++truncations_;
  is_dirty_ = true;
  while (!segments_.empty()) {
    std::unique_ptr<Segment> segment = std::move(segments_.back());
    segments_.pop_back();
    Result<void> retired = retire(std::move(segment));
    if (retired.ok()) retired = disk_.sync_directory(*directory_);
    if (!retired.ok() && segments_.empty()) return retired;
  }
  auto first = std::make_unique<Segment>(disk_, directory_, offset, std::string_view(), now);
  auto created = first->log()->get_or_create();
  segments_.push_back(std::move(first));
  recent_count_ = 0;
  log_start_offset_ = log_end_offset_ = staged_end_offset_ = offset;
  flushed_end_offset_ = recovery_point_ = high_watermark_ = unflushed_from_ = offset;
  epochs_.clear();
  want_epoch_checkpoint(offset);
  retire_snapshots(Offset(0), Offset(INT64_MAX));
  producers_.clear();
  producers_.set_end_offset(offset);
  if (!created.ok()) {
    failed_ = true;
    return created.error();
  }
  return disk_.sync_directory(*directory_);
}

Result<void> PartitionLog::advance_end_to(Offset offset, Timestamp now) {
  if (failed_ || closed_) return storage_error();
  MOLDAU_CHECK(staged_.empty() && !swapping_, "a jump during an append or a swap");
  if (offset <= log_end_offset_) return {};
  if (active().size() == 0) {
    // An empty segment in the middle would be none that recovery expects.
    if (segments_.size() == 1) return truncate_fully_and_start_at(offset, now);
    std::unique_ptr<Segment> empty = std::move(segments_.back());
    segments_.pop_back();
    MOLDAU_TRY(retire(std::move(empty)));
  }
  return roll_at(offset, now);
}

}  // namespace moldau::log
