// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "wire/consumer_group_heartbeat_request.h"
#include "wire/consumer_group_heartbeat_response.h"

namespace moldau::handler {
namespace {

using Request = wire::ConsumerGroupHeartbeatRequest;
using Response = wire::ConsumerGroupHeartbeatResponse;

/// kNone, or why the coordinator is not asked.
ErrorCode check(const Services& node, const request::Request& request, const Request& message) {
  if (!is_consumer_protocol_on(node)) return ErrorCode::kUnsupportedVersion;
  if (!authorized(node, request, AclOperation::kRead, AclResourceType::kGroup,
                  message.group_id.view()))
    return ErrorCode::kGroupAuthorizationFailed;
  if (!message.subscribed_topic_names) return ErrorCode::kNone;
  // Clients do not get to know topics that they may not describe.
  AuthorizedNames visible(node, request, AclOperation::kDescribe, AclResourceType::kTopic);
  for (const wire::Text& topic : *message.subscribed_topic_names) visible.count(topic.view());
  bool all = true;
  for (const wire::Text& topic : *message.subscribed_topic_names)
    all = visible.contains(topic.view()) && all;
  return all ? ErrorCode::kNone : ErrorCode::kTopicAuthorizationFailed;
}

}  // namespace

bool is_consumer_protocol_on(const Services& node) {
  const auto& on = node.config->values.group_coordinator_rebalance_protocols;
  return node.image->feature_level("group.version") >= 1 &&
         std::find(on.begin(), on.end(), "consumer") != on.end();
}

env::Task<void> handle_consumer_group_heartbeat(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Request>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Request message = std::move(decoded).value();
  Response refused;
  refused.error_code = to_wire(check(node, *request, message));
  if (refused.error_code != 0) {
    request->answer(refused);
    co_return;
  }
  Result<Response> answer = co_await call_group<Response, Request>(
      node, request.get(), &message, &group::GroupMachine::consumer_heartbeat);
  if (answer.ok()) {
    request->answer(*answer);
    co_return;
  }
  refused.error_code = to_wire(answer.error().code);
  request->answer(refused);
}

}  // namespace moldau::handler
