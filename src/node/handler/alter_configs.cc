// SPDX-License-Identifier: Apache-2.0
#include "node/handler/alter_flow.h"
#include "node/handler/handlers.h"
#include "wire/alter_configs_request.h"
#include "wire/alter_configs_response.h"

namespace moldau::handler {

env::Task<void> handle_alter_configs(Services& node, request::RequestPtr request) {
  co_await alter_flow<wire::AlterConfigsRequest, wire::AlterConfigsResponse>(
      node, std::move(request), &controller::ControllerMachine::decide_alter_configs);
}

}  // namespace moldau::handler
