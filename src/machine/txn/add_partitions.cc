// SPDX-License-Identifier: Apache-2.0
// AddPartitionsToTxn in all its forms, and AddOffsetsToTxn.
#include <algorithm>
#include <utility>

#include "machine/txn/answers.h"
#include "machine/txn/txn_machine.h"

namespace moldau::txn {
namespace {

constexpr std::string_view kOffsetsTopic = "__consumer_offsets";

/// Requests from here on come from brokers: several transactions, for clients that bump the epoch.
constexpr std::int16_t kFirstOfBrokers = 4;

std::set<TopicPartition> partitions_of(const AddPartitionsTransaction& transaction) {
  std::set<TopicPartition> out;
  for (const auto& topic : transaction.topics) {
    for (const std::int32_t index : topic.partitions)
      out.insert(TopicPartition{topic.name.str(), PartitionId(index)});
  }
  return out;
}

template <class ErrorOf>
AddPartitionsResult result_with(const AddPartitionsTransaction& transaction, ErrorOf error_of) {
  AddPartitionsResult out;
  out.transactional_id = transaction.transactional_id.own();
  for (const auto& topic : transaction.topics) {
    auto& result = out.topic_results.emplace_back();
    result.name = topic.name.own();
    for (const std::int32_t index : topic.partitions) {
      auto& partition = result.results_by_partition.emplace_back();
      partition.partition_index = index;
      partition.partition_error_code =
          static_cast<std::int16_t>(error_of(topic.name.view(), PartitionId(index)));
    }
  }
  return out;
}

}  // namespace

std::vector<AddPartitionsTransaction> transactions_of(
    const wire::AddPartitionsToTxnRequest& request, std::int16_t version) {
  if (version >= kFirstOfBrokers) return request.transactions;
  AddPartitionsTransaction one;
  one.transactional_id = request.v3_and_below_transactional_id;
  one.producer_id = request.v3_and_below_producer_id;
  one.producer_epoch = request.v3_and_below_producer_epoch;
  one.topics = request.v3_and_below_topics;
  return {one};
}

wire::AddPartitionsToTxnResponse response_of(std::vector<AddPartitionsResult> results,
                                             std::int16_t version) {
  wire::AddPartitionsToTxnResponse out;
  if (version >= kFirstOfBrokers) {
    out.results_by_transaction = std::move(results);
  } else if (!results.empty()) {
    out.results_by_topic_v3_and_below = std::move(results.front().topic_results);
  }
  return out;
}

AddPartitionsResult result_of(const AddPartitionsTransaction& transaction, ErrorCode error) {
  return result_with(transaction, [error](std::string_view, PartitionId) { return error; });
}

TxnEffects TxnMachine::add_partitions_to_txn(const TxnContext& context, AnswerId id,
                                             const AddPartitionsTransaction& transaction,
                                             std::int16_t version) {
  TxnEffects effects = begin(context);
  const bool from_broker = version >= kFirstOfBrokers;
  if (from_broker && transaction.verify_only) {
    effects.answers.emplace_back(id, verify(transaction));
    return effects;
  }
  const ErrorCode error = add(context, transaction, from_broker ? 2 : 0, effects);
  effects.answers.emplace_back(id, result_of(transaction, for_version(error, version, 2)));
  return effects;
}

TxnEffects TxnMachine::add_offsets_to_txn(const TxnContext& context, AnswerId id,
                                          const wire::AddOffsetsToTxnRequest& request,
                                          PartitionId offsets_partition, std::int16_t version) {
  TxnEffects effects = begin(context);
  AddPartitionsTransaction transaction;
  transaction.transactional_id = request.transactional_id;
  transaction.producer_id = request.producer_id;
  transaction.producer_epoch = request.producer_epoch;
  auto& topic = transaction.topics.emplace_back();
  topic.name = wire::Text(kOffsetsTopic);
  topic.partitions.push_back(offsets_partition.value());
  const ErrorCode error = add(context, transaction, 0, effects);
  wire::AddOffsetsToTxnResponse response;
  response.error_code = static_cast<std::int16_t>(for_version(error, version, 2));
  effects.answers.emplace_back(id, std::move(response));
  return effects;
}

AddPartitionsResult TxnMachine::verify(const AddPartitionsTransaction& transaction) const {
  if (!is_transactional_id(transaction.transactional_id.view()))
    return result_of(transaction, ErrorCode::kInvalidRequest);
  const auto at = entries_.find(transaction.transactional_id.view());
  if (at == entries_.end() || at->second.hard.producer_id.value() != transaction.producer_id)
    return result_of(transaction, ErrorCode::kInvalidProducerIdMapping);
  const TransactionMetadata& hard = at->second.hard;
  if (hard.producer_epoch.value() != transaction.producer_epoch)
    return result_of(transaction, ErrorCode::kProducerFenced);
  if (hard.is_preparing()) return result_of(transaction, ErrorCode::kConcurrentTransactions);
  return result_with(transaction, [&hard](std::string_view topic, PartitionId partition) {
    const bool known = hard.partitions.contains(TopicPartition{std::string(topic), partition});
    return known ? ErrorCode::kNone : ErrorCode::kTransactionAbortable;
  });
}

ErrorCode TxnMachine::add(const TxnContext& context, const AddPartitionsTransaction& transaction,
                          std::int16_t client_version, TxnEffects& effects) {
  const std::string_view id = transaction.transactional_id.view();
  if (!is_transactional_id(id)) return ErrorCode::kInvalidRequest;
  // Without that level the record cannot hold the client's version.
  if (client_version > 0 && context.transaction_version < 1) return ErrorCode::kUnsupportedVersion;
  const auto at = entries_.find(id);
  if (at == entries_.end()) return ErrorCode::kInvalidProducerIdMapping;
  if (at->second.is_pending()) return ErrorCode::kConcurrentTransactions;
  const TransactionMetadata& hard = at->second.hard;
  if (hard.producer_id.value() != transaction.producer_id)
    return ErrorCode::kInvalidProducerIdMapping;
  // Nobody was told the last epoch: it only fences.
  if (hard.producer_epoch.value() != transaction.producer_epoch ||
      hard.producer_epoch > kProducerEpochMax)
    return ErrorCode::kProducerFenced;
  const std::set<TopicPartition> partitions = partitions_of(transaction);
  for (const TopicPartition& partition : partitions) {
    if (partition.partition < PartitionId(0)) return ErrorCode::kUnknownTopicOrPartition;
  }
  const bool is_ongoing = hard.state == TransactionState::kOngoing;
  if (is_ongoing && std::includes(hard.partitions.begin(), hard.partitions.end(),
                                  partitions.begin(), partitions.end()))
    return ErrorCode::kNone;
  TransactionMetadata next = transition(hard, TransactionState::kOngoing, context.wall);
  if (!is_ongoing) {
    next.start = context.wall;
    next.partitions.clear();
  }
  next.partitions.insert(partitions.begin(), partitions.end());
  next.client_transaction_version = client_version;
  auto record = serialize_transaction(id, next, context.transaction_version);
  // As Apache answers when the log refuses the record.
  if (record.key.size() + record.value->size() > settings_.batch_bytes_max / 2)
    return ErrorCode::kUnknownServerError;
  const ProducerEpoch last = at->second.last_producer_epoch;
  append(std::move(record), effects);
  at->second.last_producer_epoch = last;
  return ErrorCode::kNone;
}

}  // namespace moldau::txn
