// SPDX-License-Identifier: Apache-2.0
#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "wire/leave_group_request.h"
#include "wire/leave_group_response.h"

namespace moldau::handler {
namespace {

void refuse(const wire::LeaveGroupRequest&, ErrorCode code, wire::LeaveGroupResponse& response) {
  response.error_code = to_wire(code);
}

}  // namespace

env::Task<void> handle_leave_group(Services& node, request::RequestPtr request) {
  return serve_group_member<wire::LeaveGroupRequest, wire::LeaveGroupResponse>(
      node, std::move(request), &group::GroupMachine::leave, refuse);
}

}  // namespace moldau::handler
