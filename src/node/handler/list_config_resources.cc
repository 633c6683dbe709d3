// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "wire/list_config_resources_request.h"
#include "wire/list_config_resources_response.h"

namespace moldau::handler {
namespace {

using image::ResourceType;
using Response = wire::ListConfigResourcesResponse;

void add(Response& response, ResourceType type, const std::string& name) {
  auto& one = response.config_resources.emplace_back();
  one.resource_type = static_cast<std::int8_t>(type);
  one.resource_name = name;
}

std::set<ResourceType> types_of(const wire::ListConfigResourcesRequest& message,
                                std::int16_t version, bool& known) {
  const std::set<ResourceType> all = {ResourceType::kTopic, ResourceType::kBroker,
                                      ResourceType::kBrokerLogger, ResourceType::kClientMetrics,
                                      ResourceType::kGroup};
  known = true;
  if (version == 0) return {ResourceType::kClientMetrics};
  if (message.resource_types.empty()) return all;
  std::set<ResourceType> types;
  for (std::int8_t number : message.resource_types) {
    const auto type = static_cast<ResourceType>(number);
    known = known && all.contains(type);
    types.insert(type);
  }
  return types;
}

}  // namespace

env::Task<void> handle_list_config_resources(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::ListConfigResourcesRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const image::MetadataImage& image = *node.image;
  Response response;
  if (!cluster_authorized(node, *request, AclOperation::kDescribeConfigs)) {
    response.error_code = to_wire(ErrorCode::kClusterAuthorizationFailed);
    request->answer(response);
    co_return;
  }
  bool known = false;
  const std::set<ResourceType> types = types_of(*decoded, request->version(), known);
  if (!known) {
    response.error_code = to_wire(ErrorCode::kUnsupportedVersion);
    request->answer(response);
    co_return;
  }
  for (ResourceType type : {ResourceType::kGroup, ResourceType::kClientMetrics}) {
    if (!types.contains(type)) continue;
    for (const auto& [resource, entries] : image.configs())
      if (resource.type == type) add(response, type, resource.name);
  }
  for (ResourceType type : {ResourceType::kBroker, ResourceType::kBrokerLogger}) {
    if (!types.contains(type)) continue;
    for (const auto& [id, broker] : image.brokers())
      add(response, type, std::to_string(id.value()));
  }
  if (types.contains(ResourceType::kTopic))
    for (const auto& [name, id] : image.topic_ids()) add(response, ResourceType::kTopic, name);
  request->answer(response);
}

}  // namespace moldau::handler
