// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/transaction_call.h"
#include "wire/add_partitions_to_txn_request.h"
#include "wire/add_partitions_to_txn_response.h"

namespace moldau::handler {
namespace {

bool exists(const image::MetadataImage& image, std::string_view topic, std::int32_t partition) {
  const image::TopicImage* found = image.topic(topic);
  return found && found->partition(PartitionId(partition));
}

/// All or nothing: if any partition cannot be added, the others are not attempted.
std::optional<txn::AddPartitionsResult> refusal_of(const txn::AddPartitionsTransaction& transaction,
                                                   const image::MetadataImage& image) {
  txn::AddPartitionsResult refused = txn::result_of(transaction, ErrorCode::kOperationNotAttempted);
  bool any = false;
  for (auto& topic : refused.topic_results) {
    for (auto& partition : topic.results_by_partition) {
      if (exists(image, topic.name.view(), partition.partition_index)) continue;
      partition.partition_error_code = to_wire(ErrorCode::kUnknownTopicOrPartition);
      any = true;
    }
  }
  if (!any) return std::nullopt;
  return refused;
}

env::Task<txn::AddPartitionsResult> add(Services& node,
                                        const txn::AddPartitionsTransaction* transaction,
                                        std::int16_t version) {
  std::optional<txn::AddPartitionsResult> refused = refusal_of(*transaction, *node.image);
  if (refused) co_return std::move(*refused);
  std::string key = transaction->transactional_id.str();
  Result<txn::AddPartitionsResult> answer =
      co_await call_transaction<txn::AddPartitionsResult, txn::AddPartitionsTransaction>(
          node, std::move(key), transaction, version, &txn::TxnMachine::add_partitions_to_txn);
  if (answer.ok()) co_return std::move(*answer);
  txn::AddPartitionsResult failed = txn::result_of(*transaction, answer.error().code);
  co_return failed;
}

}  // namespace

env::Task<void> handle_add_partitions_to_txn(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::AddPartitionsToTxnRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::AddPartitionsToTxnRequest message = std::move(decoded).value();
  const std::vector<txn::AddPartitionsTransaction> transactions =
      txn::transactions_of(message, request->version());
  std::vector<txn::AddPartitionsResult> results;
  for (std::size_t n = 0; n < transactions.size(); ++n) {
    txn::AddPartitionsResult result = co_await add(node, &transactions[n], request->version());
    results.push_back(std::move(result));
  }
  const wire::AddPartitionsToTxnResponse response =
      txn::response_of(std::move(results), request->version());
  request->answer(response);
}

}  // namespace moldau::handler
