// SPDX-License-Identifier: Apache-2.0
#include "log/partition_log.h"

#include <algorithm>
#include <utility>

#include "log/log_directory.h"

namespace moldau::log {

PartitionLog::OpenOptions::OpenOptions(std::string path, TopicPartition partition,
                                       LogConfig log_config)
    : directory(std::move(path)), topic_partition(std::move(partition)), config(log_config) {}

PartitionLog::PartitionLog(env::Disk& disk, OpenOptions& options)
    : disk_(disk),
      topic_partition_(options.topic_partition),
      topic_id_(options.topic_id),
      directory_(std::make_shared<const std::string>(options.directory)),
      config_(options.config),
      random_state_(options.seed),
      self_(std::make_shared<PartitionLog*>(this)) {}

PartitionLog::~PartitionLog() {
  *self_ = nullptr;
}

Error PartitionLog::storage_error() const {
  return Error(ErrorCode::kKafkaStorageError,
               *directory_ + (closed_ ? " is closed" : " has failed before"));
}

std::uint64_t PartitionLog::size_bytes() const {
  std::uint64_t size = 0;
  for (const std::unique_ptr<Segment>& segment : segments_) size += segment->size();
  return size;
}

void PartitionLog::set_high_watermark(Offset high_watermark) {
  high_watermark_ = std::min(high_watermark, log_end_offset_);
  producers_.on_high_watermark(high_watermark_);
}

Offset PartitionLog::last_stable_offset() const {
  const std::optional<Offset> unstable = producers_.first_unstable_offset();
  if (!unstable) return high_watermark_;
  return std::min(high_watermark_, std::max(*unstable, log_start_offset_));
}

void PartitionLog::assign_epoch_start(LeaderEpoch epoch, Offset start) {
  if (epochs_.assign(epoch, start)) want_epoch_checkpoint(start);
}

Result<void> PartitionLog::release_idle() {
  if (failed_ || closed_ || has_staged()) return {};
  if (active().index_entries_waiting() > 0) MOLDAU_TRY(active().write_indexes());
  if (!swapping_)
    for (const std::unique_ptr<Segment>& segment : segments_) segment->release_files();
  recent_.reset();
  recent_count_ = 0;
  staged_.shrink_to_fit();
  staged_bytes_.shrink_to_fit();
  return {};
}

Result<void> PartitionLog::close(CloseSync sync) {
  if (closed_) return {};
  if (failed_) return storage_error();
  MOLDAU_TRY(write_pending());
  Result<void> result;
  run_jobs_now(result);
  MOLDAU_TRY(result);
  if (is_dirty_ || log_end_offset_ != flushed_end_offset_) {
    MOLDAU_TRY(close_dirty(sync));
  } else if (born_unsynced_) {
    // Apache expects the indexes of an empty segment, too.
    MOLDAU_TRY(active().write_indexes());
  }
  for (const std::unique_ptr<Segment>& segment : segments_) segment->release_files();
  snapshot_unsynced_.reset();
  closed_ = true;
  return {};
}

Result<void> PartitionLog::close_dirty(CloseSync sync) {
  MOLDAU_TRY(active().finish());
  MOLDAU_TRY(write_last_snapshot());
  if (sync == CloseSync::kTogether) return {};
  ++directory_changes_;
  MOLDAU_ASSIGN_OR_RETURN(FlushPoint point, flush_point());
  // The indexes of the active segment are believed at the next start: they must be on disk too.
  for (const auto& file : {active().offset_index().file(), active().time_index().file()}) {
    MOLDAU_ASSIGN_OR_RETURN(std::shared_ptr<env::File> opened, file->get());
    point.files_.push_back(std::move(opened));
  }
  if (!active().txn_index().empty()) {
    MOLDAU_ASSIGN_OR_RETURN(auto opened, active().txn_index().file()->get());
    point.files_.push_back(std::move(opened));
  }
  if (snapshot_unsynced_) point.files_.push_back(std::exchange(snapshot_unsynced_, nullptr));
  MOLDAU_TRY(point.sync());
  mark_flushed(point);
  return {};
}

/// Not synced: a crash before the mark of the clean stop recovers the log anyway, and a snapshot
/// that was cut is noticed by its checksum.
Result<void> PartitionLog::write_last_snapshot() {
  const Offset latest = snapshots_.empty() ? log_start_offset_ : snapshots_.back();
  if (log_end_offset_ <= std::max(latest, log_start_offset_)) return {};
  const std::string path = *directory_ + "/" + file_name(log_end_offset_, kSnapshotSuffix);
  const std::string content = producers_.encode_snapshot();
  MOLDAU_ASSIGN_OR_RETURN(const auto file, disk_.open(path, env::OpenMode::kOpenOrCreate));
  MOLDAU_TRY(file->truncate(0));
  MOLDAU_TRY(file->write(as_view(content), 0));
  snapshots_.push_back(log_end_offset_);
  snapshot_unsynced_ = file;
  return {};
}

Result<void> PartitionLog::rename_directory(const std::string& name) {
  if (failed_) return storage_error();
  const std::string parent = env::parent_of(*directory_);
  auto renamed = std::make_shared<const std::string>(parent + "/" + name);
  if (*renamed == *directory_) return {};
  // Jobs name files by their path: they must be done before it changes.
  Result<void> result;
  run_jobs_now(result);
  MOLDAU_TRY(result);
  MOLDAU_TRY(disk_.rename(*directory_, *renamed));
  MOLDAU_TRY(disk_.sync_directory(parent));
  directory_ = std::move(renamed);
  for (const std::unique_ptr<Segment>& segment : segments_) segment->set_directory(directory_);
  return {};
}

Result<void> PartitionLog::assign_topic_id(TopicId topic_id) {
  if (topic_id_ == topic_id) return {};
  if (!topic_id_.is_zero())
    return Error(ErrorCode::kInconsistentTopicId,
                 *directory_ + " belongs to topic id " + topic_id_.text());
  const std::string content = serialize_partition_metadata(topic_id);
  const std::string path = *directory_ + "/" + kPartitionMetadataName;
  if (born_unsynced_) {
    // Creating a thousand partitions must not wait for a thousand disk rounds: the first flush
    // syncs this file with the first records. What a power cut leaves of it before is nothing,
    // or is taken for nothing, and the metadata log knows the id.
    MOLDAU_ASSIGN_OR_RETURN(const auto file, disk_.open(path, env::OpenMode::kOpenOrCreate));
    MOLDAU_TRY(file->write(as_view(content), 0));
  } else {
    MOLDAU_TRY(env::write_small_file(disk_, path, as_view(content)));
  }
  topic_id_ = topic_id;
  return {};
}

void PartitionLog::take_over(PartitionLog& current) {
  MOLDAU_CHECK(log_end_offset_ == current.log_end_offset_ && !has_staged() && !current.has_staged(),
               "only a complete copy takes over");
  config_ = current.config_;
  producers_ = std::move(current.producers_);
  if (current.log_start_offset_ > log_start_offset_) start_at(current.log_start_offset_);
  if (epochs_.entries() != current.epochs_.entries()) {
    epochs_ = current.epochs_;
    want_epoch_checkpoint(log_end_offset_);
  }
  high_watermark_ = current.high_watermark_;
  random_state_ = current.random_state_;
  active_jitter_ = current.active_jitter_;
  generation_ = std::max(generation_, current.generation_) + 1;
  is_dirty_ = true;
}

}  // namespace moldau::log
