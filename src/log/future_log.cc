// SPDX-License-Identifier: Apache-2.0
#include "log/future_log.h"

#include <algorithm>
#include <utility>

#include "log/batch_header.h"
#include "log/log_directory.h"

namespace moldau::log {

Result<std::unique_ptr<FutureLog>> FutureLog::open(env::Disk& disk,
                                                   PartitionLog::OpenOptions options) {
  MOLDAU_ASSIGN_OR_RETURN(auto log, PartitionLog::open(disk, std::move(options)));
  return std::unique_ptr<FutureLog>(new FutureLog(disk, std::move(log)));
}

/// Nobody else touches this log, so its jobs are done at once; there is nobody either who might
/// still read a segment that is removed.
Result<void> FutureLog::run_jobs() {
  Result<void> result;
  for (;;) {
    std::vector<LogJob> jobs = log_->take_jobs();
    if (jobs.empty()) return result;
    for (LogJob& job : jobs) {
      Result<void> done = job.work();
      if (job.done) job.done(done);
      if (!done.ok() && result.ok()) result = std::move(done);
    }
  }
}

Result<void> FutureLog::truncate_to(Offset offset, Timestamp now) {
  const Result<bool> cut = log_->truncate_to(std::max(offset, Offset(0)), now);
  if (!cut.ok()) return cut.error();
  return run_jobs();
}

/// Makes our log one that a step may go on from: a part of `from`.
Result<void> FutureLog::meet(const LogView& from, Timestamp now) {
  const bool other = generation_ && *generation_ != from.generation;
  generation_ = from.generation;
  const Offset end = log_->log_end_offset();
  if (!other && end >= from.log_start_offset && end <= from.log_end_offset) return {};
  MOLDAU_TRY(log_->truncate_fully_and_start_at(from.log_start_offset, now));
  return run_jobs();
}

Result<void> FutureLog::append(Slice bytes, const LogConfig& config, Timestamp now) {
  LogConfig roomy = config;
  // segment.bytes may have become smaller than a batch that is in the log already.
  roomy.segment_bytes =
      std::max(config.segment_bytes,
               static_cast<std::int32_t>(std::min<std::size_t>(bytes.size(), INT32_MAX)));
  log_->set_config(roomy);
  auto staged =
      log_->stage(AppendInput(std::move(bytes), AppendOrigin::kReplication, LeaderEpoch(-1), now));
  WriteOutcome written = log_->write_staged();
  log_->set_config(config);
  if (!staged.ok()) {
    // The records make no sense, unless ours takes none at all.
    failed_at_source_ = !log_->failed();
    return std::move(staged).error();
  }
  if (written.error) return std::move(*written.error);
  return run_jobs();
}

Result<void> FutureLog::follow_log_start(Offset log_start) {
  log_->set_high_watermark(log_->log_end_offset());
  const Offset start = std::min(log_start, log_->log_end_offset());
  const Result<bool> moved = log_->increment_log_start_offset(start);
  if (!moved.ok()) return moved.error();
  return run_jobs();
}

/// Whole batches from our end on; empty if compaction has left no record there.
Result<Slice> FutureLog::read_from(const LogView& from, std::uint32_t bytes_max) {
  ReadRequest request;
  request.offset = log_->log_end_offset();
  request.upper_bound = from.log_end_offset;
  request.bytes_max = bytes_max;
  request.min_one_message = true;
  MOLDAU_ASSIGN_OR_RETURN(const ReadResult found, from.read(request));
  if (found.range.length == 0) return Slice();
  Slice bytes = Slice::allocate(found.range.length);
  MOLDAU_ASSIGN_OR_RETURN(const std::size_t read,
                          found.range.file->read(bytes.mutable_view(), found.range.position));
  if (read < bytes.size())
    return Error(ErrorCode::kCorruptMessage, "the log has changed while it was copied");
  return bytes;
}

Result<CopyStep> FutureLog::copy(const LogView& from, std::uint32_t bytes_max,
                                 const LogConfig& config, Timestamp now) {
  CopyStep step;
  failed_at_source_ = false;
  MOLDAU_TRY(meet(from, now));
  const Offset end = log_->log_end_offset();
  if (end < from.log_end_offset) {
    const std::uint32_t most =
        std::min(bytes_max, static_cast<std::uint32_t>(config.segment_bytes));
    MOLDAU_ASSIGN_OR_RETURN(Slice bytes, at_source(read_from(from, most)));
    if (bytes.empty()) {
      MOLDAU_TRY(log_->advance_end_to(from.log_end_offset, now));
    } else {
      MOLDAU_ASSIGN_OR_RETURN(const auto first,
                              at_source(parse_batch_header(bytes.view(), 0, bytes.size())));
      if (!first) {
        failed_at_source_ = true;
        return Error(ErrorCode::kCorruptMessage, "the log has changed while it was copied");
      }
      // The log may begin within a batch, which is copied whole.
      if (first->base_offset < end && log_->size_bytes() == 0)
        MOLDAU_TRY(log_->truncate_fully_and_start_at(first->base_offset, now));
      step.bytes = bytes.size();
      MOLDAU_TRY(append(std::move(bytes), config, now));
    }
    MOLDAU_TRY(run_jobs());
  }
  MOLDAU_TRY(follow_log_start(from.log_start_offset));
  step.caught_up = log_->log_end_offset() == from.log_end_offset;
  return step;
}

Result<void> FutureLog::flush() {
  failed_at_source_ = false;
  MOLDAU_TRY(run_jobs());
  MOLDAU_ASSIGN_OR_RETURN(const FlushPoint point, log_->flush_point());
  const Result<void> synced = point.sync();
  if (!synced.ok()) {
    log_->mark_failed();
    return synced;
  }
  log_->mark_flushed(point);
  return {};
}

Result<void> FutureLog::promote(const std::string& current, const std::string& retired,
                                bool& stranded) {
  const std::string parent = env::parent_of(current);
  const std::string out_of_the_way = parent + "/" + retired;
  MOLDAU_TRY(at_source(disk_.rename(current, out_of_the_way)));
  // For good, before ours gets the name: two logs of one partition must never be found.
  Result<void> done = at_source(disk_.sync_directory(parent));
  if (done.ok()) done = log_->rename_directory(directory_name(log_->topic_partition()));
  if (done.ok()) return {};
  stranded = true;
  // Ours may have its new name although that was not made durable.
  const std::string served =
      env::parent_of(log_->directory()) + "/" + directory_name(log_->topic_partition());
  const auto there = disk_.stat(served);
  if (!there.ok() || *there) return done;
  if (disk_.rename(out_of_the_way, current).ok() && disk_.sync_directory(parent).ok())
    stranded = false;
  return done;
}

}  // namespace moldau::log
