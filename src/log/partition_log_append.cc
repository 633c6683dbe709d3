// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>

#include "log/partition_log.h"
#include "log/producer_batches.h"

namespace moldau::log {
namespace {

bool offsets_are_given(AppendOrigin origin) {
  return origin == AppendOrigin::kReplication || origin == AppendOrigin::kRaftLeader;
}

bool heals_by_itself(const Error& error) {
  return error.os_error == ENOSPC || error.os_error == EDQUOT;
}

BatchPosition position_of(const record::BatchView& batch, std::uint64_t position) {
  return {batch.base_offset(),
          batch.last_offset(),
          batch.max_timestamp(),
          batch.leader_epoch(),
          static_cast<std::uint32_t>(position),
          static_cast<std::uint32_t>(batch.size())};
}

Result<void> write_slices(const LogFile& log, const std::vector<Slice>& slices,
                          std::uint64_t position) {
  std::vector<ByteView> parts;
  parts.reserve(slices.size());
  for (const Slice& slice : slices) parts.push_back(slice.view());
  MOLDAU_ASSIGN_OR_RETURN(const std::shared_ptr<env::File> file, log.get());
  return file->write(std::span<const ByteView>(parts), position);
}

}  // namespace

Result<StagedAppend> PartitionLog::stage(AppendInput input) {
  MOLDAU_CHECK(!writing_ && !next_, "an append during a write or a roll");
  if (failed_ || closed_) return storage_error();
  if (staged_error_) return *staged_error_;
  staged_now_ = input.now;
  std::size_t bytes = 0;
  MOLDAU_ASSIGN_OR_RETURN(std::vector<StagedBatch> batches, place_batches(input, bytes));
  StagedAppend out;
  out.log_start_offset = log_start_offset_;
  out.base_offset = staged_end_offset_;
  out.last_offset = staged_end_offset_ - 1;
  if (batches.empty()) return out;

  MOLDAU_ASSIGN_OR_RETURN(const bool roll_first, must_roll(batches, bytes, input.now));
  if (roll_first && input.roll == Roll::kByHost) {
    out.must_roll = true;
    return out;
  }
  if (roll_first) {
    Result<void> rolled = write_pending();
    if (rolled.ok()) rolled = roll_at(batches.front().batch.base_offset, input.now);
    if (!rolled.ok()) {
      if (!staged_error_) staged_error_ = rolled.error();
      return rolled.error();
    }
  }
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<partition::BatchMetadata> duplicate,
                          stage_producers(input, bytes, batches));
  if (duplicate) {
    out.is_duplicate = true;
    out.base_offset = duplicate->first_offset();
    out.last_offset = duplicate->last_offset;
    out.duplicate_timestamp = duplicate->timestamp;
    return out;
  }
  out.base_offset = batches.front().batch.base_offset;
  out.last_offset = batches.back().batch.last_offset;
  for (StagedBatch& staged : batches) {
    staged.batch.position = static_cast<std::uint32_t>(active().size() + staged_size_);
    staged_size_ += staged.batch.size;
    staged_.push_back(std::move(staged));
  }
  staged_bytes_.push_back(bytes == input.records.size() ? std::move(input.records)
                                                        : input.records.sub(0, bytes));
  staged_end_offset_ = out.last_offset + 1;
  return out;
}

/// Gives the batches their offsets, or checks the given ones.
Result<std::vector<PartitionLog::StagedBatch>> PartitionLog::place_batches(
    const AppendInput& input, std::size_t& bytes_used) const {
  std::vector<StagedBatch> out;
  Offset next = staged_end_offset_;
  record::BatchIterator batches(input.records.view());
  for (;;) {
    const std::size_t from = batches.position();
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<record::BatchView> batch, batches.next());
    if (!batch) break;
    MOLDAU_TRY(place_batch(input, *batch, input.records.mutable_view().subspan(from, batch->size()),
                           next));
    out.push_back({position_of(*batch, 0), std::nullopt});
  }
  bytes_used = batches.position();
  // What a follower fetched may end within a batch; what a producer sent may not.
  if (bytes_used != input.records.size() && input.origin != AppendOrigin::kReplication)
    return Error(ErrorCode::kCorruptMessage, "bytes behind the last batch");
  if (bytes_used > static_cast<std::uint64_t>(config_.segment_bytes))
    return Error(ErrorCode::kRecordListTooLarge, std::to_string(bytes_used) +
                                                     " bytes, more than segment.bytes " +
                                                     std::to_string(config_.segment_bytes));
  return out;
}

Result<void> PartitionLog::place_batch(const AppendInput& input, const record::BatchView& batch,
                                       MutableBytes bytes, Offset& next) const {
  if (offsets_are_given(input.origin)) {
    if (batch.base_offset() < next && batch.last_offset() < next)
      return Error(ErrorCode::kOffsetOutOfRange,
                   "append at " + std::to_string(batch.base_offset().value()) +
                       " below the log end " + std::to_string(next.value()));
    if (batch.is_v2() && batch.base_offset() < next)
      return Error(ErrorCode::kOffsetOutOfRange, "append overlaps the log end");
    if (input.origin == AppendOrigin::kReplication) MOLDAU_TRY(batch.check_crc());
    if (input.origin == AppendOrigin::kRaftLeader && batch.leader_epoch() != input.leader_epoch)
      return Error(ErrorCode::kInvalidRecord, "a batch of another leader epoch");
  } else {
    if (batch.size() > static_cast<std::uint64_t>(std::max(config_.max_message_bytes, 0)))
      return Error(ErrorCode::kMessageTooLarge, "batch of " + std::to_string(batch.size()) +
                                                    " bytes, max.message.bytes is " +
                                                    std::to_string(config_.max_message_bytes));
    if (!batch.is_v2()) return Error(ErrorCode::kUnsupportedForMessageFormat, "magic below 2");
    record::set_base_offset(bytes, next);
    record::set_leader_epoch(bytes, input.leader_epoch);
  }
  if (batch.last_offset_delta() < 0 ||
      batch.base_offset().value() > INT64_MAX - 1 - std::int64_t{batch.last_offset_delta()})
    return Error(ErrorCode::kCorruptMessage, "offsets overflow");
  next = batch.next_offset();
  return {};
}

/// Checks all batches with the producer state; on an error or a duplicate it is as before.
Result<std::optional<partition::BatchMetadata>> PartitionLog::stage_producers(
    const AppendInput& input, std::size_t bytes, std::vector<StagedBatch>& batches) {
  const partition::ProducerState::Mark mark = producers_.mark();
  record::BatchIterator iterator(input.records.view().first(bytes));
  for (StagedBatch& staged : batches) {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<record::BatchView> batch, iterator.next());
    MOLDAU_CHECK(batch.has_value(), "the batches were counted before");
    if (!batch->has_producer_id()) continue;
    Result<partition::ProducerBatch> facts = producer_batch_of(*batch);
    if (!facts.ok()) {
      producers_.roll_back_to(mark);
      return std::move(facts).error();
    }
    Result<partition::ProducerVerdict> verdict =
        producers_.append(*facts, input.origin, input.claim);
    if (!verdict.ok()) {
      producers_.roll_back_to(mark);
      return std::move(verdict).error();
    }
    if (verdict->duplicate) {
      producers_.roll_back_to(mark);
      return verdict->duplicate;
    }
    if (const auto aborted = aborted_of(*verdict))
      staged.aborted = AbortedTransaction{aborted->producer_id, aborted->first_offset,
                                          aborted->last_offset, aborted->last_stable_offset};
  }
  return std::optional<partition::BatchMetadata>();
}

Result<std::optional<partition::VerificationGuard>> PartitionLog::begin_verification(
    ByteView records, bool adds_itself, Timestamp now) {
  MOLDAU_ASSIGN_OR_RETURN(const record::BatchView batch, record::BatchView::parse(records));
  MOLDAU_ASSIGN_OR_RETURN(const partition::ProducerBatch facts, producer_batch_of(batch));
  return producers_.begin_verification(facts, adds_itself, now);
}

WriteOutcome PartitionLog::write_staged() {
  MOLDAU_CHECK(!writing_, "one write at a time");
  if (!staged_error_ && !failed_) {
    Result<void> written = write_pending();
    if (!written.ok()) staged_error_ = std::move(written).error();
  }
  drop_staged();
  WriteOutcome out{log_end_offset_, std::move(staged_error_)};
  staged_error_.reset();
  return out;
}

/// Writes what is staged into the active segment, or leaves no trace of it.
Result<void> PartitionLog::write_pending() {
  if (staged_.empty()) return {};
  return settle_write(write_slices(*active().log(), staged_bytes_, active().size()));
}

std::optional<PartitionLog::Work> PartitionLog::begin_write() {
  if (staged_.empty() || staged_error_ || failed_) return std::nullopt;
  MOLDAU_CHECK(!writing_, "one write at a time");
  writing_ = true;
  return [log = active().log(), bytes = staged_bytes_,
          position = std::uint64_t{active().size()}]() -> Result<void> {
    return write_slices(*log, bytes, position);
  };
}

WriteOutcome PartitionLog::end_write(Result<void> written) {
  writing_ = false;
  WriteOutcome out;
  if (failed_) {
    drop_staged();
    out.error = storage_error();
  } else if (Result<void> settled = settle_write(std::move(written)); !settled.ok()) {
    out.error = std::move(settled).error();
  }
  out.log_end_offset = log_end_offset_;
  return out;
}

/// What was staged is in the file, and becomes visible; or it is not, and leaves no trace.
Result<void> PartitionLog::settle_write(Result<void> written) {
  const std::uint32_t txn_entries = active().txn_index().entries();
  if (written.ok()) written = write_aborted();
  if (!written.ok()) {
    undo_write(written.error(), txn_entries);
    drop_staged();
    return written;
  }
  publish_staged();
  return {};
}

Result<void> PartitionLog::write_aborted() {
  for (const StagedBatch& staged : staged_) {
    if (!staged.aborted) continue;
    if (active().txn_index().empty()) ++directory_changes_;
    MOLDAU_TRY(active().txn_index().append(*staged.aborted));
  }
  return {};
}

void PartitionLog::undo_write(const Error& cause, std::uint32_t txn_entries_before) {
  // After an error that is not a lack of room nobody knows what the disk will do next.
  if (!heals_by_itself(cause)) failed_ = true;
  const std::shared_ptr<env::File> file = active().log()->opened();
  if (!file || !file->truncate(active().size()).ok()) failed_ = true;
  if (active().txn_index().entries() != txn_entries_before &&
      !active().txn_index().truncate_to(log_end_offset_).ok())
    failed_ = true;
}

void PartitionLog::publish_staged() {
  is_dirty_ = true;
  for (const StagedBatch& staged : staged_) {
    const BatchPosition& batch = staged.batch;
    active().add(batch, config_.index_interval_bytes, staged_now_);
    if (batch.leader_epoch.value() >= 0 && epochs_.assign(batch.leader_epoch, batch.base_offset))
      want_epoch_checkpoint(batch.base_offset);
    remember(batch);
  }
  log_end_offset_ = staged_.back().batch.last_offset + 1;
  producers_.set_end_offset(log_end_offset_);
  producers_.commit();
  staged_.clear();
  staged_bytes_.clear();
  staged_size_ = 0;
  staged_end_offset_ = log_end_offset_;
  // An index that cannot be written now is only behind: it stays in memory, and a crash rebuilds
  // it. The next append tries again.
  if (active().index_entries_waiting() >= OffsetIndex::kBufferedMax) {
    if (active().offset_index().file()->opened() == nullptr) ++directory_changes_;
    (void)active().write_indexes();
  }
}

void PartitionLog::drop_staged() {
  producers_.roll_back_to(0);
  staged_.clear();
  staged_bytes_.clear();
  staged_size_ = 0;
  staged_end_offset_ = log_end_offset_;
}

void PartitionLog::remember(const BatchPosition& batch) {
  if (!recent_) recent_ = std::make_unique<std::array<BatchPosition, kRecentBatches>>();
  (*recent_)[recent_count_++ % kRecentBatches] = batch;
}

}  // namespace moldau::log
