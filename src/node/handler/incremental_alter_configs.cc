// SPDX-License-Identifier: Apache-2.0
#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/incremental_alter_configs_request.h"
#include "wire/incremental_alter_configs_response.h"

namespace moldau::handler {
namespace {

using Message = wire::IncrementalAlterConfigsRequest;
using Response = wire::IncrementalAlterConfigsResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  for (const auto& resource : message.resources) {
    auto& one = response.responses.emplace_back();
    one.resource_type = resource.resource_type;
    one.resource_name = resource.resource_name;
    one.error_code = to_wire(error.code);
    one.error_message = error.detail;
  }
}

}  // namespace

env::Task<void> handle_incremental_alter_configs(Services& node, request::RequestPtr request) {
  const auto held = decode_held<Message>(*request);
  if (!held) co_return;
  const std::int32_t timeout_ms = 60'000;
  co_await forward(node, std::move(request), timeout_ms, held,
                   &controller::ControllerMachine::decide_incremental_alter_configs, fill_errors);
}

}  // namespace moldau::handler
