// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/broker_config.h"
#include "machine/image/image.h"
#include "net/socket_server.h"

namespace moldau::assembly {

/// What the socket server reads from a node's configuration at its start; `memory_bytes` is what
/// the process may use.
/// How a listener of this configuration is bound and counted.
net::Listener net_listener_of(const config::Listener& listener, const config::BrokerConfig& config);
net::SocketServerOptions server_options_of(const config::BrokerConfig& config,
                                           std::uint64_t memory_bytes);

/// The part of it that may change while the node runs.
net::ConnectionLimits connection_limits_of(const config::BrokerConfig& config);

/// The client quotas connection_creation_rate of addresses and of their default.
net::IpCreationRates ip_creation_rates_of(const image::MetadataImage& image);

}  // namespace moldau::assembly
