// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "wire/describe_delegation_token_request.h"
#include "wire/describe_delegation_token_response.h"

namespace moldau::handler {

/// Tokens are shown only to who has authenticated, which no one can on a plaintext listener.
env::Task<void> handle_describe_delegation_token(Services&, request::RequestPtr request) {
  auto decoded = request->decode<wire::DescribeDelegationTokenRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  wire::DescribeDelegationTokenResponse response;
  response.error_code = to_wire(ErrorCode::kDelegationTokenRequestNotAllowed);
  request->answer(response);
}

}  // namespace moldau::handler
