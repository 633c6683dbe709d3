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

/// Before version 4 clients ask, since then other nodes.
constexpr std::int16_t kFirstOfNodes = 4;

/// All or nothing: if any partition cannot be added, the others are not attempted.
std::optional<txn::AddPartitionsResult> refusal_of(const Services& node,
                                                   const request::Request& request,
                                                   const txn::AddPartitionsTransaction& transaction,
                                                   const image::MetadataImage& image) {
  const bool of_client = request.version() < kFirstOfNodes;
  if (of_client &&
      !authorized(node, request, AclOperation::kWrite, AclResourceType::kTransactionalId,
                  transaction.transactional_id.view()))
    return txn::result_of(transaction, ErrorCode::kTransactionalIdAuthorizationFailed);
  AuthorizedNames writable(node, request, AclOperation::kWrite, AclResourceType::kTopic);
  for (const auto& topic : transaction.topics)
    writable.count(topic.name.view(), topic.partitions.size());
  txn::AddPartitionsResult refused = txn::result_of(transaction, ErrorCode::kOperationNotAttempted);
  bool any = false;
  for (auto& topic : refused.topic_results) {
    // Clients add no partitions of internal topics: offsets have a request of their own.
    const std::string_view name = topic.name.view();
    const bool allowed =
        !of_client || !node.authorizer || (!is_internal_topic(name) && writable.contains(name));
    for (auto& partition : topic.results_by_partition) {
      if (allowed && exists(image, name, partition.partition_index)) continue;
      partition.partition_error_code = to_wire(allowed ? ErrorCode::kUnknownTopicOrPartition
                                                       : ErrorCode::kTopicAuthorizationFailed);
      any = true;
    }
  }
  if (!any) return std::nullopt;
  return refused;
}

env::Task<txn::AddPartitionsResult> add(Services& node, const request::Request* request,
                                        const txn::AddPartitionsTransaction* transaction) {
  const std::int16_t version = request->version();
  std::optional<txn::AddPartitionsResult> refused =
      refusal_of(node, *request, *transaction, *node.image);
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
  if (request->version() >= kFirstOfNodes &&
      !cluster_authorized(node, *request, AclOperation::kClusterAction)) {
    wire::AddPartitionsToTxnResponse refused;
    refused.error_code = to_wire(ErrorCode::kClusterAuthorizationFailed);
    request->answer(refused);
    co_return;
  }
  std::vector<txn::AddPartitionsResult> results;
  for (std::size_t n = 0; n < transactions.size(); ++n) {
    txn::AddPartitionsResult result = co_await add(node, request.get(), &transactions[n]);
    results.push_back(std::move(result));
  }
  const wire::AddPartitionsToTxnResponse response =
      txn::response_of(std::move(results), request->version());
  request->answer(response);
}

}  // namespace moldau::handler
