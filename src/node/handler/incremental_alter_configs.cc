// SPDX-License-Identifier: Apache-2.0
#include "node/handler/alter_flow.h"
#include "node/handler/handlers.h"
#include "wire/incremental_alter_configs_request.h"
#include "wire/incremental_alter_configs_response.h"

namespace moldau::handler {

env::Task<void> handle_incremental_alter_configs(Services& node, request::RequestPtr request) {
  co_await alter_flow<wire::IncrementalAlterConfigsRequest, wire::IncrementalAlterConfigsResponse>(
      node, std::move(request), &controller::ControllerMachine::decide_incremental_alter_configs);
}

}  // namespace moldau::handler
