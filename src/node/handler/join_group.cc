// SPDX-License-Identifier: Apache-2.0
#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "wire/join_group_request.h"
#include "wire/join_group_response.h"

namespace moldau::handler {
namespace {

void refuse(const wire::JoinGroupRequest& message, ErrorCode code,
            wire::JoinGroupResponse& response) {
  response.error_code = to_wire(code);
  response.protocol_name = wire::Text::null();
  // Apache answers itself what it stops before the coordinator; only that one repeats the id.
  if (code != ErrorCode::kGroupAuthorizationFailed) response.member_id = message.member_id.own();
}

}  // namespace

env::Task<void> handle_join_group(Services& node, request::RequestPtr request) {
  return serve_group_member<wire::JoinGroupRequest, wire::JoinGroupResponse>(
      node, std::move(request), &group::GroupMachine::join, refuse);
}

}  // namespace moldau::handler
