// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "node/handler/alter_check.h"
#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/incremental_alter_configs_request.h"
#include "wire/incremental_alter_configs_response.h"

namespace moldau::handler {
namespace {

using Message = wire::IncrementalAlterConfigsRequest;
using Response = wire::IncrementalAlterConfigsResponse;

void add_answer(const Message::AlterConfigsResource& resource, const Error& error,
                Response& response) {
  auto& one = response.responses.emplace_back();
  one.resource_type = resource.resource_type;
  one.resource_name = resource.resource_name;
  one.error_code = to_wire(error.code);
  one.error_message = error.detail;
}

std::vector<config::AlterEntry> entries_of(const Message::AlterConfigsResource& resource) {
  std::vector<config::AlterEntry> entries;
  for (const auto& asked : resource.configs) {
    config::AlterEntry& entry = entries.emplace_back();
    entry.name = asked.name.str();
    entry.op = asked.config_operation;
    if (!asked.value.is_null()) entry.value = asked.value.str();
  }
  return entries;
}

/// Takes out what this broker refuses itself; the refusals are in `refused`.
Message accepted_part(const Services& node, Message message, Response& refused) {
  std::set<std::pair<std::int8_t, std::string>> seen;
  std::vector<Message::AlterConfigsResource> accepted;
  for (auto& resource : message.resources) {
    if (!seen.emplace(resource.resource_type, resource.resource_name.str()).second) {
      add_answer(resource, Error(ErrorCode::kInvalidRequest, "the resource is named twice"),
                 refused);
      continue;
    }
    const Result<void> checked = check_alter(
        node, resource.resource_type, resource.resource_name.view(), entries_of(resource), true);
    if (checked.ok()) {
      accepted.push_back(std::move(resource));
    } else {
      add_answer(resource, checked.error(), refused);
    }
  }
  message.resources = std::move(accepted);
  return message;
}

}  // namespace

env::Task<void> handle_incremental_alter_configs(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  Response response;
  Message accepted = accepted_part(node, std::move(decoded).value(), response);
  if (!accepted.resources.empty()) {
    auto held = std::make_shared<const Held<Message>>(std::move(accepted), request->frame());
    const MonoTime deadline = controller_deadline(*request, 60'000);
    auto decided =
        co_await call_controller(node, held, request->version(), deadline,
                                 &controller::ControllerMachine::decide_incremental_alter_configs);
    if (decided.ok()) {
      co_await until_shown(node);
      for (auto& one : decided->responses) response.responses.push_back(std::move(one));
    } else {
      for (const auto& resource : held->message.resources)
        add_answer(resource, decided.error(), response);
    }
  }
  request->answer(response);
}

}  // namespace moldau::handler
