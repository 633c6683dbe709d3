// SPDX-License-Identifier: Apache-2.0
// Topics and partitions made and removed.
#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "config/describe.h"
#include "machine/controller/controller_machine.h"
#include "machine/controller/topic_name.h"

namespace moldau::controller {
namespace {

using CreatableTopic = wire::CreateTopicsRequest::CreatableTopic;
using TopicResult = wire::CreateTopicsResponse::CreatableTopicResult;

constexpr std::string_view kMetadataTopic = "__cluster_metadata";

/// Requests for more partitions than one batch holds end before anything is made of them.
bool too_many_partitions(const wire::CreateTopicsRequest& request, std::int32_t num_partitions) {
  std::int64_t total = 0;
  for (const CreatableTopic& topic : request.topics) {
    if (!topic.assignments.empty()) {
      total += static_cast<std::int64_t>(topic.assignments.size());
    } else if (topic.num_partitions == -1) {
      total += num_partitions;
    } else {
      total += std::max(topic.num_partitions, 0);
    }
  }
  return total > static_cast<std::int64_t>(kRecordsPerOperationMax);
}

/// Names that stand in a request more than once: none of them is served.
template <class Items, class NameOf>
std::set<std::string> duplicates(const Items& items, NameOf name_of) {
  std::set<std::string> seen;
  std::set<std::string> twice;
  for (const auto& item : items) {
    const std::string name = name_of(item);
    if (!seen.insert(name).second) twice.insert(name);
  }
  return twice;
}

TopicResult failed(std::string_view name, const ApiError& error) {
  TopicResult result;
  result.name = wire::Text::copy_of(name);
  set_error(result, error);
  return result;
}

std::string fenced_message(std::int32_t partition) {
  return "All brokers specified in the manual partition assignment for partition " +
         std::to_string(partition) + " are fenced or in controlled shutdown.";
}

Error cannot_replicate(std::int32_t replication_factor, const std::string& why) {
  return Error(ErrorCode::kInvalidReplicationFactor, "Unable to replicate the partition " +
                                                         std::to_string(replication_factor) +
                                                         " time(s): " + why);
}

constexpr const char* kAllFenced = "All brokers are currently fenced or in controlled shutdown.";

config::ConfigMap creation_configs(const CreatableTopic& topic) {
  config::ConfigMap configs;
  for (const auto& entry : topic.configs) {
    if (!entry.value.is_null()) configs[entry.name.str()] = entry.value.str();
  }
  return configs;
}

void fill_effective_configs(const std::vector<config::ConfigEntry>& entries, TopicResult& result) {
  result.configs.emplace();
  for (const config::ConfigEntry& entry : entries) {
    const config::ConfigKey* key = config::topic_schema().find(entry.name);
    if (key != nullptr && key->internal && entry.is_default()) continue;
    auto& out = result.configs->emplace_back();
    out.name = wire::Text(entry.name);
    out.value = entry.value && !entry.sensitive ? wire::Text(*entry.value) : wire::Text::null();
    out.read_only = entry.read_only;
    out.config_source = static_cast<std::int8_t>(entry.source);
    out.is_sensitive = entry.sensitive;
  }
}

}  // namespace

Result<void> ControllerMachine::check_manual_assignment(
    const std::vector<NodeId>& replicas, std::optional<std::size_t> replication_factor) const {
  const auto refuse = [](std::string why) {
    return Error(ErrorCode::kInvalidReplicaAssignment, "The manual partition assignment " + why);
  };
  if (replicas.empty()) return refuse("includes an empty replica list.");
  std::set<NodeId> seen;
  for (NodeId id : replicas) {
    const std::string name = std::to_string(id.value());
    if (image().broker(id) == nullptr) {
      return refuse("includes broker " + name + ", but no such broker is registered.");
    }
    if (!seen.insert(id).second) {
      return refuse("includes the broker " + name + " more than once.");
    }
  }
  if (replication_factor && replicas.size() != *replication_factor) {
    return refuse("includes a partition with " + std::to_string(replicas.size()) +
                  " replica(s), but this is not consistent with previous partitions, which have " +
                  std::to_string(*replication_factor) + " replica(s).");
  }
  return {};
}

std::optional<image::PartitionState> ControllerMachine::new_partition(
    const std::vector<NodeId>& replicas) const {
  image::PartitionState state;
  std::vector<NodeId> isr;
  for (NodeId id : replicas) {
    if (is_active(id)) isr.push_back(id);
    state.directories.push_back(default_directory(id));
  }
  if (isr.empty()) return std::nullopt;
  state.replicas = image::ReplicaList(replicas);
  state.isr = image::ReplicaList(isr);
  state.leader = isr.front();
  return state;
}

Result<std::vector<image::PartitionState>> ControllerMachine::assign_manually(
    const CreatableTopic& topic) const {
  if (topic.replication_factor != -1) {
    return Error(ErrorCode::kInvalidRequest,
                 "A manual partition assignment was specified, but replication factor was not set "
                 "to -1.");
  }
  if (topic.num_partitions != -1) {
    return Error(ErrorCode::kInvalidRequest,
                 "A manual partition assignment was specified, but numPartitions was not set to "
                 "-1.");
  }
  std::map<std::int32_t, image::PartitionState> by_index;
  std::optional<std::size_t> replication_factor;
  for (const auto& assignment : topic.assignments) {
    const std::int32_t index = assignment.partition_index;
    if (by_index.count(index) > 0) {
      return Error(
          ErrorCode::kInvalidReplicaAssignment,
          "Found multiple manual partition assignments for partition " + std::to_string(index));
    }
    const std::vector<NodeId> replicas = to_node_ids(assignment.broker_ids);
    MOLDAU_TRY(check_manual_assignment(replicas, replication_factor));
    replication_factor = replicas.size();
    auto state = new_partition(replicas);
    if (!state) return Error(ErrorCode::kInvalidReplicaAssignment, fenced_message(index));
    by_index.emplace(index, std::move(*state));
  }
  std::vector<image::PartitionState> partitions;
  for (auto& [index, state] : by_index) {
    if (index != static_cast<std::int32_t>(partitions.size())) {
      return Error(ErrorCode::kInvalidReplicaAssignment,
                   "partitions should be a consecutive 0-based integer sequence");
    }
    partitions.push_back(std::move(state));
  }
  return partitions;
}

Result<std::vector<image::PartitionState>> ControllerMachine::assign_automatically(
    const CreatableTopic& topic, Dice& dice) const {
  if (topic.replication_factor < -1 || topic.replication_factor == 0) {
    return Error(ErrorCode::kInvalidReplicationFactor,
                 "Replication factor must be larger than 0, or -1 to use the default value.");
  }
  if (topic.num_partitions < -1 || topic.num_partitions == 0) {
    return Error(ErrorCode::kInvalidPartitions,
                 "Number of partitions was set to an invalid non-positive value.");
  }
  const std::int32_t count =
      topic.num_partitions == -1 ? settings_.num_partitions : topic.num_partitions;
  const std::int16_t factor = topic.replication_factor == -1 ? settings_.default_replication_factor
                                                             : topic.replication_factor;
  auto placed = place_replicas(usable_brokers(), count, factor, dice);
  if (!placed.ok()) return cannot_replicate(factor, placed.error().detail);
  std::vector<image::PartitionState> partitions;
  for (const std::vector<NodeId>& replicas : *placed) {
    auto state = new_partition(replicas);
    if (!state) return cannot_replicate(factor, kAllFenced);
    partitions.push_back(std::move(*state));
  }
  return partitions;
}

ApiError ControllerMachine::check_new_topic(const CreatableTopic& topic) const {
  const std::string name = topic.name.str();
  if (name == kMetadataTopic) {
    return {ErrorCode::kInvalidRequest, "Creation of internal topic " + name + " is prohibited."};
  }
  if (auto reason = reason_topic_name_is_invalid(name)) {
    return {ErrorCode::kInvalidTopicException, *reason};
  }
  if (image().topic(name) != nullptr) {
    return {ErrorCode::kTopicAlreadyExists, "Topic '" + name + "' already exists."};
  }
  if (has_collision_characters(name)) {
    const auto it = colliding_names_.find(unify_collision_characters(name));
    if (it != colliding_names_.end()) {
      return {ErrorCode::kInvalidTopicException,
              "Topic '" + name + "' collides with existing topic: " + *it->second.begin()};
    }
  }
  std::string nulls;
  for (const auto& entry : topic.configs) {
    if (entry.value.is_null()) nulls += (nulls.empty() ? "" : ",") + entry.name.str();
  }
  if (!nulls.empty()) {
    return {ErrorCode::kInvalidConfig, "Null value not supported for topic configs: " + nulls};
  }
  return {};
}

ApiError ControllerMachine::create_topic(const CreatableTopic& topic, Dice& dice,
                                         const RequestContext& context, image::RecordList& records,
                                         TopicResult& result) const {
  if (ApiError error = check_new_topic(topic); !error.ok()) return error;
  const image::ConfigResource resource(image::ResourceType::kTopic, topic.name.str());
  std::vector<config::AlterEntry> entries;
  for (const auto& [key, value] : creation_configs(topic)) {
    config::AlterEntry& entry = entries.emplace_back();
    entry.name = key;
    entry.value = value;
  }
  const auto changes = decide_config_changes(resource, entries, true, true);
  if (!changes.ok()) return changes.error();
  const auto partitions =
      topic.assignments.empty() ? assign_automatically(topic, dice) : assign_manually(topic);
  if (!partitions.ok()) return partitions.error();
  if (!context.admits(partitions->size())) return quota_exceeded();

  const TopicId id = Uuid::random([&] { return dice.next(); });
  records.topic(resource.name, id);
  const std::size_t configs_from = records.size();
  for (const config::ConfigChange& change : *changes) {
    records.config(resource, change.name, change.value);
  }
  clear_elr_as_needed(records, configs_from);
  for (std::size_t i = 0; i < partitions->size(); ++i) {
    records.partition(id, PartitionId(static_cast<std::int32_t>(i)), (*partitions)[i]);
  }
  result.name = topic.name.own();
  result.topic_id = id;
  result.error_message = wire::Text::null();
  result.num_partitions = static_cast<std::int32_t>(partitions->size());
  result.replication_factor = static_cast<std::int16_t>(partitions->front().replicas.size());
  fill_effective_configs(config::describe_created_topic(sources_, creation_configs(topic)), result);
  return {};
}

Decision<wire::CreateTopicsResponse> ControllerMachine::decide_create_topics(
    const wire::CreateTopicsRequest& request, const RequestContext& context) const {
  auto decision = new_decision<wire::CreateTopicsResponse>();
  Dice dice(context.seed);
  const auto refuse_all = [&](const ApiError& error) {
    decision.records.clear();
    decision.response.topics.clear();
    for (const CreatableTopic& topic : request.topics) {
      decision.response.topics.push_back(failed(topic.name.view(), error));
    }
  };
  if (too_many_partitions(request, settings_.num_partitions)) {
    refuse_all(ApiError(ErrorCode::kPolicyViolation,
                        "Excessively large number of partitions per request."));
    return decision;
  }
  const auto twice =
      duplicates(request.topics, [](const CreatableTopic& topic) { return topic.name.str(); });
  for (const CreatableTopic& topic : request.topics) {
    if (twice.count(topic.name.str()) > 0) continue;
    TopicResult result;
    ApiError error = create_topic(topic, dice, context, decision.records, result);
    decision.response.topics.push_back(error.ok() ? std::move(result)
                                                  : failed(topic.name.view(), error));
  }
  for (const std::string& name : twice) {
    decision.response.topics.push_back(
        failed(name, ApiError(ErrorCode::kInvalidRequest, "Duplicate topic name.")));
  }
  if (decision.records.size() > kRecordsPerOperationMax) refuse_all(too_many_records());
  if (request.validate_only) decision.records.clear();
  return decision;
}

ApiError ControllerMachine::create_partitions(
    const wire::CreatePartitionsRequest::CreatePartitionsTopic& topic, Dice& dice,
    const RequestContext& context, image::RecordList& records) const {
  const image::TopicImage* found = image().topic(topic.name.view());
  if (found == nullptr) return ApiError(ErrorCode::kUnknownTopicOrPartition);
  const auto existing = static_cast<std::int32_t>(found->partitions.size());
  if (topic.count == existing) {
    return {ErrorCode::kInvalidPartitions,
            "Topic already has " + std::to_string(existing) + " partition(s)."};
  }
  if (topic.count < existing) {
    return {ErrorCode::kInvalidPartitions,
            "The topic " + found->name + " currently has " + std::to_string(existing) +
                " partition(s); " + std::to_string(topic.count) + " would not be an increase."};
  }
  const std::int32_t additional = topic.count - existing;
  if (static_cast<std::size_t>(additional) > kRecordsPerOperationMax) return too_many_records();
  if (topic.assignments && topic.assignments->size() != static_cast<std::size_t>(additional)) {
    return {ErrorCode::kInvalidReplicaAssignment, "Attempted to add " + std::to_string(additional) +
                                                      " additional partition(s), but only " +
                                                      std::to_string(topic.assignments->size()) +
                                                      " assignment(s) were specified."};
  }
  if (!context.admits(static_cast<std::size_t>(additional))) return quota_exceeded();
  if (found->partitions.empty()) {
    return {ErrorCode::kUnknownServerError,
            "Invalid state: topic " + found->name + " appears to have no partitions."};
  }
  const std::size_t factor = found->partitions.begin()->second.replicas.size();
  std::vector<std::vector<NodeId>> assignments;
  if (topic.assignments) {
    for (const auto& assignment : *topic.assignments) {
      assignments.push_back(to_node_ids(assignment.broker_ids));
      const auto checked = check_manual_assignment(assignments.back(), factor);
      if (!checked.ok()) return checked.error();
    }
  } else {
    auto placed =
        place_replicas(usable_brokers(), additional, static_cast<std::int32_t>(factor), dice);
    if (!placed.ok()) return placed.error();
    assignments = std::move(*placed);
  }
  std::vector<image::PartitionState> states;
  for (const std::vector<NodeId>& replicas : assignments) {
    const auto index = existing + static_cast<std::int32_t>(states.size());
    auto state = new_partition(replicas);
    if (!state && topic.assignments) {
      return {ErrorCode::kInvalidReplicaAssignment, fenced_message(index)};
    }
    if (!state) return cannot_replicate(static_cast<std::int32_t>(factor), kAllFenced);
    states.push_back(std::move(*state));
  }
  for (std::size_t i = 0; i < states.size(); ++i) {
    records.partition(found->id, PartitionId(existing + static_cast<std::int32_t>(i)), states[i]);
  }
  return {};
}

Decision<wire::CreatePartitionsResponse> ControllerMachine::decide_create_partitions(
    const wire::CreatePartitionsRequest& request, const RequestContext& context) const {
  auto decision = new_decision<wire::CreatePartitionsResponse>();
  Dice dice(context.seed);
  const auto twice = duplicates(request.topics, [](const auto& topic) { return topic.name.str(); });
  const auto add_result = [&](std::string_view name, const ApiError& error) {
    auto& result = decision.response.results.emplace_back();
    result.name = wire::Text::copy_of(name);
    set_error(result, error);
  };
  for (const std::string& name : twice) {
    add_result(name, ApiError(ErrorCode::kInvalidRequest, "Duplicate topic name."));
  }
  for (const auto& topic : request.topics) {
    if (twice.count(topic.name.str()) > 0) continue;
    add_result(topic.name.view(), create_partitions(topic, dice, context, decision.records));
    if (decision.records.size() > kRecordsPerOperationMax) break;
  }
  if (decision.records.size() > kRecordsPerOperationMax) {
    decision.records.clear();
    decision.response.results.clear();
    for (const auto& topic : request.topics) add_result(topic.name.view(), too_many_records());
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

// The error is younger than version 3 of the API.
static ApiError deletion_disabled(int version) {
  return ApiError(version < 3 ? ErrorCode::kInvalidRequest : ErrorCode::kTopicDeletionDisabled,
                  "Topic deletion is disabled.");
}

Decision<wire::DeleteTopicsResponse> ControllerMachine::decide_delete_topics(
    const wire::DeleteTopicsRequest& request, const RequestContext& context) const {
  auto decision = new_decision<wire::DeleteTopicsResponse>();
  const auto add_result = [&](const std::optional<std::string>& name, const TopicId& id,
                              const ApiError& error) {
    auto& result = decision.response.responses.emplace_back();
    result.name = name ? wire::Text(*name) : wire::Text::null();
    result.topic_id = id;
    set_error(result, error);
  };
  // How often each is asked for; names of either form count together.
  std::map<std::string, int> names;
  std::map<TopicId, int> ids;
  for (const wire::Text& name : request.topic_names) ++names[name.str()];
  for (const auto& topic : request.topics) {
    if (!topic.name.is_null() && !topic.topic_id.is_zero()) {
      add_result(topic.name.str(), topic.topic_id,
                 ApiError(ErrorCode::kInvalidRequest,
                          "You may not specify both topic name and topic id."));
    } else if (!topic.name.is_null()) {
      ++names[topic.name.str()];
    } else if (!topic.topic_id.is_zero()) {
      ++ids[topic.topic_id];
    } else {
      add_result(std::nullopt, TopicId(),
                 ApiError(ErrorCode::kInvalidRequest, "Neither topic name nor id were specified."));
    }
  }
  std::map<TopicId, std::string> doomed;
  for (const auto& [id, times] : ids) {
    const image::TopicImage* topic = image().topic(id);
    if (times > 1) {
      add_result(std::nullopt, id, ApiError(ErrorCode::kInvalidRequest, "Duplicate topic id."));
    } else if (topic == nullptr) {
      add_result(std::nullopt, id,
                 ApiError(ErrorCode::kUnknownTopicId, "This server does not host this topic ID."));
    } else {
      doomed.emplace(id, topic->name);
    }
  }
  for (const auto& [name, times] : names) {
    const image::TopicImage* topic = image().topic(name);
    if (times > 1) {
      add_result(name, TopicId(), ApiError(ErrorCode::kInvalidRequest, "Duplicate topic name."));
    } else if (topic == nullptr) {
      add_result(name, TopicId(),
                 ApiError(ErrorCode::kUnknownTopicOrPartition,
                          "This server does not host this topic-partition."));
    } else if (ids.count(topic->id) > 0) {
      doomed.erase(topic->id);
      add_result(name, topic->id,
                 ApiError(ErrorCode::kInvalidRequest,
                          "The provided topic name maps to an ID that was already supplied."));
    } else {
      doomed.emplace(topic->id, name);
    }
  }
  ApiError verdict;
  if (doomed.size() > kRecordsPerOperationMax) verdict = too_many_records();
  if (!settings_.delete_topic_enable) verdict = deletion_disabled(context.version);
  for (const auto& [id, name] : doomed) {
    const std::size_t count = image().topic(id)->partitions.size();
    const ApiError error = !verdict.ok() || context.admits(count) ? verdict : quota_exceeded();
    if (error.ok()) decision.records.remove_topic(id);
    add_result(name, id, error);
  }
  return decision;
}

}  // namespace moldau::controller
