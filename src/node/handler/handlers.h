// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node/handler/services.h"
#include "node/request/router.h"

namespace moldau::handler {

/// One function per API, in the file of its name. Each answers or closes its request.
/// Thread   the shard of the connection.
using HandlerFunction = env::Task<void> (*)(Services& node, request::RequestPtr request);

env::Task<void> handle_api_versions(Services& node, request::RequestPtr request);
env::Task<void> handle_produce(Services& node, request::RequestPtr request);
env::Task<void> handle_fetch(Services& node, request::RequestPtr request);
env::Task<void> handle_list_offsets(Services& node, request::RequestPtr request);
env::Task<void> handle_metadata(Services& node, request::RequestPtr request);

}  // namespace moldau::handler
