// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "config/describe.h"
#include "node/handler/alter_check.h"
#include "node/handler/alter_loggers.h"
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "wire/describe_configs_request.h"
#include "wire/describe_configs_response.h"

namespace moldau::handler {
namespace {

using Message = wire::DescribeConfigsRequest;
using Resource = Message::DescribeConfigsResource;
using Described = wire::DescribeConfigsResponse::DescribeConfigsResult;

config::ConfigMap map_of(const image::ConfigEntries& entries) {
  return config::ConfigMap(entries.begin(), entries.end());
}

Result<std::vector<config::ConfigEntry>> entries_of(const Resource& resource, Services& node) {
  const image::MetadataImage& image = *node.image;
  const config::BrokerConfigSources sources = config_sources_of(node);
  const std::string name = resource.resource_name.str();
  switch (static_cast<image::ResourceType>(resource.resource_type)) {
    case image::ResourceType::kTopic:
      if (!image.topic(name))
        return Error(ErrorCode::kUnknownTopicOrPartition, "there is no topic " + name);
      return config::describe_topic(*node.config, sources, map_of(image.topic_config(name)));
    case image::ResourceType::kBroker:
      if (name.empty()) return config::describe_broker_defaults(sources);
      if (name != std::to_string(node.identity->id.value()))
        return Error(ErrorCode::kInvalidRequest, "this is broker " +
                                                     std::to_string(node.identity->id.value()) +
                                                     ": ask broker " + name + " itself");
      return config::describe_broker(*node.config, sources);
    case image::ResourceType::kGroup: {
      if (name.empty()) return Error(ErrorCode::kInvalidRequest, "a group must be named");
      const image::ConfigResource key(image::ResourceType::kGroup, name);
      return config::describe_group(*node.config, sources, map_of(image.config(key)));
    }
    case image::ResourceType::kClientMetrics: {
      if (name.empty()) return Error(ErrorCode::kInvalidRequest, "a subscription must be named");
      const image::ConfigResource key(image::ResourceType::kClientMetrics, name);
      return config::describe_client_metrics(map_of(image.config(key)));
    }
    case image::ResourceType::kBrokerLogger:
      return describe_loggers(node, name);
    default:
      return Error(ErrorCode::kInvalidRequest,
                   "unknown type of resource " + std::to_string(resource.resource_type));
  }
}

bool is_known_type(const Resource& resource) {
  switch (static_cast<image::ResourceType>(resource.resource_type)) {
    case image::ResourceType::kTopic:
    case image::ResourceType::kBroker:
    case image::ResourceType::kGroup:
    case image::ResourceType::kClientMetrics:
    case image::ResourceType::kBrokerLogger:
      return true;
    default:
      return false;
  }
}

/// Why the caller may not look at a resource.
ErrorCode refusal_of(const Resource& resource, const Services& node,
                     const request::Request& request) {
  const AclOperation look = AclOperation::kDescribeConfigs;
  const std::string_view name = resource.resource_name.view();
  switch (static_cast<image::ResourceType>(resource.resource_type)) {
    case image::ResourceType::kTopic:
      return authorized(node, request, look, AclResourceType::kTopic, name)
                 ? ErrorCode::kNone
                 : ErrorCode::kTopicAuthorizationFailed;
    case image::ResourceType::kGroup:
      return authorized(node, request, look, AclResourceType::kGroup, name)
                 ? ErrorCode::kNone
                 : ErrorCode::kGroupAuthorizationFailed;
    case image::ResourceType::kBroker:
    case image::ResourceType::kBrokerLogger:
    case image::ResourceType::kClientMetrics:
      return cluster_authorized(node, request, look) ? ErrorCode::kNone
                                                     : ErrorCode::kClusterAuthorizationFailed;
    default:
      return ErrorCode::kNone;
  }
}

bool wanted(const Resource& resource, const std::string& name) {
  if (!resource.configuration_keys) return true;
  const auto& keys = *resource.configuration_keys;
  return std::any_of(keys.begin(), keys.end(),
                     [&](const wire::Text& key) { return key.view() == name; });
}

void add_entry(Described& described, const config::ConfigEntry& entry, const Message& message) {
  auto& one = described.configs.emplace_back();
  one.name = entry.name;
  one.value = entry.value ? wire::Text(*entry.value) : wire::Text::null();
  one.read_only = entry.read_only;
  one.config_source = static_cast<std::int8_t>(entry.source);
  one.is_sensitive = entry.sensitive;
  one.config_type = static_cast<std::int8_t>(entry.type);
  one.documentation =
      message.include_documentation ? wire::Text(entry.documentation) : wire::Text::null();
  if (!message.include_synonyms) return;
  for (const config::ConfigSynonym& synonym : entry.synonyms) {
    auto& other = one.synonyms.emplace_back();
    other.name = synonym.name;
    other.value = synonym.value ? wire::Text(*synonym.value) : wire::Text::null();
    other.source = static_cast<std::int8_t>(synonym.source);
  }
}

}  // namespace

env::Task<void> handle_describe_configs(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  wire::DescribeConfigsResponse response;
  // As with Apache one resource of an unknown type spoils the whole request.
  const bool all_known = std::all_of(decoded->resources.begin(), decoded->resources.end(),
                                     [](const Resource& one) { return is_known_type(one); });
  for (const Resource& resource : decoded->resources) {
    Described& described = response.results.emplace_back();
    described.resource_type = resource.resource_type;
    described.resource_name = resource.resource_name;
    if (!all_known) {
      described.error_code = to_wire(ErrorCode::kInvalidRequest);
      described.error_message = "a resource of an unknown type";
      continue;
    }
    const ErrorCode refused = refusal_of(resource, node, *request);
    if (refused != ErrorCode::kNone) {
      described.error_code = to_wire(refused);
      described.error_message = authorization_message(refused);
      continue;
    }
    auto entries = entries_of(resource, node);
    if (!entries.ok()) {
      described.error_code = to_wire(entries.error().code);
      described.error_message = entries.error().detail;
      continue;
    }
    for (const config::ConfigEntry& entry : *entries)
      if (wanted(resource, entry.name)) add_entry(described, entry, *decoded);
  }
  request->answer(response);
}

}  // namespace moldau::handler
