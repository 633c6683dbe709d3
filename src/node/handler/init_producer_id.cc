// SPDX-License-Identifier: Apache-2.0
#include "node/broker/producer_ids.h"
#include "node/handler/handlers.h"
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

}  // namespace

env::Task<void> handle_init_producer_id(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::InitProducerIdRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  wire::InitProducerIdResponse response;
  response.producer_epoch = -1;
  if (!decoded->transactional_id.is_null()) {
    // Nobody coordinates transactions on this node.
    response.error_code =
        to_wire(decoded->transactional_id.is_empty() ? ErrorCode::kInvalidRequest
                                                     : ErrorCode::kCoordinatorNotAvailable);
    request->answer(response);
    co_return;
  }
  const Result<ProducerId> id = co_await take_producer_id(node);
  if (id.ok()) {
    response.producer_id = id->value();
    response.producer_epoch = 0;
  } else {
    response.error_code = to_wire(id.error().code);
  }
  request->answer(response);
}

}  // namespace moldau::handler
