// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "wire/renew_delegation_token_request.h"
#include "wire/renew_delegation_token_response.h"

namespace moldau::handler {

/// Tokens are only for who has authenticated, which no one can on a plaintext listener.
env::Task<void> handle_renew_delegation_token(Services&, request::RequestPtr request) {
  auto decoded = request->decode<wire::RenewDelegationTokenRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  wire::RenewDelegationTokenResponse response;
  response.error_code = to_wire(ErrorCode::kDelegationTokenRequestNotAllowed);
  response.expiry_timestamp_ms = -1;
  request->answer(response);
}

}  // namespace moldau::handler
