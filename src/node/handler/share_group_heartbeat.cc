// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/share_group_call.h"
#include "wire/share_group_heartbeat_request.h"
#include "wire/share_group_heartbeat_response.h"

namespace moldau::handler {
namespace {

using Message = wire::ShareGroupHeartbeatRequest;
using Response = wire::ShareGroupHeartbeatResponse;
using What = group::ShareSettlement::What;

Response refused(ErrorCode code, std::string_view why) {
  Response response;
  response.error_code = to_wire(code);
  if (!why.empty()) response.error_message = wire::Text::copy_of(why);
  return response;
}

/// The first topic of a request that the caller may not describe.
bool may_describe_topics(const Services& node, const request::Request& request,
                         const Message& message) {
  if (!message.subscribed_topic_names) return true;
  AuthorizedNames topics(node, request, AclOperation::kDescribe, AclResourceType::kTopic);
  for (const wire::Text& topic : *message.subscribed_topic_names) topics.count(topic.view());
  for (const wire::Text& topic : *message.subscribed_topic_names)
    if (!topics.contains(topic.view())) return false;
  return true;
}

}  // namespace

env::Task<void> handle_share_group_heartbeat(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  ErrorCode refusal = ErrorCode::kNone;
  if (!shares_groups(node)) {
    refusal = ErrorCode::kUnsupportedVersion;
  } else if (!authorized(node, *request, AclOperation::kRead, AclResourceType::kGroup,
                         message.group_id.view())) {
    refusal = ErrorCode::kGroupAuthorizationFailed;
  } else if (!may_describe_topics(node, *request, message)) {
    refusal = ErrorCode::kTopicAuthorizationFailed;
  }
  if (refusal != ErrorCode::kNone) {
    const Response response = refused(refusal, "");
    request->answer(response);
    co_return;
  }
  Result<group::ShareHeartbeat> answer = co_await call_group<group::ShareHeartbeat, Message>(
      node, request.get(), &message, &group::GroupMachine::share_heartbeat);
  if (!answer.ok()) {
    const Response response = refused(answer.error().code, answer.error().detail);
    request->answer(response);
    co_return;
  }
  StateWork work;
  work.group_id = message.group_id.str();
  work.state_epoch = answer->state_epoch;
  work.partitions = std::move(answer->initialize);
  request->answer(answer->response);
  if (work.partitions.empty()) co_return;
  co_await initialize_states(node, &work);
  co_await settle_states(node, &work, What::kInitialized, What::kNotInitialized);
}

}  // namespace moldau::handler
