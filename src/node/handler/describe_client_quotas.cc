// SPDX-License-Identifier: Apache-2.0
#include "machine/controller/controller_machine.h"
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "wire/describe_client_quotas_request.h"
#include "wire/describe_client_quotas_response.h"

namespace moldau::handler {

env::Task<void> handle_describe_client_quotas(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::DescribeClientQuotasRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  if (!cluster_authorized(node, *request, AclOperation::kDescribeConfigs)) {
    wire::DescribeClientQuotasResponse refused;
    refused.error_code = to_wire(ErrorCode::kClusterAuthorizationFailed);
    refused.error_message = authorization_message(ErrorCode::kClusterAuthorizationFailed);
    refused.entries.reset();
    request->answer(refused);
    co_return;
  }
  const auto response = controller::describe_client_quotas(*node.image, *decoded);
  request->answer(response);
}

}  // namespace moldau::handler
