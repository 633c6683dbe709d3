// SPDX-License-Identifier: Apache-2.0
#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/create_topics_request.h"
#include "wire/create_topics_response.h"

namespace moldau::handler {
namespace {

using Message = wire::CreateTopicsRequest;
using Response = wire::CreateTopicsResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  for (const auto& topic : message.topics) {
    auto& one = response.topics.emplace_back();
    one.name = topic.name;
    one.error_code = to_wire(error.code);
    one.error_message = error.detail;
  }
}

}  // namespace

env::Task<void> handle_create_topics(Services& node, request::RequestPtr request) {
  const auto held = decode_held<Message>(*request);
  if (!held) co_return;
  const std::int32_t timeout_ms = held->message.timeout_ms;
  co_await forward(node, std::move(request), timeout_ms, held,
                   &controller::ControllerMachine::decide_create_topics, fill_errors);
}

}  // namespace moldau::handler
