// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/share_state_call.h"
#include "wire/read_share_group_state_request.h"
#include "wire/read_share_group_state_response.h"

namespace moldau::handler {
namespace {

using Message = wire::ReadShareGroupStateRequest;
using Response = wire::ReadShareGroupStateResponse;

share::ReadState asked_of(const Message::PartitionData& partition) {
  share::ReadState asked;
  asked.leader_epoch = LeaderEpoch(partition.leader_epoch);
  return asked;
}

void fill(const share::ReadOutcome& outcome, Response::PartitionResult& to) {
  to.state_epoch = outcome.state_epoch;
  to.start_offset = outcome.start_offset.value();
  to.state_batches.reserve(outcome.batches.size());
  for (const share::StateBatch& batch : outcome.batches) {
    auto& one = to.state_batches.emplace_back();
    one.first_offset = batch.first.value();
    one.last_offset = batch.last.value();
    one.delivery_state = static_cast<std::int8_t>(batch.state);
    one.delivery_count = batch.delivery_count;
  }
}

}  // namespace

env::Task<void> handle_read_share_group_state(Services& node, request::RequestPtr request) {
  co_await serve_share_state<Message, Response, share::ReadOutcome>(
      node, std::move(request), asked_of, &share::ShareMachine::read, fill);
}

}  // namespace moldau::handler
