// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/share_state_call.h"
#include "wire/initialize_share_group_state_request.h"
#include "wire/initialize_share_group_state_response.h"

namespace moldau::handler {
namespace {

using Message = wire::InitializeShareGroupStateRequest;
using Response = wire::InitializeShareGroupStateResponse;

share::InitializeState asked_of(const Message::PartitionData& partition) {
  share::InitializeState asked;
  asked.state_epoch = partition.state_epoch;
  asked.start_offset = Offset(partition.start_offset);
  return asked;
}

}  // namespace

env::Task<void> handle_initialize_share_group_state(Services& node, request::RequestPtr request) {
  co_await serve_share_state<Message, Response, share::StateOutcome>(
      node, std::move(request), asked_of, &share::ShareMachine::initialize, kFillNothing);
}

}  // namespace moldau::handler
