// SPDX-License-Identifier: Apache-2.0
#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/alter_client_quotas_request.h"
#include "wire/alter_client_quotas_response.h"

namespace moldau::handler {
namespace {

using Message = wire::AlterClientQuotasRequest;
using Response = wire::AlterClientQuotasResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  for (const auto& entry : message.entries) {
    auto& one = response.entries.emplace_back();
    one.error_code = to_wire(error.code);
    one.error_message = error.detail;
    for (const auto& part : entry.entity) {
      auto& named = one.entity.emplace_back();
      named.entity_type = part.entity_type;
      named.entity_name = part.entity_name;
    }
  }
}

}  // namespace

env::Task<void> handle_alter_client_quotas(Services& node, request::RequestPtr request) {
  const auto held = decode_held<Message>(*request);
  if (!held) co_return;
  if (refuse_without_cluster(node, *request, AclOperation::kAlterConfigs, held->message,
                             fill_errors))
    co_return;
  const std::int32_t timeout_ms = 60'000;
  co_await forward(node, std::move(request), timeout_ms, held,
                   &controller::ControllerMachine::decide_alter_client_quotas, fill_errors);
}

}  // namespace moldau::handler
