// SPDX-License-Identifier: Apache-2.0
#include "client/admin/configs.h"

#include <charconv>
#include <map>

#include "client/ask.h"
#include "wire/describe_configs_request.h"
#include "wire/describe_configs_response.h"

namespace moldau::client::admin {
namespace {

std::optional<std::string> text_of(const wire::Text& text) {
  if (text.is_null()) return std::nullopt;
  return text.str();
}

/// The broker that only can tell; nullopt: any.
std::optional<NodeId> owner_of(const ConfigResource& resource) {
  if (resource.type != ConfigResourceType::kBroker &&
      resource.type != ConfigResourceType::kBrokerLogger)
    return std::nullopt;
  std::int32_t id = -1;
  const char* end = resource.name.data() + resource.name.size();
  const auto read = std::from_chars(resource.name.data(), end, id);
  if (resource.name.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return NodeId(id);
}

std::vector<ConfigEntry> entries_of(
    const wire::DescribeConfigsResponse::DescribeConfigsResult& told) {
  std::vector<ConfigEntry> out;
  for (const auto& config : told.configs) {
    ConfigEntry& entry = out.emplace_back();
    entry.name = config.name.str();
    entry.value = text_of(config.value);
    entry.read_only = config.read_only;
    entry.sensitive = config.is_sensitive;
    entry.source = static_cast<ConfigSource>(config.config_source);
    entry.type = config.config_type;
    entry.documentation = text_of(config.documentation);
    for (const auto& synonym : config.synonyms) {
      ConfigSynonym& one = entry.synonyms.emplace_back();
      one.name = synonym.name.str();
      one.value = text_of(synonym.value);
      one.source = static_cast<ConfigSource>(synonym.source);
    }
  }
  return out;
}

using Found = std::map<ConfigResource, Result<std::vector<ConfigEntry>>>;

void take(const wire::DescribeConfigsResponse& body, Found& out) {
  for (const auto& told : body.results) {
    ConfigResource resource;
    resource.type = static_cast<ConfigResourceType>(told.resource_type);
    resource.name = told.resource_name.str();
    if (told.error_code != 0)
      out.insert_or_assign(resource, told_error(told.error_code, told.error_message));
    else
      out.insert_or_assign(resource, entries_of(told));
  }
}

}  // namespace

env::Task<Result<DescribedConfigs>> describe_configs(Cluster& cluster,
                                                     std::vector<ConfigResource> resources,
                                                     DescribeConfigsOptions options,
                                                     MonoTime deadline) {
  DescribedConfigs out;
  std::map<std::optional<NodeId>, std::vector<ConfigResource>> by_owner;
  for (const ConfigResource& resource : resources) by_owner[owner_of(resource)].push_back(resource);
  Found found;
  for (const auto& [owner, part] : by_owner) {
    wire::DescribeConfigsRequest request;
    for (const ConfigResource& resource : part) {
      auto& one = request.resources.emplace_back();
      one.resource_type = static_cast<std::int8_t>(resource.type);
      one.resource_name = resource.name;
      one.configuration_keys.reset();
    }
    request.include_synonyms = options.synonyms;
    request.include_documentation = options.documentation;
    Target target = Target::any();
    if (owner) target = Target::node(*owner);
    auto answer = co_await ask<wire::DescribeConfigsResponse>(
        cluster, std::move(target), std::move(request), deadline, NoTopError());
    if (answer.ok()) {
      take(answer->body, found);
      continue;
    }
    for (const ConfigResource& resource : part) found.insert_or_assign(resource, answer.error());
  }
  for (const ConfigResource& resource : resources) {
    const auto one = found.find(resource);
    if (one == found.end())
      out.emplace_back(resource, Error(ErrorCode::kUnknownServerError,
                                       "the answer says nothing about " + resource.name));
    else
      out.emplace_back(resource, one->second);
  }
  co_return std::move(out);
}

}  // namespace moldau::client::admin
