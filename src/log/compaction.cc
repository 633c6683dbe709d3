// SPDX-License-Identifier: Apache-2.0
#include "log/compaction.h"

#include <algorithm>
#include <utility>

#include "log/batch_reader.h"
#include "log/producer_batches.h"
#include "record/batch_filter.h"
#include "record/record_iterator.h"

namespace moldau::log {

Compaction::Compaction(Input input, CleanerLimits limits)
    : input_(std::move(input)), limits_(limits) {}
Compaction::~Compaction() = default;

Result<void> Compaction::check_cancelled() const {
  if (!cancelled_.load(std::memory_order_relaxed)) return {};
  return Error(ErrorCode::kRequestTimedOut, "compaction was cancelled");
}

Result<bool> Compaction::clean_next() {
  if (!map_) {
    MOLDAU_TRY(build_map());
    group_segments();
  }
  if (next_group_ == groups_.size()) return false;
  const std::vector<std::size_t>& group = groups_[next_group_++];
  const std::vector<SegmentView>& all = input_.view.segments;
  const Offset base = all[group.front()].base_offset;
  cleaned_ = std::make_unique<Segment>(*input_.disk, input_.directory, base, kCleanedSuffix,
                                       all[group.back()].modified);
  replaced_.clear();
  replaced_paths_.clear();
  output_.clear();
  output_position_ = 0;
  // What an earlier pass may have left behind.
  MOLDAU_TRY(remove_files(*input_.disk, cleaned_->paths()));
  MOLDAU_TRY(cleaned_->log()->get_or_create());
  for (std::size_t index : group) {
    const Offset end =
        index + 1 < all.size() ? all[index + 1].base_offset : input_.view.log_end_offset;
    MOLDAU_TRY(clean_segment(all[index], end, *cleaned_));
    replaced_.push_back(all[index].base_offset);
  }
  MOLDAU_TRY(flush_output(*cleaned_));
  MOLDAU_TRY(cleaned_->finish());
  cleaned_->set_modified(all[group.back()].modified);
  for (const auto& file :
       {cleaned_->log(), cleaned_->offset_index().file(), cleaned_->time_index().file()}) {
    MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> opened, file->get());
    MOLDAU_TRY(opened->sync());
  }
  if (!cleaned_->txn_index().empty()) {
    MOLDAU_ASSIGN_OR_RETURN(const auto opened, cleaned_->txn_index().file()->get());
    MOLDAU_TRY(opened->sync());
  }
  // The names too, so that a crash during the renames that follow finds whole files.
  MOLDAU_TRY(input_.disk->sync_directory(*input_.directory));
  ++report_.groups;
  return true;
}

Result<void> Compaction::publish() {
  MOLDAU_CHECK(cleaned_ != nullptr, "nothing to publish");
  env::Disk& disk = *input_.disk;
  // Each step is on disk for good before the next: after a crash .swap stands for the segments it
  // replaces, whichever of them are left.
  MOLDAU_TRY(cleaned_->rename_state(kSwapSuffix));
  MOLDAU_TRY(disk.sync_directory(*input_.directory));
  for (Offset base : replaced_) {
    Segment old(disk, input_.directory, base, {}, input_.now);
    MOLDAU_TRY(old.rename_state(kDeletedSuffix));
    const std::vector<std::string> paths = old.paths();
    replaced_paths_.insert(replaced_paths_.end(), paths.begin(), paths.end());
  }
  MOLDAU_TRY(disk.sync_directory(*input_.directory));
  MOLDAU_TRY(cleaned_->rename_state({}));
  return disk.sync_directory(*input_.directory);
}

Result<void> Compaction::discard() {
  if (!cleaned_) return {};
  const std::unique_ptr<Segment> gone = std::move(cleaned_);
  // The log file goes first: without it the others mean nothing.
  MOLDAU_TRY(remove_files(*input_.disk, gone->paths()));
  return input_.disk->sync_directory(*input_.directory);
}

Result<void> Compaction::build_map() {
  const CompactionPlan& plan = input_.plan;
  const std::vector<SegmentView>& all = input_.view.segments;
  const auto keys = static_cast<std::size_t>(
      std::max<std::int64_t>(plan.first_uncleanable - plan.first_dirty, 0));
  map_ = std::make_unique<OffsetMap>(limits_.offset_map_bytes_max, limits_.offset_map_load_factor,
                                     keys, input_.seed);
  map_->set_latest_offset(plan.first_dirty - 1);
  MOLDAU_ASSIGN_OR_RETURN(const auto aborted, input_.view.aborted_transactions(
                                                  plan.first_dirty, plan.first_uncleanable));
  transactions_.add_aborted(aborted);
  for (std::size_t n = 0; n < all.size(); ++n) {
    const Offset end = n + 1 < all.size() ? all[n + 1].base_offset : input_.view.log_end_offset;
    if (all[n].base_offset >= plan.first_uncleanable) break;
    if (end <= plan.first_dirty) {
      if (all[n].size > 0)
        old_delete_horizon_ = all[n].modified - input_.config.delete_retention_ms.value();
      continue;
    }
    MOLDAU_ASSIGN_OR_RETURN(const bool complete,
                            map_segment(all[n], std::min(end, plan.first_uncleanable)));
    if (!complete) break;
  }
  report_.keys = map_->size();
  end_offset_ = map_->latest_offset() + 1;
  transactions_ = CleanedTransactions();
  return {};
}

/// False if the map is full.
Result<bool> Compaction::map_segment(const SegmentView& segment, Offset segment_end) {
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<BatchPosition> first,
                          segment.find(input_.plan.first_dirty));
  if (first) {
    MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, segment.log->get());
    BatchReader reader(file, first->position, segment.size, limits_.io_buffer_bytes);
    for (;;) {
      MOLDAU_ASSIGN_OR_RETURN(const std::optional<record::BatchView> batch, reader.next());
      if (!batch) break;
      MOLDAU_TRY(check_cancelled());
      io_bytes_ += batch->size();
      MOLDAU_TRY(batch->check_crc());
      MOLDAU_ASSIGN_OR_RETURN(const bool complete, map_batch(*batch));
      if (!complete) return false;
      if (batch->last_offset() >= input_.plan.first_dirty)
        map_->set_latest_offset(batch->last_offset());
    }
  }
  map_->set_latest_offset(segment_end - 1);
  return true;
}

Result<bool> Compaction::map_batch(const record::BatchView& batch) {
  MOLDAU_ASSIGN_OR_RETURN(const partition::ProducerBatch facts, producer_batch_of(batch));
  if (batch.is_control()) {
    std::optional<AbortedTransaction> unused;
    transactions_.on_marker(facts, unused);
    return true;
  }
  if (transactions_.on_records(facts)) return true;
  record::RecordIterator records(batch, context_);
  record::RecordView record;
  while (records.next(record)) {
    if (!record.key || record.offset < input_.plan.first_dirty) continue;
    if (!map_->put(*record.key, record.offset)) return false;
  }
  MOLDAU_TRY(records.status());
  return true;
}

/// Neighbours that fit into one segment become one.
void Compaction::group_segments() {
  const std::vector<SegmentView>& all = input_.view.segments;
  const auto bytes_max = static_cast<std::uint64_t>(input_.config.segment_bytes);
  const auto index_max = static_cast<std::uint64_t>(input_.config.segment_index_bytes);
  std::uint64_t bytes = 0;
  std::uint64_t offsets = 0;
  std::uint64_t times = 0;
  for (std::size_t n = 0; n < all.size() && all[n].base_offset < end_offset_; ++n) {
    const Offset end = n + 1 < all.size() ? all[n + 1].base_offset : input_.plan.first_uncleanable;
    const std::uint64_t offset_bytes = std::uint64_t{all[n].offset_index.entries()} * 8;
    const std::uint64_t time_bytes = std::uint64_t{all[n].time_index.entries()} * 12;
    const bool fits = !groups_.empty() && bytes + all[n].size <= bytes_max &&
                      offsets + offset_bytes <= index_max && times + time_bytes <= index_max &&
                      end - 1 - all[groups_.back().front()].base_offset <= INT32_MAX;
    if (!fits) {
      groups_.emplace_back();
      bytes = offsets = times = 0;
    }
    groups_.back().push_back(n);
    bytes += all[n].size;
    offsets += offset_bytes;
    times += time_bytes;
  }
}

Result<void> Compaction::clean_segment(const SegmentView& segment, Offset segment_end,
                                       Segment& out) {
  MOLDAU_ASSIGN_OR_RETURN(const auto aborted,
                          input_.view.aborted_transactions(segment.base_offset, segment_end));
  transactions_.add_aborted(aborted);
  if (segment.size == 0) return {};
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, segment.log->get());
  BatchReader reader(file, 0, segment.size, limits_.io_buffer_bytes);
  for (;;) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<record::BatchView> batch, reader.next());
    if (!batch) break;
    MOLDAU_TRY(check_cancelled());
    MOLDAU_TRY(batch->check_crc());
    MOLDAU_TRY(clean_batch(segment, *batch, out));
    report_.bytes_read += batch->size();
    io_bytes_ += batch->size();
  }
  if (reader.position() != segment.size)
    return Error(ErrorCode::kCorruptMessage, segment.log->path() + " ends within a batch");
  return {};
}

Result<void> Compaction::clean_batch(const SegmentView& segment, const record::BatchView& batch,
                                     Segment& out) {
  MOLDAU_ASSIGN_OR_RETURN(const partition::ProducerBatch facts, producer_batch_of(batch));
  std::optional<AbortedTransaction> aborted;
  const bool can_discard = batch.is_control() ? transactions_.on_marker(facts, aborted)
                                              : transactions_.on_records(facts);
  const auto horizon = batch.delete_horizon();
  const bool discard = can_discard && (!batch.is_control() || (horizon && *horizon <= input_.now));
  record::FilterRules rules;
  rules.retain_empty = batch.is_v2() && ((batch.has_producer_id() && is_last_of_producer(batch)) ||
                                         batch.next_offset() == input_.plan.first_uncleanable);
  rules.marker_of_empty_transaction = can_discard && batch.is_control();
  rules.now = input_.now;
  rules.delete_retention = input_.config.delete_retention_ms;
  const bool retain_old_deletes = segment.modified > old_delete_horizon_;
  MOLDAU_ASSIGN_OR_RETURN(const record::FilteredBatch filtered,
                          record::filter_batch(
                              batch, rules,
                              [&](const record::RecordView& record) {
                                if (discard) return false;
                                return batch.is_control() ||
                                       retain_record(batch, record, retain_old_deletes);
                              },
                              context_));
  report_.records_read += static_cast<std::uint64_t>(std::max(filtered.records_read, 0));
  report_.records_written += static_cast<std::uint64_t>(std::max(filtered.records_retained, 0));
  if (filtered.action == record::FilterAction::kDrop) return {};
  const ByteView bytes =
      filtered.action == record::FilterAction::kKeep ? batch.bytes() : filtered.bytes.view();
  const auto header = parse_batch_header(bytes, 0, bytes.size());
  if (!header.ok()) return header.error();
  MOLDAU_CHECK(header->has_value(), "a batch is whole");
  MOLDAU_TRY(write(out, bytes, **header));
  return aborted ? out.txn_index().append(*aborted) : Result<void>();
}

bool Compaction::is_last_of_producer(const record::BatchView& batch) const {
  const auto found = input_.last_records.find(batch.producer_id().value());
  if (found == input_.last_records.end()) return false;
  const LastRecord& last = found->second;
  if (last.last_data_offset.value() >= 0) return batch.last_offset() == last.last_data_offset;
  return batch.is_control() && batch.producer_epoch() == last.producer_epoch;
}

bool Compaction::retain_record(const record::BatchView& batch, const record::RecordView& record,
                               bool retain_old_deletes) {
  if (record.offset > map_->latest_offset()) return true;
  if (!record.key) {
    ++report_.records_without_key;
    return false;
  }
  if (record.offset < map_->get(*record.key)) return false;
  if (record.value) return true;
  if (!batch.is_v2()) return retain_old_deletes;
  const auto horizon = batch.delete_horizon();
  return !horizon || input_.now < *horizon;
}

Result<void> Compaction::write(Segment& out, ByteView bytes, const BatchPosition& batch) {
  if (!out.can_hold(batch.last_offset))
    return Error(ErrorCode::kCorruptMessage, "offsets too far apart for one segment");
  BatchPosition placed = batch;
  placed.position = out.size();
  out.add(placed, input_.config.index_interval_bytes, input_.now);
  output_.insert(output_.end(), bytes.begin(), bytes.end());
  report_.bytes_written += bytes.size();
  io_bytes_ += bytes.size();
  return output_.size() >= limits_.io_buffer_bytes ? flush_output(out) : Result<void>();
}

Result<void> Compaction::flush_output(Segment& out) {
  if (!output_.empty()) {
    MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, out.log()->get());
    MOLDAU_TRY(file->write(ByteView(output_), output_position_));
    output_position_ += output_.size();
    output_.clear();
  }
  return out.write_indexes();
}

}  // namespace moldau::log
