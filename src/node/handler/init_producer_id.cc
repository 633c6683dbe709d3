// SPDX-License-Identifier: Apache-2.0
#include "node/broker/producer_ids.h"
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "node/handler/transaction_call.h"
#include "wire/init_producer_id_request.h"
#include "wire/init_producer_id_response.h"

namespace moldau::handler {
namespace {

env::Task<Result<ProducerId>> take_producer_id(Services& node) {
  env::OneShot<Result<ProducerId>> answer(node.shard);
  env::OneShot<Result<ProducerId>>* slot = &answer;
  env::Shard* home = &node.shard;
  broker::ProducerIds* source = node.producer_ids;
  node.env.shard(env::ShardId(0)).post([slot, home, source] {
    source->take([slot, home](Result<ProducerId> id) {
      home->post([slot, id = std::move(id)]() mutable { slot->set(std::move(id)); });
    });
  });
  Result<ProducerId> id = co_await answer;
  co_return id;
}

/// Without a transactional id any broker gives out a producer id.
env::Task<Result<wire::InitProducerIdResponse>> init_idempotent(Services& node) {
  const Result<ProducerId> id = co_await take_producer_id(node);
  if (!id.ok()) co_return id.error();
  wire::InitProducerIdResponse response;
  response.producer_id = id->value();
  response.producer_epoch = 0;
  co_return response;
}

env::Task<Result<wire::InitProducerIdResponse>> init_transactional(
    Services& node, const wire::InitProducerIdRequest* message, std::int16_t version) {
  std::string key = message->transactional_id.str();
  Result<wire::InitProducerIdResponse> answer =
      co_await call_transaction<wire::InitProducerIdResponse, wire::InitProducerIdRequest>(
          node, std::move(key), message, version, &txn::TxnMachine::init_producer_id);
  co_return answer;
}

/// Idempotence is for everybody who may write to some topic.
ErrorCode refusal_of(const Services& node, const request::Request& request,
                     const wire::InitProducerIdRequest& message) {
  if (!message.transactional_id.is_null()) {
    const auto may = [&](AclOperation operation) {
      return authorized(node, request, operation, AclResourceType::kTransactionalId,
                        message.transactional_id.view());
    };
    const bool allowed =
        may(AclOperation::kWrite) && (!message.enable2_pc || may(AclOperation::kTwoPhaseCommit));
    return allowed ? ErrorCode::kNone : ErrorCode::kTransactionalIdAuthorizationFailed;
  }
  const bool allowed =
      cluster_authorized(node, request, AclOperation::kIdempotentWrite, Audit::kAllowed) ||
      authorized_by_type(node, request, AclOperation::kWrite, AclResourceType::kTopic);
  return allowed ? ErrorCode::kNone : ErrorCode::kClusterAuthorizationFailed;
}

}  // namespace

env::Task<void> handle_init_producer_id(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::InitProducerIdRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::InitProducerIdRequest message = std::move(decoded).value();
  const ErrorCode refusal = refusal_of(node, *request, message);
  if (refusal != ErrorCode::kNone) {
    wire::InitProducerIdResponse refused;
    refused.producer_id = -1;
    refused.producer_epoch = -1;
    refused.error_code = to_wire(refusal);
    request->answer(refused);
    co_return;
  }
  env::Task<Result<wire::InitProducerIdResponse>> task =
      message.transactional_id.is_null() ? init_idempotent(node)
                                         : init_transactional(node, &message, request->version());
  Result<wire::InitProducerIdResponse> answer = co_await std::move(task);
  if (answer.ok()) {
    request->answer(*answer);
    co_return;
  }
  wire::InitProducerIdResponse refused;
  refused.producer_id = -1;
  refused.producer_epoch = -1;
  refused.error_code = to_wire(answer.error().code);
  request->answer(refused);
}

}  // namespace moldau::handler
