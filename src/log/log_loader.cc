// SPDX-License-Identifier: Apache-2.0
#include "log/log_loader.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "log/batch_reader.h"
#include "log/log_directory.h"
#include "log/producer_batches.h"
#include "log/segment_split.h"

namespace moldau::log {
namespace {

constexpr std::array kSegmentSuffixes = {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix,
                                         kTxnIndexSuffix};
constexpr std::size_t kEpochFileBytesMax = std::size_t{64} << 20;

/// The base offset in a name with one of the suffixes of a segment's files, then `state`.
std::optional<Offset> segment_file_offset(std::string_view name, std::string_view state) {
  for (std::string_view suffix : kSegmentSuffixes)
    if (const auto offset = offset_of(name, std::string(suffix).append(state))) return offset;
  return std::nullopt;
}

bool is_missing(const Error& error) {
  return error.os_error == ENOENT;
}

}  // namespace

Result<std::unique_ptr<PartitionLog>> PartitionLog::open(env::Disk& disk, OpenOptions options) {
  std::unique_ptr<PartitionLog> log(new PartitionLog(disk, options));
  LogLoader loader(*log, options);
  MOLDAU_TRY(loader.load());
  return log;
}

Result<void> LogLoader::load() {
  MOLDAU_TRY(open_directory());
  MOLDAU_TRY(load_topic_id());
  MOLDAU_TRY(finish_swaps());
  MOLDAU_TRY(load_files());
  MOLDAU_TRY(find_end());
  MOLDAU_TRY(settle_epochs());
  MOLDAU_TRY(drop_stray_snapshots());
  if (at_end_ && at_end_->end_offset() == log_.log_end_offset_) {
    log_.producers_ = std::move(*at_end_);
  } else {
    MOLDAU_TRY(log_.rebuild_producers(log_.log_end_offset_, options_.now));
  }
  log_.producers_.set_end_offset(log_.log_end_offset_);
  for (const std::unique_ptr<Segment>& segment : log_.segments_) segment->release_files();
  return {};
}

Result<void> LogLoader::load_files() {
  for (;;) {
    MOLDAU_TRY(list_segments());
    MOLDAU_TRY(load_epochs());
    const Result<void> loaded = load_segments();
    if (loaded.ok() || !overflowed_) return loaded;
    MOLDAU_TRY(split_overflowed());
  }
}

/// What was loaded so far is forgotten: the parts are loaded like any other segment.
Result<void> LogLoader::split_overflowed() {
  const Offset base = *std::exchange(overflowed_, std::nullopt);
  const auto next = std::find_if(log_.segments_.begin(), log_.segments_.end(),
                                 [&](const auto& one) { return one->base_offset() > base; });
  const Offset end = next == log_.segments_.end() ? Offset(INT64_MAX) : (*next)->base_offset();
  log_.segments_.clear();
  log_.snapshots_.clear();
  log_.epochs_.clear();
  log_.report_ = {};
  epochs_changed_ = epochs_lost_ = false;
  at_end_.reset();
  const Result<void> split = split_segment(disk_, log_.directory_, base, end, options_.now);
  if (split.ok() || split.error().code == ErrorCode::kKafkaStorageError) return split;
  // No overflow but damage.
  unsplittable_.insert(base);
  return {};
}

Result<void> LogLoader::open_directory() {
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<env::FileStat> stat, disk_.stat(*log_.directory_));
  if (stat && stat->is_directory) return {};
  // A new replica is empty: the first flush makes its names durable, nothing before needs them.
  log_.born_unsynced_ = true;
  ++log_.directory_changes_;
  return disk_.make_directories(*log_.directory_);
}

Result<void> LogLoader::load_topic_id() {
  const std::string path = *log_.directory_ + "/" + kPartitionMetadataName;
  const TopicId wanted = std::exchange(log_.topic_id_, TopicId());
  const auto text = env::read_small_file(disk_, path);
  if (!text.ok() && !is_missing(text.error())) return text.error();
  if (text.ok()) {
    // A file that was cut by a crash says nothing; it is written anew.
    if (const auto parsed = parse_partition_metadata(*text); parsed.ok()) log_.topic_id_ = *parsed;
  }
  return wanted.is_zero() ? Result<void>() : log_.assign_topic_id(wanted);
}

/// The cleaner writes .cleaned, renames to .swap once complete, then removes the old segments,
/// then drops .swap: whatever stage a crash left is led to its end or its beginning.
Result<void> LogLoader::finish_swaps() {
  const std::string& directory = *log_.directory_;
  MOLDAU_ASSIGN_OR_RETURN(std::vector<env::DirectoryEntry> entries, disk_.list(directory));
  Offset first_cleaned(INT64_MAX);
  std::vector<std::string> unwanted;
  for (const env::DirectoryEntry& entry : entries) {
    if (entry.is_directory) continue;
    if (entry.name.ends_with(kDeletedSuffix) && !entry.name.ends_with(".checkpoint.deleted"))
      unwanted.push_back(directory + "/" + entry.name);
    if (const auto offset = segment_file_offset(entry.name, kCleanedSuffix)) {
      first_cleaned = std::min(first_cleaned, *offset);
      unwanted.push_back(directory + "/" + entry.name);
    }
  }
  std::vector<std::string> swaps;
  Offset from(INT64_MAX);
  Offset to(INT64_MIN);
  for (const env::DirectoryEntry& entry : entries) {
    const auto offset = segment_file_offset(entry.name, kSwapSuffix);
    if (!offset) continue;
    if (*offset >= first_cleaned) {
      unwanted.push_back(directory + "/" + entry.name);
      continue;
    }
    swaps.push_back(entry.name);
    if (!offset_of(entry.name, std::string(kLogSuffix).append(kSwapSuffix))) continue;
    Segment segment(disk_, log_.directory_, *offset, kSwapSuffix, options_.now);
    SegmentView view = segment.view();
    MOLDAU_ASSIGN_OR_RETURN(const auto file, view.log->get());
    MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
    view.size = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, INT32_MAX));
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> last, view.last_batch());
    from = std::min(from, *offset);
    to = std::max(to, last ? last->last_offset + 1 : *offset);
  }
  MOLDAU_TRY(remove_files(disk_, unwanted));
  MOLDAU_TRY(drop_range(from, to, entries));
  for (const std::string& name : swaps)
    MOLDAU_TRY(disk_.rename(directory + "/" + name,
                            directory + "/" + name.substr(0, name.size() - kSwapSuffix.size())));
  return unwanted.empty() && swaps.empty() ? Result<void>() : disk_.sync_directory(directory);
}

/// Removes the files of segments that a complete swap replaces.
Result<void> LogLoader::drop_range(Offset from, Offset to,
                                   const std::vector<env::DirectoryEntry>& entries) {
  std::vector<std::string> replaced;
  // A split may have begun behind the base offset of what it replaces.
  std::optional<Offset> before;
  for (const env::DirectoryEntry& entry : entries)
    if (const auto base = offset_of(entry.name, kLogSuffix); base && *base < from && from < to)
      before = std::max(before.value_or(*base), *base);
  if (before) {
    MOLDAU_ASSIGN_OR_RETURN(const bool is_source,
                            reaches(disk_, log_.directory_, *before, from, options_.now));
    if (is_source) from = *before;
  }
  for (const env::DirectoryEntry& entry : entries) {
    std::optional<Offset> offset = segment_file_offset(entry.name, {});
    if (!offset) offset = offset_of(entry.name, kSnapshotSuffix);
    if (offset && *offset >= from && *offset < to)
      replaced.push_back(*log_.directory_ + "/" + entry.name);
  }
  return remove_files(disk_, replaced);
}

Result<void> LogLoader::list_segments() {
  MOLDAU_ASSIGN_OR_RETURN(const std::vector<env::DirectoryEntry> entries,
                          disk_.list(*log_.directory_));
  std::vector<Offset> bases;
  for (const env::DirectoryEntry& entry : entries) {
    if (const auto base = offset_of(entry.name, kLogSuffix)) bases.push_back(*base);
    if (const auto snapshot = offset_of(entry.name, kSnapshotSuffix))
      log_.snapshots_.push_back(*snapshot);
  }
  std::sort(bases.begin(), bases.end());
  std::sort(log_.snapshots_.begin(), log_.snapshots_.end());
  std::vector<std::string> orphans;
  for (const env::DirectoryEntry& entry : entries) {
    const auto offset = segment_file_offset(entry.name, {});
    if (offset && !std::binary_search(bases.begin(), bases.end(), *offset))
      orphans.push_back(*log_.directory_ + "/" + entry.name);
  }
  MOLDAU_TRY(remove_files(disk_, orphans));
  for (Offset base : bases)
    log_.segments_.push_back(
        std::make_unique<Segment>(disk_, log_.directory_, base, std::string_view(), options_.now));
  return {};
}

Result<void> LogLoader::load_epochs() {
  const auto text = env::read_small_file(disk_, *log_.directory_ + "/" + kEpochCheckpointName,
                                         kEpochFileBytesMax);
  if (!text.ok()) {
    if (!is_missing(text.error())) return text.error();
    return {};
  }
  auto parsed = partition::LeaderEpochs::parse(*text);
  epochs_lost_ = !parsed.ok();
  if (parsed.ok()) log_.epochs_ = std::move(*parsed);
  return {};
}

Result<void> LogLoader::load_segments() {
  auto& segments = log_.segments_;
  std::size_t first_unflushed = segments.size();
  if (!options_.was_clean) {
    // The segment that holds the recovery point, and all behind it.
    first_unflushed = 0;
    while (first_unflushed + 1 < segments.size() &&
           segments[first_unflushed + 1]->base_offset() <= options_.recovery_point)
      ++first_unflushed;
  }
  for (std::size_t n = 0; n < segments.size() && n < first_unflushed; ++n) {
    const bool is_active = n + 1 == segments.size();
    MOLDAU_ASSIGN_OR_RETURN(const bool good, load_flushed(*segments[n], is_active));
    if (good) {
      MOLDAU_ASSIGN_OR_RETURN(const bool overflows, may_overflow(n));
      if (!overflows) continue;
    }
    // The last segment may have a damaged tail even so; then it is as after a crash.
    if (is_active) {
      first_unflushed = n;
    } else {
      MOLDAU_TRY(rebuild_indexes(n));
    }
  }
  return first_unflushed < segments.size() ? recover_from(first_unflushed) : Result<void>();
}

/// Its last batch lies too far from its base offset. Where the next segment begins near enough
/// none can.
Result<bool> LogLoader::may_overflow(std::size_t index) {
  const Segment& segment = *log_.segments_[index];
  if (unsplittable_.contains(segment.base_offset())) return false;
  if (index + 1 < log_.segments_.size() &&
      segment.can_hold(log_.segments_[index + 1]->base_offset() - 1))
    return false;
  const auto last = segment.view().last_batch();
  log_.segments_[index]->release_files();
  if (!last.ok() && last.error().code == ErrorCode::kKafkaStorageError) return last.error();
  return last.ok() && *last && !segment.can_hold((*last)->last_offset);
}

Result<bool> LogLoader::load_flushed(Segment& segment, bool is_active) {
  MOLDAU_ASSIGN_OR_RETURN(const bool good, segment.load());
  // Rolling and compaction ask for it later, on a thread that must not wait for a device; whether
  // it is sound, others find out.
  if (good && (is_active || log_.config_.cleanup_compact)) (void)segment.first_timestamp();
  if (!good || !is_active) {
    segment.release_files();
    return good;
  }
  const Result<void> tail = segment.load_tail();
  segment.release_files();
  if (!tail.ok() && tail.error().code == ErrorCode::kKafkaStorageError) return tail.error();
  return tail.ok();
}

Result<void> LogLoader::recover_from(std::size_t index) {
  log_.is_dirty_ = true;
  auto& segments = log_.segments_;
  MOLDAU_ASSIGN_OR_RETURN(partition::ProducerState producers,
                          load_producers(disk_, *log_.directory_, log_.snapshots_, segments,
                                         log_.log_start_offset_, segments[index]->base_offset(),
                                         options_.now, log_.config_.producer_id_expiration_ms));
  for (std::size_t n = index; n < segments.size(); ++n) {
    // Snapshots behind this point were taken of records that may be gone.
    MOLDAU_ASSIGN_OR_RETURN(const bool whole, recover(*segments[n], producers, true));
    ++log_.report_.segments_recovered;
    // A power cut may keep a later segment and lose the end of an earlier one. Where compaction
    // never was, offsets have no holes: what lies behind one is not the log that was written. A
    // hole that no segment could fill was not made by a power cut.
    const bool hole = n + 1 < segments.size() && !log_.config_.cleanup_compact &&
                      producers.end_offset() < segments[n + 1]->base_offset() &&
                      segments[n]->can_hold(segments[n + 1]->base_offset() - 1);
    if (!whole || hole) MOLDAU_TRY(drop_segments_from(n + 1));
    if (options_.progress) options_.progress(segments.size() - n - 1);
  }
  std::erase_if(log_.snapshots_, [&](Offset snapshot) {
    return snapshot > producers.end_offset() &&
           disk_.remove_file(*log_.directory_ + "/" + file_name(snapshot, kSnapshotSuffix)).ok();
  });
  // As if read back from a snapshot, which leaves them out.
  (void)producers.remove_expired(options_.now, log_.config_.producer_id_expiration_ms);
  at_end_ = std::move(producers);
  return {};
}

/// Builds the indexes of a segment anew from its records. If `is_tail` the file is cut at the
/// first bad batch; then the result is false.
Result<bool> LogLoader::recover(Segment& segment, partition::ProducerState& producers,
                                bool is_tail) {
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, segment.log()->get());
  MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t on_disk, file->size());
  // Nobody writes such a file, and nobody could read its end: nothing of it may be cut off.
  if (on_disk > INT32_MAX)
    return Error(ErrorCode::kKafkaStorageError, segment.log()->path() + " is larger than 2 GiB");
  const auto size = static_cast<std::uint32_t>(on_disk);
  MOLDAU_ASSIGN_OR_RETURN(const auto stat, disk_.stat(segment.log()->path()));
  MOLDAU_TRY(segment.reset_indexes());
  if (producers.end_offset() < segment.base_offset())
    producers.set_end_offset(segment.base_offset());
  std::optional<Error> damage;
  MOLDAU_ASSIGN_OR_RETURN(const bool whole, scan(segment, producers, size, damage));
  const std::uint32_t valid = segment.size();
  // What is damaged in the middle of the log stays where it is: a read of it will fail.
  if (!is_tail) segment.set_size(size);
  log_.report_.bytes_scanned += valid;
  if (is_tail && on_disk > valid) log_.report_.bytes_truncated += on_disk - valid;
  MOLDAU_TRY(segment.finish());
  // Cut off for good before anything stands there anew: a power cut must not bring it back in the
  // place of what was acknowledged since.
  if (is_tail && on_disk > valid) MOLDAU_TRY(file->sync());
  if (stat) segment.set_modified(stat->modified);
  segment.release_files();
  return whole;
}

Result<bool> LogLoader::scan(Segment& segment, partition::ProducerState& producers,
                             std::uint32_t size, std::optional<Error>& damage) {
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, segment.log()->get());
  BatchReader reader(file, 0, size);
  Offset next = segment.base_offset();
  for (;;) {
    Result<std::optional<record::BatchView>> batch = reader.next();
    if (!batch.ok()) {
      if (batch.error().code == ErrorCode::kKafkaStorageError) return batch.error();
      damage = batch.error();
      return false;
    }
    if (!*batch) return reader.position() == size;
    const record::BatchView& view = **batch;
    // What was synced before the crash needs no checksum again.
    const bool is_flushed = view.last_offset() < options_.recovery_point;
    Result<void> good = is_flushed ? Result<void>() : view.check_crc();
    if (good.ok() && (view.base_offset() > view.last_offset() || view.last_offset() < next))
      good = Error(ErrorCode::kCorruptMessage, "offsets out of order");
    if (good.ok() && !segment.can_hold(view.last_offset())) {
      good = Error(ErrorCode::kCorruptMessage, "offsets too far from the base offset");
      if (!unsplittable_.contains(segment.base_offset())) {
        overflowed_ = segment.base_offset();
        return good.error();
      }
    }
    if (good.ok()) good = take_batch(segment, view, producers);
    if (!good.ok()) {
      if (good.error().code == ErrorCode::kKafkaStorageError) return good.error();
      damage = good.error();
      return false;
    }
    next = view.next_offset();
  }
}

Result<void> LogLoader::take_batch(Segment& segment, const record::BatchView& batch,
                                   partition::ProducerState& producers) {
  // A control record that cannot be read is damage, so it must be known before the batch counts.
  std::optional<partition::CompletedTransaction> aborted;
  if (batch.has_producer_id()) {
    MOLDAU_ASSIGN_OR_RETURN(const partition::ProducerBatch facts, producer_batch_of(batch));
    const auto verdict = producers.append(facts, AppendOrigin::kReplication);
    if (verdict.ok()) aborted = aborted_of(*verdict);
    producers.commit();
  }
  producers.set_end_offset(batch.next_offset());
  const BatchPosition position{batch.base_offset(),   batch.last_offset(),
                               batch.max_timestamp(), batch.leader_epoch(),
                               segment.size(),        static_cast<std::uint32_t>(batch.size())};
  segment.add(position, log_.config_.index_interval_bytes, options_.now);
  if (segment.index_entries_waiting() >= OffsetIndex::kBufferedMax)
    MOLDAU_TRY(segment.write_indexes());
  if (aborted)
    MOLDAU_TRY(segment.txn_index().append({aborted->producer_id, aborted->first_offset,
                                           aborted->last_offset, aborted->last_stable_offset}));
  const auto latest = log_.epochs_.latest();
  if (!epochs_lost_ && batch.leader_epoch().value() >= 0 &&
      (!latest || batch.leader_epoch() > latest->epoch))
    epochs_changed_ =
        log_.epochs_.assign(batch.leader_epoch(), batch.base_offset()) || epochs_changed_;
  return {};
}

/// For a segment below the recovery point whose indexes are missing or make no sense.
Result<void> LogLoader::rebuild_indexes(std::size_t index) {
  auto& segments = log_.segments_;
  MOLDAU_ASSIGN_OR_RETURN(partition::ProducerState producers,
                          load_producers(disk_, *log_.directory_, log_.snapshots_, segments,
                                         log_.log_start_offset_, segments[index]->base_offset(),
                                         options_.now, log_.config_.producer_id_expiration_ms));
  Segment& segment = *segments[index];
  MOLDAU_TRY(recover(segment, producers, false));
  ++log_.report_.indexes_rebuilt;
  // No later flush will think of this segment.
  for (const auto& file :
       {segment.offset_index().file(), segment.time_index().file(), segment.txn_index().file()}) {
    const auto opened = file->get();
    if (opened.ok()) MOLDAU_TRY((*opened)->sync());
  }
  segment.release_files();
  return disk_.sync_directory(*log_.directory_);
}

Result<void> LogLoader::drop_segments_from(std::size_t index) {
  auto& segments = log_.segments_;
  while (segments.size() > index) {
    MOLDAU_TRY(remove_files(disk_, segments.back()->paths()));
    segments.pop_back();
    ++log_.report_.segments_deleted;
  }
  return disk_.sync_directory(*log_.directory_);
}

Result<void> LogLoader::find_end() {
  auto& segments = log_.segments_;
  const Offset wanted_start = options_.log_start_offset;
  Offset end = wanted_start;
  if (!segments.empty()) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> last,
                            segments.back()->view().last_batch());
    end = last ? last->last_offset + 1 : segments.back()->base_offset();
    if (end < wanted_start) {
      // Somebody removed files: what is left lies before the start of the log.
      MOLDAU_TRY(drop_segments_from(0));
      log_.epochs_.clear();
      epochs_changed_ = true;
      end = wanted_start;
    }
  }
  if (segments.empty()) {
    segments.push_back(std::make_unique<Segment>(disk_, log_.directory_, wanted_start,
                                                 std::string_view(), options_.now));
    MOLDAU_ASSIGN_OR_RETURN(const auto file, segments.back()->log()->get_or_create());
    if (log_.config_.preallocate)
      MOLDAU_TRY(file->allocate(static_cast<std::uint64_t>(log_.config_.segment_bytes)));
    ++log_.directory_changes_;
    at_end_.reset();
  }
  log_.log_end_offset_ = log_.staged_end_offset_ = end;
  log_.log_start_offset_ = std::max(wanted_start, segments.front()->base_offset());
  log_.flushed_end_offset_ =
      options_.was_clean ? end : std::clamp(options_.recovery_point, Offset(0), end);
  log_.recovery_point_ = log_.flushed_end_offset_;
  log_.high_watermark_ = log_.log_start_offset_;
  // Rebuilt files are not on disk yet, so everything counts as unflushed after a crash.
  log_.unflushed_from_ = segments[log_.segment_index_of(log_.flushed_end_offset_)]->base_offset();
  return {};
}

Result<void> LogLoader::rebuild_epochs() {
  log_.epochs_.clear();
  for (const std::unique_ptr<Segment>& segment : log_.segments_) {
    if (segment->size() == 0) continue;
    MOLDAU_ASSIGN_OR_RETURN(const auto file, segment->log()->get());
    HeaderCursor headers(file, segment->size());
    for (std::uint64_t position = 0;;) {
      const auto batch = headers.at(position);
      if (!batch.ok() && batch.error().code == ErrorCode::kKafkaStorageError) return batch.error();
      if (!batch.ok() || !*batch) break;
      const auto latest = log_.epochs_.latest();
      if ((*batch)->leader_epoch.value() >= 0 &&
          (!latest || (*batch)->leader_epoch > latest->epoch))
        log_.epochs_.assign((*batch)->leader_epoch, (*batch)->base_offset);
      position += (*batch)->size;
    }
  }
  epochs_changed_ = true;
  return {};
}

Result<void> LogLoader::settle_epochs() {
  if (epochs_lost_) MOLDAU_TRY(rebuild_epochs());
  epochs_changed_ = log_.epochs_.truncate_from_end(log_.log_end_offset_) || epochs_changed_;
  epochs_changed_ = log_.epochs_.truncate_from_start(log_.log_start_offset_) || epochs_changed_;
  if (!epochs_changed_) return {};
  const std::string content = log_.epochs_.serialize();
  return env::write_small_file(disk_, *log_.directory_ + "/" + kEpochCheckpointName,
                               as_view(content));
}

/// Keeps the snapshots at the beginning of segments and the newest one behind them all.
Result<void> LogLoader::drop_stray_snapshots() {
  std::vector<std::string> unwanted;
  const Offset newest = log_.snapshots_.empty() ? Offset(-1) : log_.snapshots_.back();
  std::erase_if(log_.snapshots_, [&](Offset snapshot) {
    const bool at_segment =
        std::any_of(log_.segments_.begin(), log_.segments_.end(),
                    [&](const auto& segment) { return segment->base_offset() == snapshot; });
    const bool useful = snapshot <= log_.log_end_offset_ && snapshot > log_.log_start_offset_;
    if (useful && (at_segment || snapshot == newest)) return false;
    unwanted.push_back(*log_.directory_ + "/" + file_name(snapshot, kSnapshotSuffix));
    return true;
  });
  return remove_files(disk_, unwanted);
}

}  // namespace moldau::log
