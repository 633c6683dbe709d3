// SPDX-License-Identifier: Apache-2.0
// EndTxn of both generations, the end of transactions by the server, and completion.
#include <algorithm>
#include <tuple>
#include <utility>

#include "machine/txn/answers.h"
#include "machine/txn/txn_machine.h"

namespace moldau::txn {
namespace {

TransactionState prepared(bool commit) {
  return commit ? TransactionState::kPrepareCommit : TransactionState::kPrepareAbort;
}

/// KIP-890: each transaction ends with the next epoch; when they run out, under the next id.
void bump_epoch(TransactionMetadata& next, std::optional<ProducerId> next_producer_id) {
  if (next.producer_epoch < kFencedEpochMax) ++next.producer_epoch;
  next.next_producer_id = next_producer_id.value_or(ProducerId(-1));
  next.client_transaction_version = 2;
}

/// Whose turn it is once the markers are written.
std::pair<ProducerId, ProducerEpoch> successor(const TransactionMetadata& prepared_state) {
  if (prepared_state.client_transaction_version >= 2 &&
      prepared_state.next_producer_id != ProducerId(-1))
    return {prepared_state.next_producer_id, ProducerEpoch(0)};
  return {prepared_state.producer_id, prepared_state.producer_epoch};
}

}  // namespace

TxnEffects TxnMachine::end_txn(const TxnContext& context, AnswerId id,
                               const wire::EndTxnRequest& request, std::int16_t version) {
  TxnEffects effects = begin(context);
  EndRequest end_request;
  end_request.id = id;
  end_request.transactional_id = request.transactional_id.str();
  end_request.producer_id = ProducerId(request.producer_id);
  end_request.producer_epoch = ProducerEpoch(request.producer_epoch);
  end_request.commit = request.committed;
  end_request.version = version;
  end(context, std::move(end_request), std::nullopt, effects);
  return effects;
}

void TxnMachine::end(const TxnContext& context, EndRequest request, std::optional<ProducerId> given,
                     TxnEffects& effects) {
  const AnswerId id = request.id;
  const std::int16_t version = request.version;
  const auto answer = [&](ErrorCode error, ProducerId producer_id, ProducerEpoch epoch) {
    effects.answers.push_back(end_answer(id, version, error, producer_id, epoch));
  };
  const auto refuse = [&](ErrorCode error) { answer(error, ProducerId(-1), ProducerEpoch(-1)); };
  if (!is_transactional_id(request.transactional_id)) return refuse(ErrorCode::kInvalidRequest);
  // Without that level the record cannot hold the client's version.
  if (request.bumps_epoch() && context.transaction_version < 1)
    return refuse(ErrorCode::kUnsupportedVersion);
  const auto at = entries_.find(request.transactional_id);
  if (at == entries_.end()) return refuse(ErrorCode::kInvalidProducerIdMapping);
  const Entry& entry = at->second;
  TransactionMetadata next = transition(entry.hard, prepared(request.commit), context.wall);
  if (!request.bumps_epoch()) {
    // kNone: that was done before.
    const ErrorCode error = judge_end(entry, request);
    if (error != ErrorCode::kNone || entry.hard.state != TransactionState::kOngoing)
      return refuse(error);
    next.client_transaction_version = 0;
    next.next_producer_id = ProducerId(-1);
    prepare(context, *at, next, entry.last_producer_epoch, effects);
    return refuse(ErrorCode::kNone);
  }
  if (const ErrorCode error = judge_end_bumping(entry, request); error != ErrorCode::kNone)
    return refuse(error);
  const ProducerEpoch before = entry.hard.producer_epoch;
  if (request.producer_epoch != before || request.producer_id != entry.hard.producer_id)
    return answer(ErrorCode::kNone, entry.hard.producer_id, before);
  if (!given && entry.hard.is_epoch_exhausted()) {
    if (!wait_for_producer_id(std::move(request), &*at, effects))
      refuse(ErrorCode::kCoordinatorLoadInProgress);
    return;
  }
  // Only what an open transaction has not given: nothing was added before this abort.
  if (entry.hard.state != TransactionState::kOngoing) {
    next.start = context.wall;
    next.partitions.clear();
  }
  bump_epoch(next, entry.hard.is_epoch_exhausted() ? given : std::nullopt);
  prepare(context, *at, next, before, effects);
  const auto [producer_id, epoch] = successor(next);
  answer(ErrorCode::kNone, producer_id, epoch);
}

/// Clients that keep their epoch: the state says whether this is a retry.
ErrorCode TxnMachine::judge_end(const Entry& entry, const EndRequest& request) {
  if (entry.hard.producer_id != request.producer_id) return ErrorCode::kInvalidProducerIdMapping;
  if (entry.hard.producer_epoch != request.producer_epoch) return ErrorCode::kProducerFenced;
  if (entry.is_pending()) return ErrorCode::kConcurrentTransactions;
  switch (entry.hard.state) {
    case TransactionState::kOngoing:
      return ErrorCode::kNone;
    case TransactionState::kCompleteCommit:
      return request.commit ? ErrorCode::kNone : ErrorCode::kInvalidTxnState;
    case TransactionState::kCompleteAbort:
      return request.commit ? ErrorCode::kInvalidTxnState : ErrorCode::kNone;
    default:
      return ErrorCode::kInvalidTxnState;
  }
}

/// Clients that bump it: only the epoch says whether this is a retry of the last end, or the next
/// one. What a retry repeats was done with a bump: where it was not, the epoch was given to another
/// producer, who keeps it. Without partitions a transaction can be aborted, not committed.
ErrorCode TxnMachine::judge_end_bumping(const Entry& entry, const EndRequest& request) {
  const TransactionMetadata& hard = entry.hard;
  const bool is_complete = hard.state == TransactionState::kCompleteCommit ||
                           hard.state == TransactionState::kCompleteAbort;
  const bool rotated = is_complete && hard.previous_producer_id == request.producer_id &&
                       request.producer_epoch == kProducerEpochMax &&
                       hard.producer_epoch == ProducerEpoch(0);
  if (hard.producer_id != request.producer_id && !rotated)
    return ErrorCode::kInvalidProducerIdMapping;
  const bool is_current =
      request.producer_epoch == hard.producer_epoch && hard.producer_id == request.producer_id;
  const bool is_before =
      hard.producer_epoch > ProducerEpoch(0) && request.producer_epoch == hard.producer_epoch - 1;
  const bool is_retry = hard.client_transaction_version >= 2 && (rotated || is_before);
  const bool valid = hard.is_preparing() ? is_retry : is_current || (is_complete && is_retry);
  if (!valid || (is_current && hard.producer_epoch > kProducerEpochMax))
    return ErrorCode::kProducerFenced;
  if (entry.is_pending()) return ErrorCode::kConcurrentTransactions;
  if (hard.state == TransactionState::kOngoing) return ErrorCode::kNone;
  if (is_current) return request.commit ? ErrorCode::kInvalidTxnState : ErrorCode::kNone;
  const bool committed = hard.state == TransactionState::kCompleteCommit;
  return committed == request.commit ? ErrorCode::kNone : ErrorCode::kInvalidTxnState;
}

bool TxnMachine::fence_needs_producer_id(const TxnContext& context, const Entry& entry) {
  return context.transaction_version >= 2 && entry.hard.producer_epoch == kProducerEpochMax;
}

void TxnMachine::fence(const TxnContext& context, Named& named, std::optional<ProducerId> given,
                       TxnEffects& effects) {
  const TransactionMetadata& hard = named.second.hard;
  MOLDAU_CHECK(hard.state == TransactionState::kOngoing, "only an open transaction is fenced");
  TransactionMetadata next = transition(hard, TransactionState::kPrepareAbort, context.wall);
  ProducerEpoch last(-1);
  if (context.transaction_version >= 2 && hard.producer_epoch <= kProducerEpochMax) {
    last = hard.producer_epoch;
    bump_epoch(next, hard.is_epoch_exhausted() ? given : std::nullopt);
  } else {
    if (next.producer_epoch < kFencedEpochMax) ++next.producer_epoch;
    next.next_producer_id = ProducerId(-1);
    next.client_transaction_version = 0;
  }
  prepare(context, named, next, last, effects);
}

void TxnMachine::prepare(const TxnContext& context, Named& named, const TransactionMetadata& next,
                         ProducerEpoch last_producer_epoch, TxnEffects& effects) {
  write(context, named.first, next, last_producer_epoch, effects);
  send_markers(context, named, effects);
}

void TxnMachine::complete(const TxnContext& context, Named& named, TxnEffects& effects) {
  const TransactionMetadata& hard = named.second.hard;
  TransactionMetadata next =
      transition(hard,
                 hard.state == TransactionState::kPrepareCommit ? TransactionState::kCompleteCommit
                                                                : TransactionState::kCompleteAbort,
                 context.wall);
  std::tie(next.producer_id, next.producer_epoch) = successor(hard);
  next.next_producer_id = ProducerId(-1);
  next.partitions.clear();
  write(context, named.first, next, named.second.last_producer_epoch, effects);
}

}  // namespace moldau::txn
