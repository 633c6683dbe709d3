// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "wire/sasl_authenticate_request.h"
#include "wire/sasl_authenticate_response.h"

namespace moldau::handler {

/// A listener whose connections need no authentication has nothing to authenticate.
env::Task<void> handle_sasl_authenticate(Services&, request::RequestPtr request) {
  auto decoded = request->decode<wire::SaslAuthenticateRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  wire::SaslAuthenticateResponse response;
  response.error_code = to_wire(ErrorCode::kIllegalSaslState);
  response.error_message = "SaslAuthenticate request received after successful authentication";
  request->answer(response);
}

}  // namespace moldau::handler
