// SPDX-License-Identifier: Apache-2.0
// InitProducerId: a new producer for a transactional id, or the same one going on after an error
// (KIP-360).
#include <utility>

#include "machine/txn/answers.h"
#include "machine/txn/txn_machine.h"

namespace moldau::txn {

ErrorCode TxnMachine::check_init(const wire::InitProducerIdRequest& request) const {
  // Both or none; none is -1.
  if ((request.producer_id == -1) != (request.producer_epoch == -1))
    return ErrorCode::kInvalidRequest;
  if (!is_transactional_id(request.transactional_id.view())) return ErrorCode::kInvalidRequest;
  if (request.enable2_pc && !settings_.two_phase_commit_enable)
    return ErrorCode::kTransactionalIdAuthorizationFailed;
  // 4.3 has the field, and refuses it too.
  if (request.keep_prepared_txn) return ErrorCode::kUnsupportedVersion;
  const Millis timeout(request.transaction_timeout_ms);
  if (!request.enable2_pc && (timeout > settings_.transaction_max_timeout || timeout <= Millis(0)))
    return ErrorCode::kInvalidTransactionTimeout;
  return ErrorCode::kNone;
}

TxnEffects TxnMachine::init_producer_id(const TxnContext& context, AnswerId id,
                                        const wire::InitProducerIdRequest& request,
                                        std::int16_t version) {
  TxnEffects effects = begin(context);
  if (const ErrorCode error = check_init(request); error != ErrorCode::kNone) {
    effects.answers.push_back(init_answer(id, version, error));
    return effects;
  }
  InitRequest init_request;
  init_request.id = id;
  init_request.transactional_id = request.transactional_id.str();
  init_request.timeout = request.enable2_pc ? kNoTimeout : Millis(request.transaction_timeout_ms);
  if (request.producer_id != -1)
    init_request.expected.emplace(ProducerId(request.producer_id),
                                  ProducerEpoch(request.producer_epoch));
  init_request.version = version;
  init(context, std::move(init_request), std::nullopt, effects);
  return effects;
}

void TxnMachine::init(const TxnContext& context, InitRequest request,
                      std::optional<ProducerId> given, TxnEffects& effects) {
  const auto at = entries_.find(request.transactional_id);
  if (at == entries_.end()) return init_new(context, std::move(request), given, effects);
  const Entry& entry = at->second;
  if (entry.is_pending()) {
    effects.answers.push_back(
        init_answer(request.id, request.version, ErrorCode::kConcurrentTransactions));
    return;
  }
  // The producer id before is accepted from a producer whose epochs had run out: it may not have
  // got the answer with the new one.
  if (request.expected && request.expected->first != entry.hard.producer_id &&
      (request.expected->first != entry.hard.previous_producer_id ||
       request.expected->second < kProducerEpochMax)) {
    effects.answers.push_back(init_answer(request.id, request.version, ErrorCode::kProducerFenced));
    return;
  }
  if (entry.hard.state == TransactionState::kOngoing)
    return init_ongoing(context, std::move(request), *at, given, effects);
  init_idle(context, std::move(request), *at, given, effects);
}

void TxnMachine::init_new(const TxnContext& context, InitRequest request,
                          std::optional<ProducerId> given, TxnEffects& effects) {
  if (entries_.size() >= settings_.transactional_ids_max) {
    effects.answers.push_back(
        init_answer(request.id, request.version, ErrorCode::kPolicyViolation));
    return;
  }
  const AnswerId id = request.id;
  const std::int16_t version = request.version;
  if (!given) {
    if (!wait_for_producer_id(std::move(request), nullptr, effects))
      effects.answers.push_back(init_answer(id, version, ErrorCode::kCoordinatorLoadInProgress));
    return;
  }
  TransactionMetadata next;
  next.producer_id = next.previous_producer_id = *given;
  next.producer_epoch = ProducerEpoch(0);
  next.timeout = request.timeout;
  next.last_update = context.wall;
  write(context, request.transactional_id, next, ProducerEpoch(-1), effects);
  effects.answers.push_back(
      init_answer(id, version, ErrorCode::kNone, next.producer_id, next.producer_epoch));
}

void TxnMachine::init_ongoing(const TxnContext& context, InitRequest request, Named& named,
                              std::optional<ProducerId> given, TxnEffects& effects) {
  const AnswerId id = request.id;
  const std::int16_t version = request.version;
  const auto answer = [&](ErrorCode error) {
    effects.answers.push_back(init_answer(id, version, error));
  };
  // A delayed request must not end the transaction of who came after.
  if (request.expected && request.expected->second != named.second.hard.producer_epoch)
    return answer(ErrorCode::kProducerFenced);
  if (!given && fence_needs_producer_id(context, named.second)) {
    if (!wait_for_producer_id(std::move(request), &named, effects))
      answer(ErrorCode::kCoordinatorLoadInProgress);
    return;
  }
  fence(context, named, given, effects);
  // The client tries again, and finds the transaction aborted.
  answer(ErrorCode::kConcurrentTransactions);
}

/// The epoch to go on with, and the one of the producer that may repeat this request.
Result<std::pair<ProducerEpoch, ProducerEpoch>> TxnMachine::next_epoch(const Entry& entry,
                                                                       const InitRequest& request) {
  const ProducerEpoch now = entry.hard.producer_epoch;
  if (!request.expected) return std::pair(now + 1, ProducerEpoch(-1));
  const ProducerEpoch expected = request.expected->second;
  if (expected == now) return std::pair(now + 1, now);
  // A repeated request: the answer to the first did not arrive.
  if (expected == entry.last_producer_epoch) return std::pair(now, expected);
  return Error(ErrorCode::kProducerFenced);
}

void TxnMachine::init_idle(const TxnContext& context, InitRequest request, Named& named,
                           std::optional<ProducerId> given, TxnEffects& effects) {
  const AnswerId id = request.id;
  const std::int16_t version = request.version;
  const Entry& entry = named.second;
  TransactionMetadata next = transition(entry.hard, TransactionState::kEmpty, context.wall);
  next.timeout = request.timeout;
  next.start = Timestamp(-1);
  next.partitions.clear();
  ProducerEpoch last(-1);
  if (entry.hard.is_epoch_exhausted() &&
      (!request.expected || request.expected->second == entry.hard.producer_epoch)) {
    if (!given) {
      if (!wait_for_producer_id(std::move(request), &named, effects))
        effects.answers.push_back(init_answer(id, version, ErrorCode::kCoordinatorLoadInProgress));
      return;
    }
    if (request.expected) last = entry.hard.producer_epoch;
    next.producer_id = *given;
    next.producer_epoch = ProducerEpoch(0);
  } else {
    const auto epochs = next_epoch(entry, request);
    if (!epochs.ok()) {
      effects.answers.push_back(init_answer(id, version, epochs.code()));
      return;
    }
    next.producer_epoch = epochs->first;
    last = epochs->second;
  }
  write(context, named.first, next, last, effects);
  effects.answers.push_back(
      init_answer(id, version, ErrorCode::kNone, next.producer_id, next.producer_epoch));
}

}  // namespace moldau::txn
