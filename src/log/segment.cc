// SPDX-License-Identifier: Apache-2.0
#include "log/segment.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace moldau::log {
namespace {

constexpr std::int64_t kOffsetSpanMax = INT32_MAX;

std::shared_ptr<const LogFile> file_of(env::Disk& disk,
                                       const std::shared_ptr<const std::string>& directory,
                                       Offset base, std::string_view suffix,
                                       std::string_view state) {
  return std::make_shared<const LogFile>(disk, directory, base, suffix, state);
}

Result<void> rename_if_there(env::Disk& disk, const std::string& from, const std::string& to,
                             bool must_exist) {
  Result<void> renamed = disk.rename(from, to);
  if (!renamed.ok() && renamed.error().os_error == ENOENT && !must_exist) return {};
  return renamed;
}

}  // namespace

Segment::Segment(env::Disk& disk, std::shared_ptr<const std::string> directory, Offset base_offset,
                 std::string_view state, Timestamp created)
    : base_offset_(base_offset),
      max_timestamp_{Timestamp(-1), base_offset},
      created_(created),
      modified_(created),
      log_(file_of(disk, directory, base_offset, kLogSuffix, state)),
      offset_index_(base_offset, file_of(disk, directory, base_offset, kOffsetIndexSuffix, state)),
      time_index_(base_offset, file_of(disk, directory, base_offset, kTimeIndexSuffix, state)),
      txn_index_(base_offset, file_of(disk, directory, base_offset, kTxnIndexSuffix, state)) {}

bool Segment::can_hold(Offset offset) const {
  return offset >= base_offset_ && offset - base_offset_ <= kOffsetSpanMax;
}

bool Segment::indexes_full(const LogConfig& config) const {
  return offset_index_.is_full(config.segment_index_bytes) ||
         time_index_.is_full(config.segment_index_bytes);
}

Result<std::optional<Timestamp>> Segment::first_timestamp() {
  if (!first_timestamp_ && size_ > 0) {
    MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log_->get());
    HeaderCursor cursor(file, size_);
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> first, cursor.at(0));
    if (first) first_timestamp_ = first->max_timestamp;
  }
  return first_timestamp_;
}

Result<Millis> Segment::age(Timestamp now, Timestamp message_timestamp) {
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<Timestamp> first, first_timestamp());
  // Timestamps of clients may be anything: an age that does not fit is a very great one.
  const auto distance = [](Timestamp later, Timestamp earlier) {
    std::int64_t out = 0;
    if (__builtin_sub_overflow(later.value(), earlier.value(), &out))
      out = later > earlier ? INT64_MAX : INT64_MIN;
    return Millis(out);
  };
  if (first && first->value() >= 0) return distance(message_timestamp, *first);
  return distance(now, created_);
}

void Segment::add(const BatchPosition& batch, std::int32_t index_interval_bytes, Timestamp now) {
  MOLDAU_CHECK(batch.position == size_, "batches lie one behind the other");
  MOLDAU_CHECK(can_hold(batch.last_offset), "a segment holds 2^31 offsets");
  if (size_ == 0) first_timestamp_ = batch.max_timestamp;
  if (batch.max_timestamp > max_timestamp_.timestamp)
    max_timestamp_ = {batch.max_timestamp, batch.last_offset};
  if (bytes_since_index_entry_ > static_cast<std::uint32_t>(std::max(index_interval_bytes, 0))) {
    offset_index_.append(batch.last_offset, batch.position);
    time_index_.maybe_append(max_timestamp_.timestamp, max_timestamp_.offset);
    bytes_since_index_entry_ = 0;
  }
  bytes_since_index_entry_ += batch.size;
  size_ += batch.size;
  modified_ = now;
}

Result<void> Segment::finish() {
  time_index_.maybe_append(max_timestamp_.timestamp, max_timestamp_.offset);
  MOLDAU_TRY(offset_index_.trim());
  MOLDAU_TRY(time_index_.trim());
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log_->get());
  MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t on_disk, file->size());
  // A preallocated file is longer than its content.
  return on_disk == size_ ? Result<void>() : file->truncate(size_);
}

Result<void> Segment::write_indexes() {
  MOLDAU_TRY(offset_index_.write_buffered());
  return time_index_.write_buffered();
}

Result<bool> Segment::load() {
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<env::FileStat> stat, log_->disk().stat(log_->path()));
  if (!stat) return env::disk_error(ENOENT, "missing segment", log_->path());
  if (stat->size > INT32_MAX)
    return Error(ErrorCode::kKafkaStorageError, log_->path() + " is larger than 2 GiB");
  size_ = static_cast<std::uint32_t>(stat->size);
  modified_ = created_ = stat->modified;
  MOLDAU_ASSIGN_OR_RETURN(const bool offsets_good, offset_index_.load(size_));
  if (!offsets_good) return false;
  MOLDAU_ASSIGN_OR_RETURN(const bool times_good, time_index_.load());
  if (!times_good) return false;
  MOLDAU_ASSIGN_OR_RETURN(const bool txns_good, txn_index_.load());
  if (!txns_good) return false;
  max_timestamp_ = time_index_.last();
  return check_last_entries();
}

Result<bool> Segment::check_last_entries() {
  if (offset_index_.entries() > 0) {
    MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log_->get());
    HeaderCursor cursor(file, size_);
    const OffsetPosition last = offset_index_.last();
    const auto batch = cursor.at(last.position);
    if (!batch.ok()) return Result<bool>(false);
    if (!*batch || (*batch)->base_offset < base_offset_ || (*batch)->base_offset > last.offset)
      return false;
  }
  if (time_index_.entries() > 0) {
    // Retention deletes by this timestamp: a damaged one must not delete what is young.
    const TimestampOffset last = time_index_.last();
    const auto batch = view().find(last.offset);
    if (!batch.ok()) return Result<bool>(false);
    if (!*batch || (*batch)->max_timestamp != last.timestamp) return false;
  }
  return true;
}

Result<void> Segment::load_tail() {
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log_->get());
  HeaderCursor cursor(file, size_);
  std::uint64_t position = offset_index_.last().position;
  bytes_since_index_entry_ = 0;
  while (position < size_) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> batch, cursor.at(position));
    if (!batch) return Error(ErrorCode::kCorruptMessage, log_->path() + " ends within a batch");
    if (batch->max_timestamp > max_timestamp_.timestamp)
      max_timestamp_ = {batch->max_timestamp, batch->last_offset};
    bytes_since_index_entry_ += batch->size;
    position += batch->size;
  }
  return {};
}

Result<void> Segment::truncate_to(Offset offset, Timestamp now) {
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> first_gone, view().find(offset));
  MOLDAU_TRY(offset_index_.truncate_to(offset));
  MOLDAU_TRY(time_index_.truncate_to(offset));
  MOLDAU_TRY(txn_index_.truncate_to(offset));
  if (first_gone) {
    MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log_->get());
    MOLDAU_TRY(file->truncate(first_gone->position));
    size_ = first_gone->position;
    modified_ = now;
  }
  if (size_ == 0) {
    created_ = now;
    first_timestamp_.reset();
  }
  max_timestamp_ = time_index_.last();
  return load_tail();
}

SegmentView Segment::view() const {
  SegmentView out;
  out.base_offset = base_offset_;
  out.size = size_;
  out.max_timestamp = max_timestamp_;
  out.modified = modified_;
  out.log = log_;
  out.offset_index = offset_index_.view();
  out.time_index = time_index_.view();
  out.txn_index = txn_index_.file();
  out.txn_entries = txn_index_.entries();
  return out;
}

Result<void> Segment::rename_state(std::string_view state) {
  env::Disk& disk = log_->disk();
  const auto move = [&](const std::shared_ptr<const LogFile>& file,
                        bool must_exist) -> Result<std::shared_ptr<const LogFile>> {
    std::shared_ptr<const LogFile> next = file->renamed(file->directory(), state);
    MOLDAU_TRY(rename_if_there(disk, file->path(), next->path(), must_exist));
    return next;
  };
  MOLDAU_ASSIGN_OR_RETURN(log_, move(log_, true));
  MOLDAU_ASSIGN_OR_RETURN(auto offsets, move(offset_index_.file(), false));
  offset_index_.set_file(std::move(offsets));
  MOLDAU_ASSIGN_OR_RETURN(auto times, move(time_index_.file(), false));
  time_index_.set_file(std::move(times));
  MOLDAU_ASSIGN_OR_RETURN(auto txns, move(txn_index_.file(), false));
  txn_index_.set_file(std::move(txns));
  return {};
}

void Segment::set_directory(std::shared_ptr<const std::string> directory) {
  log_ = log_->renamed(directory, {});
  offset_index_.set_file(offset_index_.file()->renamed(directory, {}));
  time_index_.set_file(time_index_.file()->renamed(directory, {}));
  txn_index_.set_file(txn_index_.file()->renamed(directory, {}));
}

std::vector<std::string> Segment::paths() const {
  return {log_->path(), offset_index_.file()->path(), time_index_.file()->path(),
          txn_index_.file()->path()};
}

Result<void> remove_files(env::Disk& disk, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const Result<void> removed = disk.remove_file(path);
    if (!removed.ok() && removed.error().os_error != ENOENT) return removed;
  }
  return {};
}

Result<void> Segment::pin_files() {
  MOLDAU_TRY(log_->get());
  MOLDAU_TRY(offset_index_.file()->get_or_create());
  MOLDAU_TRY(time_index_.file()->get_or_create());
  if (!txn_index_.empty()) MOLDAU_TRY(txn_index_.file()->get());
  return {};
}

void Segment::release_files() {
  log_->release();
  offset_index_.file()->release();
  offset_index_.shrink();
  time_index_.file()->release();
  time_index_.shrink();
  txn_index_.file()->release();
}

Result<void> Segment::reset_indexes() {
  offset_index_.clear();
  time_index_.clear();
  MOLDAU_TRY(txn_index_.clear());
  size_ = 0;
  bytes_since_index_entry_ = 0;
  max_timestamp_ = {Timestamp(-1), base_offset_};
  first_timestamp_.reset();
  MOLDAU_TRY(offset_index_.trim());
  return time_index_.trim();
}

}  // namespace moldau::log
