// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/share_state_call.h"
#include "wire/read_share_group_state_summary_request.h"
#include "wire/read_share_group_state_summary_response.h"

namespace moldau::handler {
namespace {

using Message = wire::ReadShareGroupStateSummaryRequest;
using Response = wire::ReadShareGroupStateSummaryResponse;

env::Task<share::SummaryOutcome> summary_of(Services* node, share::SharePartitionKey key) {
  auto look = [&key](const share::ShareMachine& machine, const image::MetadataImage& image) {
    return machine.summary(key, image);
  };
  image::ImagePtr image = node->image;
  std::string text = key.text();
  Result<share::SummaryOutcome> answer = co_await node->share_states->read<share::SummaryOutcome>(
      node->shard, std::move(image), std::move(text), std::move(look));
  if (answer.ok()) co_return std::move(answer).value();
  co_return share::SummaryOutcome(answer.error().code, answer.error().detail);
}

}  // namespace

env::Task<void> handle_read_share_group_state_summary(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  const bool allowed = cluster_authorized(node, *request, AclOperation::kClusterAction);
  Response response;
  if (allowed && !names_partitions(message)) {
    request->answer(response);
    co_return;
  }
  StateResults<Response> results(response);
  for (std::size_t t = 0; t < message.topics.size(); ++t) {
    for (std::size_t p = 0; p < message.topics[t].partitions.size(); ++p) {
      const std::int32_t index = message.topics[t].partitions[p].partition;
      share::SummaryOutcome outcome(ErrorCode::kClusterAuthorizationFailed);
      if (allowed) {
        share::SharePartitionKey key(message.group_id.str(), message.topics[t].topic_id,
                                     PartitionId(index));
        outcome = co_await summary_of(&node, std::move(key));
      }
      auto& result = results.of(message.topics[t].topic_id, index);
      result.error_code = to_wire(outcome.error);
      if (!outcome.message.empty()) result.error_message = wire::Text::copy_of(outcome.message);
      result.state_epoch = outcome.state_epoch;
      result.leader_epoch = outcome.leader_epoch.value();
      result.start_offset = outcome.start_offset.value();
      result.delivery_complete_count = outcome.delivery_complete_count;
    }
  }
  request->answer(response);
}

}  // namespace moldau::handler
