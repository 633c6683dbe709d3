// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "wire/create_delegation_token_request.h"
#include "wire/create_delegation_token_response.h"

namespace moldau::handler {

/// Tokens are given only to who has authenticated, which no one can on a plaintext listener.
env::Task<void> handle_create_delegation_token(Services&, request::RequestPtr request) {
  auto decoded = request->decode<wire::CreateDelegationTokenRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const std::string& principal = request->caller().principal;
  const std::string type = principal.substr(0, principal.find(':'));
  const std::string user(request::user_of(principal));
  wire::CreateDelegationTokenResponse response;
  response.error_code = to_wire(ErrorCode::kDelegationTokenRequestNotAllowed);
  const bool for_other =
      !decoded->owner_principal_name.is_null() && decoded->owner_principal_name.size() > 0;
  response.principal_type = for_other ? decoded->owner_principal_type : wire::Text(type);
  response.principal_name = for_other ? decoded->owner_principal_name : wire::Text(user);
  response.token_requester_principal_type = type;
  response.token_requester_principal_name = user;
  response.issue_timestamp_ms = -1;
  response.expiry_timestamp_ms = -1;
  response.max_timestamp_ms = -1;
  request->answer(response);
}

}  // namespace moldau::handler
