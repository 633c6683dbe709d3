// SPDX-License-Identifier: Apache-2.0
#include "machine/controller/controller_machine.h"
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "wire/describe_acls_request.h"
#include "wire/describe_acls_response.h"

namespace moldau::handler {

/// From the image of this node, as Apache answers from its authorizer.
env::Task<void> handle_describe_acls(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::DescribeAclsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  if (decoded->resource_type_filter == 0 || decoded->pattern_type_filter == 0 ||
      decoded->operation == 0 || decoded->permission_type == 0) {
    request->close("DescribeAclsRequest contains UNKNOWN elements");
    co_return;
  }
  wire::DescribeAclsResponse response;
  if (!cluster_authorized(node, *request, AclOperation::kDescribe)) {
    response.error_code = to_wire(ErrorCode::kClusterAuthorizationFailed);
    response.error_message = cluster_refusal(*request).detail;
  } else if (!node.authorizer) {
    response.error_code = to_wire(ErrorCode::kSecurityDisabled);
    response.error_message = "No Authorizer is configured on the broker";
  } else {
    response = controller::describe_acls(*node.image, *decoded);
  }
  request->answer(response);
}

}  // namespace moldau::handler
