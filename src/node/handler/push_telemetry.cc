// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/telemetry_call.h"
#include "wire/push_telemetry_response.h"

namespace moldau::handler {

env::Task<void> handle_push_telemetry(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::PushTelemetryRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  // The message borrows the frame, which the request keeps while this waits.
  auto ask = [host = node.telemetry, message = std::move(decoded).value(),
              client = client_identity_of(*request)] { return host->push(message, client); };
  env::Shard& there = node.env.shard(env::ShardId(0));
  const ErrorCode error = co_await env::call_on(node.shard, there, std::move(ask));
  wire::PushTelemetryResponse response;
  response.error_code = to_wire(error);
  request->answer(response);
}

}  // namespace moldau::handler
