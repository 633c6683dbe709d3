// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <utility>

#include "log/log_directory.h"
#include "log/partition_log.h"

namespace moldau::log {
namespace {

/// Adds the file of an index if it exists.
Result<void> add_if_there(const LogFile& file, std::vector<std::shared_ptr<env::File>>& out) {
  auto opened = file.get();
  if (opened.ok()) {
    out.push_back(std::move(*opened));
    return {};
  }
  return opened.error().os_error == ENOENT ? Result<void>() : Result<void>(opened.error());
}

}  // namespace

Result<void> FlushPoint::sync() const {
  for (const std::shared_ptr<env::File>& file : files_) MOLDAU_TRY(file->sync());
  if (directory_.empty()) return {};
  MOLDAU_TRY(disk_->sync_directory(directory_));
  return with_birth_ ? disk_->sync_directory(env::parent_of(directory_)) : Result<void>();
}

Result<FlushPoint> PartitionLog::flush_point() {
  if (failed_ || closed_) return storage_error();
  FlushPoint point;
  point.disk_ = &disk_;
  point.end_ = log_end_offset_;
  point.generation_ = generation_;
  point.active_base_ = active().base_offset();
  point.directory_changes_ = directory_changes_;
  if (directory_changes_ != directory_changes_synced_) point.directory_ = *directory_;
  point.with_birth_ = born_unsynced_;
  if (born_unsynced_ && !topic_id_.is_zero()) {
    MOLDAU_ASSIGN_OR_RETURN(
        std::shared_ptr<env::File> file,
        disk_.open(*directory_ + "/" + kPartitionMetadataName, env::OpenMode::kReadWrite));
    point.files_.push_back(std::move(file));
  }
  for (const std::unique_ptr<Segment>& segment : segments_) {
    if (segment->base_offset() < unflushed_from_) continue;
    const bool is_active = segment.get() == &active();
    // A crash builds the indexes of the active segment anew, so only its records matter.
    if (is_active && flushed_end_offset_ >= log_end_offset_) continue;
    MOLDAU_ASSIGN_OR_RETURN(std::shared_ptr<env::File> file, segment->log()->get());
    point.files_.push_back(std::move(file));
    if (is_active) continue;
    MOLDAU_TRY(add_if_there(*segment->offset_index().file(), point.files_));
    MOLDAU_TRY(add_if_there(*segment->time_index().file(), point.files_));
    if (!segment->txn_index().empty())
      MOLDAU_TRY(add_if_there(*segment->txn_index().file(), point.files_));
  }
  return point;
}

void PartitionLog::mark_flushed(const FlushPoint& point) {
  if (point.generation_ != generation_) return;
  flushed_end_offset_ = std::max(flushed_end_offset_, std::min(point.end_, log_end_offset_));
  if (point.with_birth_) born_unsynced_ = false;
  directory_changes_synced_ = std::max(directory_changes_synced_, point.directory_changes_);
  if (point.active_base_ > unflushed_from_) {
    for (const std::unique_ptr<Segment>& segment : segments_) {
      const Offset base = segment->base_offset();
      if (!swapping_ && base >= unflushed_from_ && base < point.active_base_)
        segment->release_files();
    }
    unflushed_from_ = point.active_base_;
  }
  advance_recovery_point();
}

void PartitionLog::advance_recovery_point() {
  Offset point = flushed_end_offset_;
  if (epochs_unsaved_from_) point = std::min(point, *epochs_unsaved_from_);
  recovery_point_ = std::max(recovery_point_, point);
}

void PartitionLog::want_producer_snapshot(Offset offset) {
  if (!snapshots_.empty() && snapshots_.back() >= offset) return;
  snapshots_.push_back(offset);
  LogJob job;
  job.what = "write producer snapshot";
  job.work = [&disk = disk_, path = *directory_ + "/" + file_name(offset, kSnapshotSuffix),
              content = producers_.encode_snapshot()] {
    return env::write_small_file(disk, path, as_view(content));
  };
  jobs_.push_back(std::move(job));
}

void PartitionLog::want_epoch_checkpoint(Offset unsaved_from) {
  epochs_unsaved_from_ = std::min(epochs_unsaved_from_.value_or(unsaved_from), unsaved_from);
  const std::uint64_t version = ++epochs_version_;
  LogJob job;
  job.what = "write leader-epoch-checkpoint";
  job.work = [&disk = disk_, path = *directory_ + "/" + kEpochCheckpointName,
              content = epochs_.serialize()] {
    return env::write_small_file(disk, path, as_view(content));
  };
  job.done = [self = self_, version](const Result<void>& result) {
    PartitionLog* log = *self;
    if (log == nullptr || !result.ok() || log->epochs_version_ != version) return;
    log->epochs_unsaved_from_.reset();
    log->advance_recovery_point();
  };
  jobs_.push_back(std::move(job));
}

std::vector<LogJob> PartitionLog::take_jobs() {
  return std::exchange(jobs_, {});
}

/// For blocking calls: nothing may stay behind. Deletes that were to wait do not.
void PartitionLog::run_jobs_now(Result<void>& result) {
  while (!jobs_.empty()) {
    std::vector<LogJob> jobs = take_jobs();
    for (LogJob& job : jobs) {
      Result<void> done = job.work();
      if (job.done) job.done(done);
      if (!done.ok() && result.ok()) result = std::move(done);
    }
  }
}

}  // namespace moldau::log
