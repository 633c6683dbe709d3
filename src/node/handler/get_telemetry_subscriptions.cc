// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/telemetry_call.h"

namespace moldau::handler {

env::Task<void> handle_get_telemetry_subscriptions(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::GetTelemetrySubscriptionsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  auto ask = [host = node.telemetry, message = std::move(decoded).value(),
              client = client_identity_of(*request)] { return host->get(message, client); };
  env::Shard& there = node.env.shard(env::ShardId(0));
  const wire::GetTelemetrySubscriptionsResponse response =
      co_await env::call_on(node.shard, there, std::move(ask));
  request->answer(response);
}

}  // namespace moldau::handler
