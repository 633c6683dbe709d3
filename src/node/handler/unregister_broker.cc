// SPDX-License-Identifier: Apache-2.0
#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/unregister_broker_request.h"
#include "wire/unregister_broker_response.h"

namespace moldau::handler {
namespace {

using Message = wire::UnregisterBrokerRequest;
using Response = wire::UnregisterBrokerResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  (void)message;
  response.error_code = to_wire(error.code);
  response.error_message = error.detail;
}

}  // namespace

env::Task<void> handle_unregister_broker(Services& node, request::RequestPtr request) {
  const auto held = decode_held<Message>(*request);
  if (!held) co_return;
  if (refuse_without_cluster(node, *request, AclOperation::kAlter, held->message, fill_errors))
    co_return;
  const std::int32_t timeout_ms = 60'000;
  co_await forward(node, std::move(request), timeout_ms, held,
                   &controller::ControllerMachine::decide_unregister_broker, fill_errors);
}

}  // namespace moldau::handler
