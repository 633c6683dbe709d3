// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/endpoint.h"
#include "env/net.h"

namespace moldau::handler {

/// Where a configured listener is bound; no host means all addresses.
inline env::SocketAddress bind_address_of(const config::Listener& listener) {
  env::SocketAddress address;
  address.host = listener.host.empty() ? "0.0.0.0" : listener.host;
  address.port = static_cast<std::uint16_t>(listener.port);
  return address;
}

}  // namespace moldau::handler
