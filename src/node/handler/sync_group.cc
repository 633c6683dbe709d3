// SPDX-License-Identifier: Apache-2.0
#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "wire/sync_group_request.h"
#include "wire/sync_group_response.h"

namespace moldau::handler {
namespace {

void refuse(const wire::SyncGroupRequest&, ErrorCode code, wire::SyncGroupResponse& response) {
  response.error_code = to_wire(code);
}

}  // namespace

env::Task<void> handle_sync_group(Services& node, request::RequestPtr request) {
  return serve_group_member<wire::SyncGroupRequest, wire::SyncGroupResponse>(
      node, std::move(request), &group::GroupMachine::sync, refuse);
}

}  // namespace moldau::handler
