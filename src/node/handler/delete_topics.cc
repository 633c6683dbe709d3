// SPDX-License-Identifier: Apache-2.0
#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/delete_topics_request.h"
#include "wire/delete_topics_response.h"

namespace moldau::handler {
namespace {

using Message = wire::DeleteTopicsRequest;
using Response = wire::DeleteTopicsResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  for (const auto& topic : message.topics) {
    auto& one = response.responses.emplace_back();
    one.name = topic.name;
    one.topic_id = topic.topic_id;
    one.error_code = to_wire(error.code);
    one.error_message = error.detail;
  }
  for (const auto& name : message.topic_names) {
    auto& one = response.responses.emplace_back();
    one.name = name;
    one.error_code = to_wire(error.code);
    one.error_message = error.detail;
  }
}

}  // namespace

env::Task<void> handle_delete_topics(Services& node, request::RequestPtr request) {
  const auto held = decode_held<Message>(*request);
  if (!held) co_return;
  const std::int32_t timeout_ms = held->message.timeout_ms;
  co_await forward(node, std::move(request), timeout_ms, held,
                   &controller::ControllerMachine::decide_delete_topics, fill_errors);
}

}  // namespace moldau::handler
