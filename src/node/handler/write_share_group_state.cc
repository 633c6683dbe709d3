// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/share_state_call.h"
#include "wire/write_share_group_state_request.h"
#include "wire/write_share_group_state_response.h"

namespace moldau::handler {
namespace {

using Message = wire::WriteShareGroupStateRequest;
using Response = wire::WriteShareGroupStateResponse;

share::WriteState asked_of(const Message::PartitionData& partition) {
  share::WriteState asked;
  asked.state_epoch = partition.state_epoch;
  asked.leader_epoch = LeaderEpoch(partition.leader_epoch);
  asked.start_offset = Offset(partition.start_offset);
  asked.delivery_complete_count = partition.delivery_complete_count;
  asked.batches.reserve(partition.state_batches.size());
  for (const auto& batch : partition.state_batches)
    asked.batches.emplace_back(Offset(batch.first_offset), Offset(batch.last_offset),
                               static_cast<share::DeliveryState>(batch.delivery_state),
                               batch.delivery_count);
  return asked;
}

}  // namespace

env::Task<void> handle_write_share_group_state(Services& node, request::RequestPtr request) {
  co_await serve_share_state<Message, Response, share::StateOutcome>(
      node, std::move(request), asked_of, &share::ShareMachine::write, kFillNothing);
}

}  // namespace moldau::handler
