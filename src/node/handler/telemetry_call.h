// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "node/handler/services.h"
#include "node/handler/telemetry_host.h"

namespace moldau::handler {

/// What the subscriptions of client metrics may match.
inline telemetry::ClientIdentity client_identity_of(const request::Request& request) {
  telemetry::ClientIdentity client;
  client.client_id = request.header().client_id;
  client.client_source_address = request.caller().host;
  if (const net::Session* session = request.session()) {
    client.client_software_name = session->client_software_name();
    client.client_software_version = session->client_software_version();
    client.client_source_port = std::to_string(session->peer().port);
  }
  return client;
}

}  // namespace moldau::handler
