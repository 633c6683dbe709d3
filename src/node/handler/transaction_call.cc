// SPDX-License-Identifier: Apache-2.0
#include "node/handler/transaction_call.h"

namespace moldau::handler {
namespace {

/// The first version of AddPartitionsToTxn whose verification tells TRANSACTION_ABORTABLE.
constexpr std::int16_t kVersionOfBrokers = 5;

txn::AddPartitionsTransaction transaction_of(const PartitionsToVerify& what) {
  txn::AddPartitionsTransaction out;
  out.transactional_id = std::string_view(what.transactional_id);
  out.producer_id = what.producer_id.value();
  out.producer_epoch = what.producer_epoch.value();
  out.verify_only = what.support != TransactionSupport::kAddsItself;
  std::map<std::string_view, std::vector<std::int32_t>> topics;
  for (const TopicPartition& partition : what.partitions)
    topics[partition.topic].push_back(partition.partition.value());
  for (auto& [name, partitions] : topics) {
    auto& topic = out.topics.emplace_back();
    topic.name = name;
    topic.partitions = std::move(partitions);
  }
  return out;
}

ErrorCode as_told(ErrorCode error, TransactionSupport support) {
  if (error == ErrorCode::kProducerFenced) return ErrorCode::kInvalidProducerEpoch;
  if (error == ErrorCode::kTransactionAbortable && support != TransactionSupport::kAbortable)
    return ErrorCode::kInvalidTxnState;
  return error;
}

}  // namespace

env::Task<std::map<TopicPartition, ErrorCode>> verify_partitions(Services& node,
                                                                 const PartitionsToVerify* what) {
  const txn::AddPartitionsTransaction transaction = transaction_of(*what);
  std::string key = what->transactional_id;
  const MonoTime begun = node.shard.now();
  Result<txn::AddPartitionsResult> answer =
      co_await call_transaction<txn::AddPartitionsResult, txn::AddPartitionsTransaction>(
          node, std::move(key), &transaction, kVersionOfBrokers,
          &txn::TxnMachine::add_partitions_to_txn);
  std::map<TopicPartition, ErrorCode> errors;
  if (!answer.ok()) {
    for (const TopicPartition& partition : what->partitions)
      errors[partition] = answer.error().code;
    co_return errors;
  }
  for (const auto& topic : answer->topic_results) {
    for (const auto& one : topic.results_by_partition) {
      const ErrorCode error = as_told(error_from_wire(one.partition_error_code), what->support);
      if (error != ErrorCode::kNone)
        errors[TopicPartition{topic.name.str(), PartitionId(one.partition_index)}] = error;
    }
  }
  node.transactions->metrics(node.shard.id().value())
      .verified(Millis((node.shard.now() - begun) / 1'000'000), errors.size());
  co_return errors;
}

}  // namespace moldau::handler
