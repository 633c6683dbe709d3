// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include "node/handler/handlers.h"
#include "node/handler/share_group_call.h"
#include "wire/delete_share_group_offsets_request.h"
#include "wire/delete_share_group_offsets_response.h"

namespace moldau::handler {
namespace {

using Message = wire::DeleteShareGroupOffsetsRequest;
using Response = wire::DeleteShareGroupOffsetsResponse;
using What = group::ShareSettlement::What;

/// One line for each topic that was asked to go.
void add_topics(const Services& node, const StateWork& work, Response& response) {
  for (std::size_t i = 0; i < work.partitions.size(); ++i) {
    const TopicId& id = work.partitions[i].topic_id;
    if (response.responses.empty() || response.responses.back().topic_id != id) {
      auto& topic = response.responses.emplace_back();
      topic.topic_id = id;
      if (const image::TopicImage* known = node.image->topic(id))
        topic.topic_name = wire::Text::copy_of(known->name);
    }
    auto& topic = response.responses.back();
    if (work.outcomes[i].error != ErrorCode::kNone) {
      topic.error_code = to_wire(work.outcomes[i].error);
      topic.error_message = wire::Text::copy_of(work.outcomes[i].message);
    }
  }
}

/// Topics of which all partitions are gone.
StateWork complete_topics(const StateWork& work) {
  StateWork out;
  out.group_id = work.group_id;
  for (std::size_t i = 0; i < work.partitions.size(); ++i) {
    bool all = true;
    for (std::size_t j = 0; j < work.partitions.size(); ++j)
      all = all && (work.partitions[j].topic_id != work.partitions[i].topic_id ||
                    work.outcomes[j].error == ErrorCode::kNone);
    if (!all) continue;
    out.partitions.push_back(work.partitions[i]);
    out.outcomes.push_back(work.outcomes[i]);
  }
  return out;
}

}  // namespace

env::Task<void> handle_delete_share_group_offsets(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  if (refuses_offsets<Response>(node, *request, message, AclOperation::kDelete)) co_return;
  Response refused;
  const Message allowed = readable_part(node, *request, message, [&](const auto& topic) {
    auto& one = refused.responses.emplace_back();
    one.topic_name = topic.topic_name;
    one.error_code = to_wire(ErrorCode::kTopicAuthorizationFailed);
  });
  Result<group::ShareOffsetsDeleted> answer =
      co_await call_group<group::ShareOffsetsDeleted, Message>(
          node, request.get(), &allowed, &group::GroupMachine::delete_share_offsets);
  if (!answer.ok()) {
    refuse_offsets<Response>(*request, answer.error().code, answer.error().detail);
    co_return;
  }
  StateWork work;
  work.group_id = message.group_id.str();
  work.partitions = std::move(answer->remove);
  co_await remove_states(node, &work);
  const StateWork gone = complete_topics(work);
  co_await settle_states(node, &gone, What::kDeleted, std::nullopt);
  add_topics(node, work, answer->response);
  if (answer->response.error_code == 0)
    std::move(refused.responses.begin(), refused.responses.end(),
              std::back_inserter(answer->response.responses));
  request->answer(answer->response);
}

}  // namespace moldau::handler
