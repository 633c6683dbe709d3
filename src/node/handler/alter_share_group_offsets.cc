// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include "node/handler/handlers.h"
#include "node/handler/share_group_call.h"
#include "wire/alter_share_group_offsets_request.h"
#include "wire/alter_share_group_offsets_response.h"

namespace moldau::handler {
namespace {

using Message = wire::AlterShareGroupOffsetsRequest;
using Response = wire::AlterShareGroupOffsetsResponse;
using What = group::ShareSettlement::What;

void note_failures(const StateWork& work, Response& response) {
  for (std::size_t i = 0; i < work.partitions.size(); ++i) {
    if (work.outcomes[i].error == ErrorCode::kNone) continue;
    for (auto& topic : response.responses)
      for (auto& partition : topic.partitions)
        if (topic.topic_id == work.partitions[i].topic_id &&
            partition.partition_index == work.partitions[i].partition.value())
          partition.error_code = to_wire(work.outcomes[i].error);
  }
}

}  // namespace

env::Task<void> handle_alter_share_group_offsets(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  if (refuses_offsets<Response>(node, *request, message, AclOperation::kRead)) co_return;
  Response refused;
  const Message allowed = readable_part(node, *request, message, [&](const auto& topic) {
    auto& one = refused.responses.emplace_back();
    one.topic_name = topic.topic_name;
    for (const auto& partition : topic.partitions) {
      auto& to = one.partitions.emplace_back();
      to.partition_index = partition.partition_index;
      to.error_code = to_wire(ErrorCode::kTopicAuthorizationFailed);
    }
  });
  Result<group::ShareOffsetsAltered> answer =
      co_await call_group<group::ShareOffsetsAltered, Message>(
          node, request.get(), &allowed, &group::GroupMachine::alter_share_offsets);
  if (!answer.ok()) {
    refuse_offsets<Response>(*request, answer.error().code, answer.error().detail);
    co_return;
  }
  StateWork work;
  work.group_id = message.group_id.str();
  work.state_epoch = answer->state_epoch;
  work.partitions = std::move(answer->initialize);
  co_await initialize_states(node, &work);
  node.share->forget(work.group_id);
  co_await settle_states(node, &work, What::kInitialized, What::kNotInitialized);
  note_failures(work, answer->response);
  if (answer->response.error_code == 0)
    std::move(refused.responses.begin(), refused.responses.end(),
              std::back_inserter(answer->response.responses));
  request->answer(answer->response);
}

}  // namespace moldau::handler
