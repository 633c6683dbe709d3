// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "node/handler/handlers.h"

namespace moldau::handler {

/// One row of the table of APIs that this node serves.
struct HandlerRow {
  wire::ApiKey key;
  HandlerFunction function;
  bool on_broker = true;
  bool on_controller = false;
};

/// Every API that works; what is not here is not advertised.
/// Thread   immutable.
std::span<const HandlerRow> all_handlers();

/// The routes of one kind of listener, bound to the services of a shard.
std::vector<request::Route> routes_of(Services& node, bool controller_listener);

}  // namespace moldau::handler
