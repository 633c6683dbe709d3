// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/create_topics_request.h"
#include "wire/create_topics_response.h"

namespace moldau::handler {
namespace {

using Message = wire::CreateTopicsRequest;
/// The version that knows THROTTLING_QUOTA_EXCEEDED.
constexpr std::int16_t kStrictSince = 6;
using Response = wire::CreateTopicsResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  for (const auto& topic : message.topics) {
    auto& one = response.topics.emplace_back();
    one.name = topic.name;
    one.error_code = to_wire(error.code);
    one.error_message = error.detail;
  }
}

constexpr std::string_view kMetadataTopic = "__cluster_metadata";

std::map<std::string_view, int> times_named(const Message& message) {
  std::map<std::string_view, int> times;
  for (const auto& topic : message.topics) ++times[topic.name.view()];
  return times;
}

/// Takes out what the caller may not create; it is in `refused`. What the controller refuses for
/// another reason (a name given twice, the metadata log) stays.
Message allowed_part(const Services& node, const request::Request& request, Message message,
                     Response& refused) {
  if (!node.authorizer || cluster_authorized(node, request, AclOperation::kCreate, Audit::kAllowed))
    return message;
  const auto times = times_named(message);
  std::erase_if(message.topics, [&](const auto& topic) {
    const std::string_view name = topic.name.view();
    if (times.at(name) > 1 || name == kMetadataTopic ||
        authorized(node, request, AclOperation::kCreate, AclResourceType::kTopic, name))
      return false;
    auto& one = refused.topics.emplace_back();
    one.name = topic.name;
    one.error_code = to_wire(ErrorCode::kTopicAuthorizationFailed);
    one.error_message = "Authorization failed.";
    return true;
  });
  return message;
}

/// Who may create a topic need not see its configs.
void hide_configs(const Services& node, const request::Request& request, Response& response) {
  if (!node.authorizer) return;
  for (auto& topic : response.topics) {
    if (topic.error_code != 0 ||
        authorized(node, request, AclOperation::kDescribeConfigs, AclResourceType::kTopic,
                   topic.name.view(), Audit::kAllowed))
      continue;
    topic.topic_config_error_code = to_wire(ErrorCode::kTopicAuthorizationFailed);
    topic.num_partitions = -1;
    topic.replication_factor = -1;
    topic.configs = decltype(topic.configs)();
  }
}

}  // namespace

env::Task<void> handle_create_topics(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  Response response;
  const bool asks_for_nothing = decoded->topics.empty();
  Message allowed = allowed_part(node, *request, std::move(decoded).value(), response);
  if (!allowed.topics.empty() || asks_for_nothing) {
    Response made = co_await decide_allowed<Message, Response>(
        node, request.get(), std::move(allowed), kStrictSince,
        &controller::ControllerMachine::decide_create_topics, fill_errors);
    hide_configs(node, *request, made);
    for (auto& refused : response.topics) made.topics.push_back(std::move(refused));
    response = std::move(made);
  }
  request->answer(response);
}

}  // namespace moldau::handler
