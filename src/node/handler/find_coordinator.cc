// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "wire/find_coordinator_request.h"
#include "wire/find_coordinator_response.h"

namespace moldau::handler {
namespace {

constexpr const char* kWhy = "this node coordinates neither groups nor transactions";

}  // namespace

/// No coordinator exists on this node, so every key is told that none is available. The API must
/// be there all the same: librdkafka takes its absence for a broker that cannot do lz4.
env::Task<void> handle_find_coordinator(Services&, request::RequestPtr request) {
  auto decoded = request->decode<wire::FindCoordinatorRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  wire::FindCoordinatorResponse response;
  if (request->version() < 4) {
    response.error_code = to_wire(ErrorCode::kCoordinatorNotAvailable);
    response.error_message = kWhy;
    response.node_id = -1;
    response.port = -1;
  }
  for (const wire::Text& key : decoded->coordinator_keys) {
    auto& one = response.coordinators.emplace_back();
    one.key = key;
    one.error_code = to_wire(ErrorCode::kCoordinatorNotAvailable);
    one.error_message = kWhy;
    one.node_id = -1;
    one.port = -1;
  }
  request->answer(response);
}

}  // namespace moldau::handler
