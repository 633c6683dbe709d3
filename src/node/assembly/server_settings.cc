// SPDX-License-Identifier: Apache-2.0
#include "node/assembly/server_settings.h"

#include <algorithm>

#include "node/handler/bind_address.h"

namespace moldau::assembly {
namespace {

net::ConnectionBounds bounds_of(std::int32_t connections, std::int32_t creations) {
  net::ConnectionBounds bounds;
  bounds.connections_max = static_cast<std::uint32_t>(connections);
  bounds.creations_per_second_max = static_cast<std::uint32_t>(creations);
  return bounds;
}

std::uint64_t bytes_in_flight_max(const config::BrokerValues& values, std::uint64_t memory_bytes) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
  std::uint64_t bytes = std::min(memory_bytes / 4, kMost);
  if (values.moldau_memory_bytes >= 0)
    bytes = static_cast<std::uint64_t>(values.moldau_memory_bytes);
  if (values.queued_max_request_bytes > 0)
    bytes = std::min(bytes, static_cast<std::uint64_t>(values.queued_max_request_bytes));
  return bytes;
}

}  // namespace

net::Listener net_listener_of(const config::Listener& listener,
                              const config::BrokerConfig& config) {
  net::Listener one;
  one.name = listener.name;
  one.address = handler::bind_address_of(listener);
  one.controller = config.is_controller_listener(listener.name);
  one.inter_broker = listener.name == config.inter_broker_listener_name;
  return one;
}

net::SocketServerOptions server_options_of(const config::BrokerConfig& config,
                                           std::uint64_t memory_bytes) {
  net::SocketServerOptions options;
  const auto& values = config.values;
  for (const config::Listener& listener : config.listeners)
    options.listeners.push_back(net_listener_of(listener, config));
  options.request_bytes_max = static_cast<std::uint32_t>(values.socket_request_max_bytes);
  options.idle_max = Millis(values.connections_max_idle_ms);
  options.bytes_in_flight_max = bytes_in_flight_max(values, memory_bytes);
  options.queued_bytes_max = static_cast<std::uint64_t>(values.moldau_connection_queued_bytes_max);
  options.socket.backlog = values.socket_listen_backlog_size;
  // Unless somebody asks for a size the kernel tunes the buffers: docs/decisions/0003.
  if (config.properties.contains("socket.send.buffer.bytes"))
    options.socket.send_buffer_bytes = values.socket_send_buffer_bytes;
  if (config.properties.contains("socket.receive.buffer.bytes"))
    options.socket.receive_buffer_bytes = values.socket_receive_buffer_bytes;
  options.limits = connection_limits_of(config);
  return options;
}

net::ConnectionLimits connection_limits_of(const config::BrokerConfig& config) {
  net::ConnectionLimits limits;
  const auto& values = config.values;
  limits.all = bounds_of(values.max_connections, values.max_connection_creation_rate);
  for (const auto& [name, own] : config.listener_limits)
    limits.listeners[name] = bounds_of(own.max_connections, own.max_connection_creation_rate);
  limits.connections_per_ip_max = static_cast<std::uint32_t>(values.max_connections_per_ip);
  for (const auto& [host, limit] : config.max_connections_per_ip_overrides)
    limits.connections_per_ip_overrides[host] = static_cast<std::uint32_t>(std::max(limit, 0));
  const std::int64_t window_ms = std::int64_t{values.quota_window_size_seconds} * 1000;
  limits.throttle_max = Millis(window_ms);
  limits.creation_burst = Millis(window_ms * std::max(values.quota_window_num - 1, 1));
  return limits;
}

net::IpCreationRates ip_creation_rates_of(const image::MetadataImage& image) {
  net::IpCreationRates rates;
  for (const auto& [entity, values] : image.client_quotas()) {
    const auto ip = entity.parts.find("ip");
    const auto rate = values->find("connection_creation_rate");
    if (ip == entity.parts.end() || rate == values->end()) continue;
    const double held = std::clamp(rate->second, 0.0, static_cast<double>(net::kNoLimit));
    const auto per_second = static_cast<std::uint32_t>(held);
    if (!ip->second) {
      rates.of_any = per_second;
    } else if (const auto address = config::canonical_address(*ip->second)) {
      rates.of_one[*address] = per_second;
    }
  }
  return rates;
}

}  // namespace moldau::assembly
