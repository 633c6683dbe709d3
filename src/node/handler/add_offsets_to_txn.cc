// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/group_coordinators.h"
#include "node/handler/handlers.h"
#include "node/handler/topic_creation.h"
#include "node/handler/transaction_call.h"
#include "wire/add_offsets_to_txn_request.h"
#include "wire/add_offsets_to_txn_response.h"

namespace moldau::handler {
namespace {

/// Where the group's offsets will lie; clients come here before they look for the group.
env::Task<std::optional<PartitionId>> partition_of_group(Services& node, std::string group_id) {
  auto id = coordinator::GroupCoordinators::partition_of(*node.image, group_id);
  if (!id) {
    std::vector<std::string> names;
    names.emplace_back(coordinator::kGroupTopic);
    (void)co_await auto_create_topics(node, std::move(names), nullptr);
    id = coordinator::GroupCoordinators::partition_of(*node.image, group_id);
  }
  if (!id) co_return std::nullopt;
  co_return id->partition;
}

}  // namespace

env::Task<void> handle_add_offsets_to_txn(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::AddOffsetsToTxnRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::AddOffsetsToTxnRequest message = std::move(decoded).value();
  wire::AddOffsetsToTxnResponse response;
  if (!authorized(node, *request, AclOperation::kWrite, AclResourceType::kTransactionalId,
                  message.transactional_id.view())) {
    response.error_code = to_wire(ErrorCode::kTransactionalIdAuthorizationFailed);
    request->answer(response);
    co_return;
  }
  if (!authorized(node, *request, AclOperation::kRead, AclResourceType::kGroup,
                  message.group_id.view())) {
    response.error_code = to_wire(ErrorCode::kGroupAuthorizationFailed);
    request->answer(response);
    co_return;
  }
  std::string group_id = message.group_id.str();
  const std::optional<PartitionId> partition =
      co_await partition_of_group(node, std::move(group_id));
  if (!partition) {
    response.error_code = to_wire(ErrorCode::kCoordinatorNotAvailable);
    request->answer(response);
    co_return;
  }
  auto step = [&message, partition, version = request->version()](
                  txn::TxnMachine& machine, const txn::TxnContext& context, txn::AnswerId id) {
    return machine.add_offsets_to_txn(context, id, message, *partition, version);
  };
  image::ImagePtr image = node.image;
  std::string key = message.transactional_id.str();
  Result<wire::AddOffsetsToTxnResponse> answer =
      co_await node.transactions->call<wire::AddOffsetsToTxnResponse>(
          node.shard, std::move(image), std::move(key), std::move(step));
  if (answer.ok()) {
    response = std::move(*answer);
  } else {
    response.error_code = to_wire(answer.error().code);
  }
  request->answer(response);
}

}  // namespace moldau::handler
