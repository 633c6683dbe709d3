// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/transaction_call.h"
#include "wire/describe_transactions_request.h"
#include "wire/describe_transactions_response.h"

namespace moldau::handler {
namespace {

env::Task<txn::DescribedTransaction> describe(Services& node, std::string transactional_id) {
  auto look = [transactional_id](const txn::TxnMachine& machine, const image::MetadataImage&) {
    return machine.describe(transactional_id);
  };
  image::ImagePtr image = node.image;
  std::string key = transactional_id;
  Result<txn::DescribedTransaction> found =
      co_await node.transactions->read<txn::DescribedTransaction>(node.shard, std::move(image),
                                                                  std::move(key), std::move(look));
  if (found.ok()) co_return std::move(found).value();
  txn::DescribedTransaction refused;
  refused.transactional_id = transactional_id;
  refused.error_code = to_wire(found.error().code);
  co_return refused;
}

}  // namespace

env::Task<void> handle_describe_transactions(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::DescribeTransactionsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::DescribeTransactionsRequest message = std::move(decoded).value();
  wire::DescribeTransactionsResponse response;
  for (std::size_t n = 0; n < message.transactional_ids.size(); ++n) {
    std::string transactional_id = message.transactional_ids[n].str();
    if (!authorized(node, *request, AclOperation::kDescribe, AclResourceType::kTransactionalId,
                    transactional_id)) {
      auto& refused = response.transaction_states.emplace_back();
      refused.transactional_id = message.transactional_ids[n];
      refused.error_code = to_wire(ErrorCode::kTransactionalIdAuthorizationFailed);
      continue;
    }
    txn::DescribedTransaction described = co_await describe(node, std::move(transactional_id));
    std::erase_if(described.topics, [&](const auto& topic) {
      return !authorized(node, *request, AclOperation::kDescribe, AclResourceType::kTopic,
                         topic.topic.view());
    });
    response.transaction_states.push_back(std::move(described));
  }
  request->answer(response);
}

}  // namespace moldau::handler
