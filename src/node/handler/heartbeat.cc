// SPDX-License-Identifier: Apache-2.0
#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "wire/heartbeat_request.h"
#include "wire/heartbeat_response.h"

namespace moldau::handler {
namespace {

/// A member need not know that its coordinator loads: it only wants to stay one.
void refuse(const wire::HeartbeatRequest&, ErrorCode code, wire::HeartbeatResponse& response) {
  response.error_code =
      to_wire(code == ErrorCode::kCoordinatorLoadInProgress ? ErrorCode::kNone : code);
}

}  // namespace

env::Task<void> handle_heartbeat(Services& node, request::RequestPtr request) {
  return serve_group_member<wire::HeartbeatRequest, wire::HeartbeatResponse>(
      node, std::move(request), &group::GroupMachine::heartbeat, refuse);
}

}  // namespace moldau::handler
