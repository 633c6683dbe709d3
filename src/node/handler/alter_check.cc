// SPDX-License-Identifier: Apache-2.0
#include "node/handler/alter_check.h"

#include <algorithm>

#include "machine/telemetry/client_telemetry.h"
#include "net/socket_server.h"
#include "node/handler/authorize.h"
#include "node/handler/bind_address.h"

namespace moldau::handler {
namespace {

config::ConfigMap map_of(const image::ConfigEntries& entries) {
  return config::ConfigMap(entries.begin(), entries.end());
}

/// A port of a listener that goes is free once it is gone.
bool takes_port_of_its_own(const config::BrokerConfig& broker, const config::Listener& listener) {
  return listener.port == 0 ||
         std::any_of(broker.listeners.begin(), broker.listeners.end(),
                     [&](const config::Listener& own) { return own.port == listener.port; });
}

Result<void> check_bindable(const Services& node, const std::vector<config::Listener>& listeners) {
  for (const config::Listener& listener : listeners) {
    if (takes_port_of_its_own(*node.config, listener)) continue;
    const Result<void> bound = net::try_to_listen(node.shard, bind_address_of(listener));
    if (bound.ok()) continue;
    return Error(ErrorCode::kInvalidRequest,
                 "Listener " + listener.text() + " cannot be bound: " + bound.error().text());
  }
  return {};
}

/// The patterns of a client-metrics subscription, which config/ cannot compile.
Result<void> check_patterns(const std::vector<config::AlterEntry>& entries) {
  for (const config::AlterEntry& entry : entries) {
    if (entry.name != "match" || !entry.value) continue;
    if (telemetry::Subscription({{"match", *entry.value}}).broken())
      return Error(ErrorCode::kInvalidConfig, "Illegal client matching pattern: " + *entry.value);
  }
  return {};
}

}  // namespace

config::BrokerConfigSources config_sources_of(const Services& node) {
  config::BrokerConfigSources sources;
  sources.static_broker = node.static_properties;
  sources.dynamic_default = map_of(node.image->broker_default_config());
  sources.dynamic_broker = map_of(node.image->broker_config(node.identity->id));
  return sources;
}

Result<void> may_alter(const Services& node, const request::Request& request,
                       image::ResourceType type, std::string_view name) {
  const AclOperation alter = AclOperation::kAlterConfigs;
  ErrorCode refusal = ErrorCode::kNone;
  switch (type) {
    case image::ResourceType::kTopic:
      if (!authorized(node, request, alter, AclResourceType::kTopic, name))
        refusal = ErrorCode::kTopicAuthorizationFailed;
      break;
    case image::ResourceType::kGroup:
      if (!authorized(node, request, alter, AclResourceType::kGroup, name))
        refusal = ErrorCode::kGroupAuthorizationFailed;
      break;
    default:
      if (!cluster_authorized(node, request, alter))
        refusal = ErrorCode::kClusterAuthorizationFailed;
  }
  if (refusal == ErrorCode::kNone) return {};
  return Error(refusal, std::string(authorization_message(refusal)));
}

Result<void> check_alter(const Services& node, std::int8_t resource_type, std::string_view name,
                         const std::vector<config::AlterEntry>& entries, bool incremental) {
  const auto type = static_cast<image::ResourceType>(resource_type);
  const std::string own = std::to_string(node.identity->id.value());
  if (type == image::ResourceType::kBroker && !name.empty() && name != own)
    return Error(ErrorCode::kInvalidRequest,
                 "this is broker " + own + ": configs of another broker go to that one");
  const config::BrokerConfigSources sources = config_sources_of(node);
  const image::ConfigResource resource(type, std::string(name));
  const config::ConfigMap existing = map_of(node.image->config(resource));
  const config::AlterSubject subject{static_cast<config::ConfigResourceType>(resource_type),
                                     name,
                                     existing,
                                     *node.config,
                                     sources,
                                     node.image->elr_enabled()};
  MOLDAU_ASSIGN_OR_RETURN(const std::vector<config::Listener> added,
                          config::check_alter_request(subject, entries, incremental));
  if (type == image::ResourceType::kClientMetrics) MOLDAU_TRY(check_patterns(entries));
  return check_bindable(node, added);
}

}  // namespace moldau::handler
