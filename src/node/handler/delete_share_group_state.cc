// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/share_state_call.h"
#include "wire/delete_share_group_state_request.h"
#include "wire/delete_share_group_state_response.h"

namespace moldau::handler {
namespace {

using Message = wire::DeleteShareGroupStateRequest;
using Response = wire::DeleteShareGroupStateResponse;

share::DeleteState asked_of(const Message::PartitionData&) {
  return {};
}

}  // namespace

env::Task<void> handle_delete_share_group_state(Services& node, request::RequestPtr request) {
  co_await serve_share_state<Message, Response, share::StateOutcome>(
      node, std::move(request), asked_of, &share::ShareMachine::remove, kFillNothing);
}

}  // namespace moldau::handler
