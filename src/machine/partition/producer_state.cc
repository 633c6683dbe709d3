// SPDX-License-Identifier: Apache-2.0
#include "machine/partition/producer_state.h"

#include <algorithm>
#include <limits>

namespace moldau::partition {
namespace {

constexpr std::int32_t kNoSequence = -1;

bool in_sequence(std::int32_t last, std::int32_t next) {
  if (last == std::numeric_limits<std::int32_t>::max()) return next == 0;
  return next == last + 1;
}

std::string about(const ProducerBatch& batch) {
  return "producer " + std::to_string(batch.producer_id.value()) + " at offset " +
         std::to_string(batch.first_offset.value());
}

}  // namespace

std::int32_t BatchMetadata::first_sequence() const {
  if (last_sequence < 0) return kNoSequence;
  const std::int64_t first = std::int64_t{last_sequence} - offset_delta;
  // Sequences wrap from 2147483647 to 0.
  return static_cast<std::int32_t>(first < 0 ? first + (std::int64_t{1} << 31) : first);
}

void ProducerEntry::set_epoch(ProducerEpoch epoch) {
  if (epoch == producer_epoch) return;
  count_ = 0;
  producer_epoch = epoch;
}

void ProducerEntry::add_batch(const BatchMetadata& batch) {
  if (count_ == kBatchesMax) {
    std::move(batches_.begin() + 1, batches_.end(), batches_.begin());
    --count_;
  }
  batches_[count_++] = batch;
}

const BatchMetadata* ProducerEntry::find_duplicate(const ProducerBatch& batch) const {
  if (batch.producer_epoch != producer_epoch) return nullptr;
  for (std::size_t n = 0; n < count_; ++n)
    if (batches_[n].first_sequence() == batch.first_sequence &&
        batches_[n].last_sequence == batch.last_sequence)
      return &batches_[n];
  return nullptr;
}

Result<void> ProducerState::check_epoch(const ProducerEntry& entry, const ProducerBatch& batch,
                                        AppendOrigin origin) const {
  if (batch.producer_epoch >= entry.producer_epoch || origin == AppendOrigin::kReplication ||
      origin == AppendOrigin::kRaftLeader)
    return {};
  return Error(ErrorCode::kInvalidProducerEpoch,
               "epoch of " + about(batch) + " is " + std::to_string(batch.producer_epoch.value()) +
                   ", below the last seen " + std::to_string(entry.producer_epoch.value()));
}

/// With an epoch for each transaction a marker of the epoch that we have is a late one, unless it
/// is the same marker again.
Result<void> ProducerState::check_marker_epoch(const ProducerEntry& entry,
                                               const ProducerBatch& batch, AppendOrigin origin,
                                               std::int8_t transaction_version) const {
  if (transaction_version < 2 || batch.producer_epoch != entry.producer_epoch)
    return check_epoch(entry, batch, origin);
  const bool is_again = entry.current_txn_first_offset.value() < 0 ||
                        batch.producer_epoch.value() == std::numeric_limits<std::int16_t>::max();
  if (is_again) return {};
  return Error(ErrorCode::kInvalidProducerEpoch, "the marker of " + about(batch) +
                                                     " has the epoch of the open transaction, " +
                                                     std::to_string(entry.producer_epoch.value()));
}

Result<void> ProducerState::check_verified(const ProducerEntry& entry, const ProducerBatch& batch,
                                           const TransactionClaim& claim) const {
  if (!claim.must_be_verified || is_open(entry, batch)) return {};
  const auto found = verifications_.find(batch.producer_id.value());
  if (found != verifications_.end() && found->second.guard == claim.guard) return {};
  return Error(ErrorCode::kInvalidTxnState, about(batch) + " has no open transaction here");
}

Result<std::optional<VerificationGuard>> ProducerState::begin_verification(
    const ProducerBatch& batch, bool adds_itself, Timestamp now) {
  const ProducerEntry* entry = find(batch.producer_id);
  if (entry && is_open(*entry, batch)) return std::optional<VerificationGuard>();
  auto found = verifications_.find(batch.producer_id.value());
  if (found == verifications_.end()) {
    if (verifications_.size() >= kVerificationsMax)
      return Error(ErrorCode::kNotEnoughReplicas, "too many transactions begin at once");
    const VerificationGuard guard(++last_guard_);
    found = verifications_
                .emplace(batch.producer_id.value(), Verification{guard, now, batch.first_sequence,
                                                                 batch.producer_epoch, adds_itself})
                .first;
  }
  Verification& verification = found->second;
  if (batch.producer_epoch > verification.epoch) {
    verification.epoch = batch.producer_epoch;
    verification.lowest_sequence = batch.first_sequence;
  } else if (batch.producer_epoch == verification.epoch) {
    verification.lowest_sequence = std::min(verification.lowest_sequence, batch.first_sequence);
  }
  return std::optional(verification.guard);
}

ErrorCode ProducerState::check_transactional(ProducerId producer_id, ProducerEpoch epoch,
                                             const TransactionClaim& claim) const {
  ProducerBatch batch;
  batch.producer_id = producer_id;
  batch.producer_epoch = epoch;
  const ProducerEntry* found = find(producer_id);
  const ProducerEntry entry = found ? *found : ProducerEntry();
  Result<void> checked = check_verified(entry, batch, claim);
  if (checked.ok()) checked = check_epoch(entry, batch, AppendOrigin::kCoordinator);
  return checked.ok() ? ErrorCode::kNone : checked.error().code;
}

Result<void> ProducerState::check_sequence(const ProducerEntry& entry,
                                           const ProducerBatch& batch) const {
  const auto verified = verifications_.find(batch.producer_id.value());
  if (verified != verifications_.end()) {
    const Verification& verification = verified->second;
    const bool must_be_first =
        verification.adds_itself && entry.batch_count() == 0 && batch.first_sequence != 0;
    if (must_be_first || batch.first_sequence > verification.lowest_sequence)
      return Error(ErrorCode::kOutOfOrderSequenceNumber,
                   about(batch) + " sends sequence " + std::to_string(batch.first_sequence) +
                       " before " +
                       std::to_string(must_be_first ? 0 : verification.lowest_sequence));
  }
  if (batch.producer_epoch != entry.producer_epoch) {
    // A new epoch begins with sequence 0; a producer that we do not know (any more) may go on.
    if (batch.first_sequence == 0 || entry.producer_epoch.value() < 0) return {};
    return Error(ErrorCode::kOutOfOrderSequenceNumber, "new epoch of " + about(batch) +
                                                           " begins with sequence " +
                                                           std::to_string(batch.first_sequence));
  }
  if (in_sequence(entry.last_sequence(), batch.first_sequence)) return {};
  return Error(ErrorCode::kOutOfOrderSequenceNumber,
               about(batch) + " sends sequence " + std::to_string(batch.first_sequence) +
                   " after " + std::to_string(entry.last_sequence()));
}

Result<ProducerVerdict> ProducerState::append(const ProducerBatch& batch, AppendOrigin origin,
                                              const TransactionClaim& claim) {
  const auto found = producers_.find(batch.producer_id.value());
  ProducerEntry current = found == producers_.end() ? ProducerEntry() : found->second;
  if (batch.is_control) {
    // A control batch of no transaction, or one emptied by compaction, changes nothing.
    if (!batch.marker) return ProducerVerdict();
    return append_marker(current, batch, origin, claim.transaction_version);
  }
  if (origin == AppendOrigin::kClient) {
    if (const BatchMetadata* duplicate = current.find_duplicate(batch)) {
      ProducerVerdict verdict;
      verdict.duplicate = *duplicate;
      return verdict;
    }
  }
  if (batch.is_transactional) MOLDAU_TRY(check_verified(current, batch, claim));
  return append_data(current, batch, origin);
}

Result<ProducerVerdict> ProducerState::append_data(ProducerEntry updated,
                                                   const ProducerBatch& batch,
                                                   AppendOrigin origin) {
  MOLDAU_TRY(check_epoch(updated, batch, origin));
  if (origin == AppendOrigin::kClient) MOLDAU_TRY(check_sequence(updated, batch));
  const bool in_transaction = updated.current_txn_first_offset.value() >= 0;
  if (in_transaction && !batch.is_transactional)
    return Error(ErrorCode::kInvalidTxnState,
                 about(batch) + " writes outside of its open transaction");
  updated.set_epoch(batch.producer_epoch);
  updated.add_batch({batch.last_offset, batch.max_timestamp, batch.last_sequence,
                     static_cast<std::int32_t>(batch.last_offset - batch.first_offset)});
  updated.last_timestamp = batch.max_timestamp;
  const bool begins = batch.is_transactional && !in_transaction;
  if (begins) updated.current_txn_first_offset = batch.first_offset;
  store(batch.producer_id, updated);
  if (begins) {
    verifications_.erase(batch.producer_id.value());
    ongoing_[batch.first_offset] = batch.producer_id;
    undo_.push_back({Undo::Kind::kTxnStarted, batch.producer_id, batch.first_offset, {}});
  }
  return ProducerVerdict();
}

Result<ProducerVerdict> ProducerState::append_marker(ProducerEntry updated,
                                                     const ProducerBatch& batch,
                                                     AppendOrigin origin,
                                                     std::int8_t transaction_version) {
  MOLDAU_TRY(check_marker_epoch(updated, batch, origin, transaction_version));
  const EndTransactionMarker& marker = *batch.marker;
  if (updated.coordinator_epoch > marker.coordinator_epoch &&
      origin != AppendOrigin::kReplication && origin != AppendOrigin::kRaftLeader)
    return Error(ErrorCode::kTransactionCoordinatorFenced,
                 "coordinator epoch " + std::to_string(marker.coordinator_epoch) + " for " +
                     about(batch) + " is below " + std::to_string(updated.coordinator_epoch));
  verifications_.erase(batch.producer_id.value());
  const Offset first = updated.current_txn_first_offset;
  updated.set_epoch(batch.producer_epoch);
  updated.coordinator_epoch = marker.coordinator_epoch;
  updated.last_timestamp = batch.max_timestamp;
  updated.current_txn_first_offset = Offset(-1);
  store(batch.producer_id, updated);

  ProducerVerdict verdict;
  if (first.value() < 0) return verdict;
  CompletedTransaction completed{batch.producer_id, first, batch.first_offset, marker.is_abort,
                                 Offset(-1)};
  completed.last_stable_offset = stable_after(completed);
  ongoing_.erase(first);
  unreplicated_[first] = {batch.producer_id, batch.first_offset};
  undo_.push_back({Undo::Kind::kTxnCompleted, batch.producer_id, first, {}});
  verdict.completed = completed;
  return verdict;
}

Offset ProducerState::stable_after(const CompletedTransaction& completed) const {
  for (const auto& [first, producer] : ongoing_)
    if (producer != completed.producer_id) return first;
  return completed.last_offset + 1;
}

void ProducerState::store(ProducerId id, const ProducerEntry& entry) {
  auto [slot, is_new] = producers_.try_emplace(id.value());
  undo_.push_back(
      {is_new ? Undo::Kind::kNewEntry : Undo::Kind::kEntry, id, Offset(-1), slot->second});
  slot->second = entry;
}

void ProducerState::roll_back_to(Mark mark) {
  MOLDAU_CHECK(mark <= undo_.size(), "a mark is good until the next commit");
  while (undo_.size() > mark) {
    const Undo& undo = undo_.back();
    switch (undo.kind) {
      case Undo::Kind::kNewEntry:
        producers_.erase(undo.producer_id.value());
        break;
      case Undo::Kind::kEntry:
        producers_[undo.producer_id.value()] = undo.entry;
        break;
      case Undo::Kind::kTxnStarted:
        ongoing_.erase(undo.offset);
        break;
      case Undo::Kind::kTxnCompleted:
        unreplicated_.erase(undo.offset);
        ongoing_[undo.offset] = undo.producer_id;
        break;
    }
    undo_.pop_back();
  }
}

const ProducerEntry* ProducerState::find(ProducerId id) const {
  const auto found = producers_.find(id.value());
  return found == producers_.end() ? nullptr : &found->second;
}

std::optional<Offset> ProducerState::first_unstable_offset() const {
  std::optional<Offset> first = first_undecided_offset();
  if (!unreplicated_.empty() && (!first || unreplicated_.begin()->first < *first))
    first = unreplicated_.begin()->first;
  return first;
}

std::optional<Offset> ProducerState::first_undecided_offset() const {
  return ongoing_.empty() ? std::nullopt : std::optional(ongoing_.begin()->first);
}

void ProducerState::on_high_watermark(Offset high_watermark) {
  for (auto it = unreplicated_.begin(); it != unreplicated_.end();)
    it = it->second.marker < high_watermark ? unreplicated_.erase(it) : std::next(it);
}

void ProducerState::clear() {
  producers_.clear();
  ongoing_.clear();
  unreplicated_.clear();
  undo_.clear();
  verifications_.clear();
}

std::size_t ProducerState::remove_expired(Timestamp now, Millis expiration) {
  MOLDAU_CHECK(undo_.empty(), "expiry while appends are staged");
  std::erase_if(verifications_,
                [&](const auto& item) { return is_expired(item.second.begun, now, expiration); });
  return std::erase_if(producers_, [&](const auto& item) {
    const ProducerEntry& entry = item.second;
    return entry.current_txn_first_offset.value() < 0 &&
           is_expired(entry.last_timestamp, now, expiration);
  });
}

}  // namespace moldau::partition
