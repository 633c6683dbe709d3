// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/share_call.h"
#include "wire/share_acknowledge_request.h"
#include "wire/share_acknowledge_response.h"

namespace moldau::handler {
namespace {

using Message = wire::ShareAcknowledgeRequest;
using Response = wire::ShareAcknowledgeResponse;

constexpr std::int16_t kRenews = 2;

Response refused(ErrorCode code, std::string_view why) {
  Response response;
  response.error_code = to_wire(code);
  response.error_message = why;
  return response;
}

Response response_of(const Services& node, const request::Request& request,
                     const std::vector<AcknowledgeWork>& work) {
  Response response;
  for (const AcknowledgeWork& one : work) {
    if (response.responses.empty() || response.responses.back().topic_id != one.id.topic_id) {
      auto& topic = response.responses.emplace_back();
      topic.topic_id = one.id.topic_id;
    }
    auto& partition = response.responses.back().partitions.emplace_back();
    partition.partition_index = one.id.partition.value();
    partition.error_code = to_wire(one.error);
    if (!one.message.empty()) partition.error_message = std::string_view(one.message);
    if (one.error != ErrorCode::kNotLeaderOrFollower) continue;
    const image::TopicImage* topic = node.image->topic(one.id.topic_id);
    const image::PartitionState* state = topic ? topic->partition(one.id.partition) : nullptr;
    if (!state) continue;
    partition.current_leader.leader_id = state->leader.value();
    partition.current_leader.leader_epoch = state->leader_epoch.value();
    add_endpoint(node, request, state->leader, response.node_endpoints);
  }
  return response;
}

}  // namespace

env::Task<void> handle_share_acknowledge(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  std::pair<ErrorCode, std::string> why;
  if (!may_share(node, *request, message.group_id, message.member_id, why)) {
    const Response response = refused(why.first, why.second);
    request->answer(response);
    co_return;
  }
  const share::ShareMember member(message.group_id.str(), message.member_id.str());
  const Result<void> session =
      co_await node.share->acknowledge_session(&node.shard, member, message.share_session_epoch);
  if (!session.ok()) {
    const Response response = refused(session.error().code, session.error().detail);
    request->answer(response);
    co_return;
  }
  const bool may_renew = request->version() >= kRenews && message.is_renew_ack;
  std::vector<AcknowledgeWork> work = acknowledgements_of(message.topics, may_renew);
  co_await acknowledge_all(node, request.get(), &member, &work);
  if (message.share_session_epoch == share::ShareSessionTable::kFinalEpoch)
    co_await node.share->end_session(&node.shard, member);
  Response response = response_of(node, *request, work);
  response.acquisition_lock_timeout_ms =
      static_cast<std::int32_t>(record_lock_of(node, member.group_id).value());
  request->answer(response);
}

}  // namespace moldau::handler
