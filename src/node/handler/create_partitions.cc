// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/create_partitions_request.h"
#include "wire/create_partitions_response.h"

namespace moldau::handler {
namespace {

using Message = wire::CreatePartitionsRequest;
/// The version that knows THROTTLING_QUOTA_EXCEEDED.
constexpr std::int16_t kStrictSince = 3;
using Response = wire::CreatePartitionsResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  for (const auto& topic : message.topics) {
    auto& one = response.results.emplace_back();
    one.name = topic.name;
    one.error_code = to_wire(error.code);
    one.error_message = error.detail;
  }
}

/// Takes out what the caller may not alter; it is in `refused`. Names given twice stay: the
/// controller refuses them for that.
Message allowed_part(const Services& node, const request::Request& request, Message message,
                     Response& refused) {
  if (!node.authorizer) return message;
  std::map<std::string_view, int> times;
  for (const auto& topic : message.topics) ++times[topic.name.view()];
  std::erase_if(message.topics, [&](const auto& topic) {
    const std::string_view name = topic.name.view();
    if (times.at(name) > 1 ||
        authorized(node, request, AclOperation::kAlter, AclResourceType::kTopic, name))
      return false;
    auto& one = refused.results.emplace_back();
    one.name = topic.name;
    one.error_code = to_wire(ErrorCode::kTopicAuthorizationFailed);
    return true;
  });
  return message;
}

}  // namespace

env::Task<void> handle_create_partitions(Services& node, request::RequestPtr request) {
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
        &controller::ControllerMachine::decide_create_partitions, fill_errors);
    for (auto& refused : response.results) made.results.push_back(std::move(refused));
    response = std::move(made);
  }
  request->answer(response);
}

}  // namespace moldau::handler
