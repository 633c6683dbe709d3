// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/create_acls_request.h"
#include "wire/create_acls_response.h"

namespace moldau::handler {
namespace {

using Message = wire::CreateAclsRequest;
using Response = wire::CreateAclsResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  for (std::size_t n = 0; n < message.creations.size(); ++n) {
    auto& one = response.results.emplace_back();
    one.error_code = to_wire(error.code);
    one.error_message = error.detail;
  }
}

/// Apache takes such requests for damaged ones.
bool has_unknown_elements(const Message& message) {
  return std::any_of(message.creations.begin(), message.creations.end(), [](const auto& acl) {
    return acl.resource_type == 0 || acl.resource_pattern_type == 0 || acl.operation == 0 ||
           acl.permission_type == 0;
  });
}

/// What a filter may say and an ACL may not. Apache fails over it, and with it the whole request.
bool has_elements_of_filters(const Message& message) {
  return std::any_of(message.creations.begin(), message.creations.end(), [](const auto& acl) {
    const auto pattern = static_cast<image::AclPatternType>(acl.resource_pattern_type);
    return acl.resource_type == 1 || pattern == image::AclPatternType::kAny ||
           pattern == image::AclPatternType::kMatch || acl.operation == 1 ||
           acl.permission_type == 1;
  });
}

}  // namespace

env::Task<void> handle_create_acls(Services& node, request::RequestPtr request) {
  const auto held = decode_held<Message>(*request);
  if (!held) co_return;
  if (has_unknown_elements(held->message)) {
    request->close("CreatableAcls contain unknown elements");
    co_return;
  }
  if (refuse_without_cluster(node, *request, AclOperation::kAlter, held->message, fill_errors))
    co_return;
  if (!node.authorizer || has_elements_of_filters(held->message)) {
    Response response;
    const Error refusal =
        node.authorizer
            ? Error(ErrorCode::kUnknownServerError, "an ACL cannot be about ANY or MATCH")
            : Error(ErrorCode::kSecurityDisabled, "No Authorizer is configured.");
    fill_errors(held->message, refusal, response);
    request->answer(response);
    co_return;
  }
  co_await forward(node, std::move(request), 60'000, held,
                   &controller::ControllerMachine::decide_create_acls, fill_errors);
}

}  // namespace moldau::handler
