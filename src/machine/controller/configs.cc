// SPDX-License-Identifier: Apache-2.0
// Configs of topics, brokers, groups and client metrics subscriptions.
#include <charconv>
#include <set>

#include "machine/controller/controller_machine.h"

namespace moldau::controller {
namespace {

using image::ConfigResource;
using image::ResourceType;

constexpr std::string_view kMinInsyncReplicas = "min.insync.replicas";

bool is_known(std::int8_t type) {
  switch (static_cast<ResourceType>(type)) {
    case ResourceType::kTopic:
    case ResourceType::kBroker:
    case ResourceType::kBrokerLogger:
    case ResourceType::kClientMetrics:
    case ResourceType::kGroup:
      return true;
    case ResourceType::kUnknown:
      break;
  }
  return false;
}

/// The resources of a request that stand in it more than once.
template <class Request>
std::set<ConfigResource> duplicates(const Request& request) {
  std::set<ConfigResource> seen;
  std::set<ConfigResource> twice;
  for (const auto& in : request.resources) {
    ConfigResource resource(static_cast<ResourceType>(in.resource_type), in.resource_name.str());
    if (!seen.insert(resource).second) twice.insert(std::move(resource));
  }
  return twice;
}

template <class Response>
void add_result(Response& response, const ConfigResource& resource, const ApiError& error) {
  auto& result = response.responses.emplace_back();
  result.resource_type = static_cast<std::int8_t>(resource.type);
  result.resource_name = wire::Text(resource.name);
  set_error(result, error);
}

config::AlterEntry entry_of(const wire::IncrementalAlterConfigsRequest::AlterableConfig& in) {
  config::AlterEntry entry;
  entry.name = in.name.str();
  entry.op = in.config_operation;
  if (!in.value.is_null()) entry.value = in.value.str();
  return entry;
}

config::AlterEntry entry_of(const wire::AlterConfigsRequest::AlterableConfig& in) {
  config::AlterEntry entry;
  entry.name = in.name.str();
  if (!in.value.is_null()) entry.value = in.value.str();
  return entry;
}

/// One resource after the other; each is altered as a whole or not at all.
template <class Response, class Request, class Decide>
void alter_each(const Request& request, Decision<Response>& decision, Decide decide) {
  const std::set<ConfigResource> twice = duplicates(request);
  for (const auto& in : request.resources) {
    const ConfigResource resource(static_cast<ResourceType>(in.resource_type),
                                  in.resource_name.str());
    if (twice.count(resource) > 0) {
      add_result(decision.response, resource,
                 ApiError(ErrorCode::kInvalidRequest, "Each resource must appear at most once."));
      continue;
    }
    if (!is_known(in.resource_type)) {
      add_result(decision.response, resource,
                 ApiError(ErrorCode::kInvalidRequest,
                          "Unknown resource type " + std::to_string(in.resource_type)));
      continue;
    }
    std::vector<config::AlterEntry> entries;
    std::set<std::string> names;
    ApiError error;
    for (const auto& config : in.configs) {
      entries.push_back(entry_of(config));
      if (!names.insert(entries.back().name).second) {
        error = ApiError(ErrorCode::kInvalidRequest, "Error due to duplicate config keys");
      }
    }
    if (error.ok()) {
      const auto changes = decide(resource, entries);
      if (!changes.ok()) {
        error = changes.error();
      } else {
        for (const config::ConfigChange& change : *changes) {
          decision.records.config(resource, change.name, change.value);
        }
      }
    }
    add_result(decision.response, resource, error);
  }
}

template <class Response, class Request>
void finish(const Request& request, Decision<Response>& decision) {
  if (decision.records.size() > kRecordsPerOperationMax) {
    decision.records.clear();
    decision.response.responses.clear();
    for (const auto& in : request.resources) {
      const ConfigResource resource(static_cast<ResourceType>(in.resource_type),
                                    in.resource_name.str());
      add_result(decision.response, resource, too_many_records());
    }
  }
  if (request.validate_only) decision.records.clear();
}

}  // namespace

Result<void> ControllerMachine::check_config_resource(const ConfigResource& resource) const {
  if (resource.type == ResourceType::kTopic && image().topic(resource.name) == nullptr) {
    return Error(ErrorCode::kUnknownTopicOrPartition,
                 "The topic '" + resource.name + "' does not exist.");
  }
  if (resource.type == ResourceType::kBroker && !resource.name.empty()) {
    std::int32_t id = 0;
    const char* end = resource.name.data() + resource.name.size();
    const auto parsed = std::from_chars(resource.name.data(), end, id);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return Error(ErrorCode::kInvalidRequest, "Invalid broker name " + resource.name);
    }
    const bool known = image().broker(NodeId(id)) != nullptr ||
                       image().controllers().contains(NodeId(id)) ||
                       contains(settings_.quorum_nodes, NodeId(id));
    if (!known) {
      return Error(ErrorCode::kBrokerIdNotRegistered,
                   "No broker with id " + std::to_string(id) + " found.");
    }
  }
  return {};
}

Result<std::vector<config::ConfigChange>> ControllerMachine::decide_config_changes(
    const ConfigResource& resource, const std::vector<config::AlterEntry>& entries,
    bool incremental, bool newly_created) const {
  const config::AlterSubject subject{static_cast<config::ConfigResourceType>(resource.type),
                                     resource.name,
                                     image().config(resource),
                                     *settings_.broker_config,
                                     sources_,
                                     image().elr_enabled()};
  auto changes = incremental ? config::decide_incremental_alter(subject, entries)
                             : config::decide_legacy_alter(subject, entries);
  if (!changes.ok()) return changes;
  if (!newly_created) MOLDAU_TRY(check_config_resource(resource));
  return changes;
}

void ControllerMachine::clear_elr_as_needed(image::RecordList& records, std::size_t from) const {
  if (!image().elr_enabled()) return;
  // The names are copied first: adding records moves what they view.
  std::vector<std::string> topics;
  for (std::size_t i = from; i < records.size(); ++i) {
    const auto* record = records.records()[i].as<wire::ConfigRecord>();
    if (record == nullptr || record->name != kMinInsyncReplicas) continue;
    const bool of_topic = record->resource_type == static_cast<std::int8_t>(ResourceType::kTopic);
    topics.push_back(of_topic ? record->resource_name.str() : std::string());
  }
  for (const std::string& topic : topics) records.clear_elr(topic);
}

void ControllerMachine::make_elr_safe(image::RecordList& records) const {
  const config::ConfigMap& cluster = image().broker_default_config();
  if (cluster.find(kMinInsyncReplicas) == cluster.end()) {
    const auto it = sources_.static_broker.find(kMinInsyncReplicas);
    records.config(
        ConfigResource(ResourceType::kBroker, ""), kMinInsyncReplicas,
        it == sources_.static_broker.end() ? std::string_view("1") : config::trim(it->second));
  }
  for (const auto& [resource, entries] : image().configs()) {
    if (resource.type == ResourceType::kBroker && !resource.name.empty() &&
        entries->find(kMinInsyncReplicas) != entries->end()) {
      records.config(resource, kMinInsyncReplicas, std::nullopt);
    }
  }
}

Decision<wire::IncrementalAlterConfigsResponse> ControllerMachine::decide_incremental_alter_configs(
    const wire::IncrementalAlterConfigsRequest& request) const {
  auto decision = new_decision<wire::IncrementalAlterConfigsResponse>();
  alter_each(request, decision,
             [&](const ConfigResource& resource, const std::vector<config::AlterEntry>& entries) {
               return decide_config_changes(resource, entries, true, false);
             });
  clear_elr_as_needed(decision.records, 0);
  finish(request, decision);
  return decision;
}

Decision<wire::AlterConfigsResponse> ControllerMachine::decide_alter_configs(
    const wire::AlterConfigsRequest& request) const {
  auto decision = new_decision<wire::AlterConfigsResponse>();
  alter_each(request, decision,
             [&](const ConfigResource& resource, const std::vector<config::AlterEntry>& entries) {
               return decide_config_changes(resource, entries, false, false);
             });
  clear_elr_as_needed(decision.records, 0);
  finish(request, decision);
  return decision;
}

}  // namespace moldau::controller
