// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "wire/sasl_handshake_request.h"
#include "wire/sasl_handshake_response.h"

namespace moldau::handler {

/// A listener whose connections need no authentication never is in the state for a handshake.
env::Task<void> handle_sasl_handshake(Services&, request::RequestPtr request) {
  auto decoded = request->decode<wire::SaslHandshakeRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  wire::SaslHandshakeResponse response;
  response.error_code = to_wire(ErrorCode::kIllegalSaslState);
  request->answer(response);
}

}  // namespace moldau::handler
