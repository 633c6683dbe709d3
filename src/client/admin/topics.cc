// SPDX-License-Identifier: Apache-2.0
#include "client/admin/topics.h"

#include <algorithm>

#include "client/ask.h"
#include "wire/create_partitions_request.h"
#include "wire/create_partitions_response.h"
#include "wire/create_topics_request.h"
#include "wire/create_topics_response.h"
#include "wire/delete_topics_request.h"
#include "wire/delete_topics_response.h"
#include "wire/list_partition_reassignments_request.h"
#include "wire/list_partition_reassignments_response.h"
#include "wire/metadata_request.h"
#include "wire/metadata_response.h"

namespace moldau::client::admin {
namespace {

std::int32_t left_ms(Cluster& cluster, MonoTime deadline) {
  const std::int64_t left = (cluster.patience(deadline) - cluster.shard().now()) / 1'000'000;
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(left, 0, INT32_MAX));
}

/// A changed controller answers for all items; a quota for those it refused.
template <class R, class F>
ErrorCode first_passing(const R& items, bool retry_on_quota_violation, F code_of) {
  for (const auto& item : items) {
    const ErrorCode code = error_from_wire(code_of(item));
    if (code == ErrorCode::kNotController) return code;
    if (retry_on_quota_violation && items.size() == 1 &&
        code == ErrorCode::kThrottlingQuotaExceeded)
      return code;
  }
  return ErrorCode::kNone;
}

std::vector<NodeId> nodes_of(const std::vector<std::int32_t>& ids) {
  std::vector<NodeId> out;
  out.reserve(ids.size());
  for (const std::int32_t id : ids) out.emplace_back(id);
  return out;
}

std::vector<std::int32_t> ids_of(const std::vector<NodeId>& nodes) {
  std::vector<std::int32_t> out;
  out.reserve(nodes.size());
  for (const NodeId node : nodes) out.push_back(node.value());
  return out;
}

template <class R>
Outcomes<std::string, void> outcomes_of(const R& items) {
  Outcomes<std::string, void> out;
  for (const auto& item : items) {
    if (item.error_code == 0)
      out.emplace_back(item.name.str(), Result<void>());
    else
      out.emplace_back(item.name.str(), told_error(item.error_code, item.error_message));
  }
  return out;
}

/// Everything of a call must be answered for.
template <class T>
void add_missing(const std::vector<std::string>& asked, Outcomes<std::string, T>& out) {
  for (const std::string& name : asked) {
    const bool there =
        std::any_of(out.begin(), out.end(), [&](const auto& o) { return o.key == name; });
    if (!there)
      out.emplace_back(
          name, Error(ErrorCode::kUnknownServerError, "the answer says nothing about " + name));
  }
}

}  // namespace

env::Task<Result<std::vector<TopicListing>>> list_topics(Cluster& cluster, bool with_internal,
                                                         MonoTime deadline) {
  wire::MetadataRequest request;
  request.topics.reset();
  request.allow_auto_topic_creation = false;
  auto answer = co_await ask<wire::MetadataResponse>(cluster, Target::any(), std::move(request),
                                                     deadline, TopError());
  if (!answer.ok()) co_return std::move(answer).error();
  if (answer->body.error_code != 0) co_return told_error(answer->body.error_code);
  std::vector<TopicListing> out;
  for (const auto& topic : answer->body.topics) {
    if (topic.is_internal && !with_internal) continue;
    TopicListing one;
    one.name = topic.name.str();
    one.id = topic.topic_id;
    one.internal = topic.is_internal;
    out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  co_return std::move(out);
}

env::Task<Result<Outcomes<std::string, CreatedTopic>>> create_topics(Cluster& cluster,
                                                                     std::vector<NewTopic> topics,
                                                                     ChangeOptions options,
                                                                     MonoTime deadline) {
  wire::CreateTopicsRequest request;
  std::vector<std::string> names;
  for (const NewTopic& topic : topics) {
    names.push_back(topic.name);
    auto& one = request.topics.emplace_back();
    one.name = topic.name;
    one.num_partitions = topic.partitions.value_or(-1);
    one.replication_factor = topic.replication_factor.value_or(-1);
    for (const auto& [partition, replicas] : topic.assignments) {
      auto& assignment = one.assignments.emplace_back();
      assignment.partition_index = partition.value();
      assignment.broker_ids = ids_of(replicas);
    }
    for (const auto& [name, value] : topic.configs) {
      auto& config = one.configs.emplace_back();
      config.name = name;
      config.value = value;
    }
  }
  request.validate_only = options.validate_only;
  request.timeout_ms = left_ms(cluster, deadline);
  const bool quota = options.retry_on_quota_violation;
  auto error_of = [quota](const wire::CreateTopicsResponse& body) {
    return first_passing(body.topics, quota, [](const auto& t) { return t.error_code; });
  };
  auto answer = co_await ask<wire::CreateTopicsResponse>(
      cluster, Target::controller(), std::move(request), deadline, std::move(error_of));
  if (!answer.ok()) co_return std::move(answer).error();
  Outcomes<std::string, CreatedTopic> out;
  for (const auto& topic : answer->body.topics) {
    if (topic.error_code != 0) {
      out.emplace_back(topic.name.str(), told_error(topic.error_code, topic.error_message));
      continue;
    }
    CreatedTopic created;
    created.id = topic.topic_id;
    created.partitions = topic.num_partitions;
    created.replication_factor = topic.replication_factor;
    out.emplace_back(topic.name.str(), created);
  }
  add_missing(names, out);
  co_return std::move(out);
}

env::Task<Result<Outcomes<std::string, void>>> delete_topics(Cluster& cluster,
                                                             std::vector<std::string> names,
                                                             ChangeOptions options,
                                                             MonoTime deadline) {
  if (names.empty()) co_return Outcomes<std::string, void>();
  wire::DeleteTopicsRequest request;
  for (const std::string& name : names) {
    request.topics.emplace_back().name = name;
    request.topic_names.emplace_back(name);
  }
  request.timeout_ms = left_ms(cluster, deadline);
  // Before version 6 the topics stand in another field; which one counts is known only when a
  // broker has told its versions.
  auto node = co_await find_target(cluster, Target::controller(), deadline);
  if (node.ok()) {
    const NodeId to = *node;
    (void)co_await cluster.connect(to, deadline);
    const BrokerState* state = cluster.state_of(to);
    const auto version = state ? state->version_of(wire::ApiKey::kDeleteTopics, {1, 6})
                               : Result<std::int16_t>(std::int16_t{6});
    if (version.ok() && *version < 6) request.topics.clear();
  }
  const bool quota = options.retry_on_quota_violation;
  auto error_of = [quota](const wire::DeleteTopicsResponse& body) {
    return first_passing(body.responses, quota, [](const auto& t) { return t.error_code; });
  };
  auto answer = co_await ask<wire::DeleteTopicsResponse>(
      cluster, Target::controller(), std::move(request), deadline, std::move(error_of));
  if (!answer.ok()) co_return std::move(answer).error();
  auto out = outcomes_of(answer->body.responses);
  add_missing(names, out);
  co_return std::move(out);
}

env::Task<Result<Outcomes<std::string, void>>> create_partitions(Cluster& cluster,
                                                                 std::vector<NewPartitions> topics,
                                                                 ChangeOptions options,
                                                                 MonoTime deadline) {
  wire::CreatePartitionsRequest request;
  std::vector<std::string> names;
  for (const NewPartitions& topic : topics) {
    names.push_back(topic.topic);
    auto& one = request.topics.emplace_back();
    one.name = topic.topic;
    one.count = topic.total;
    one.assignments.reset();
    if (!topic.assignments) continue;
    one.assignments.emplace();
    for (const auto& replicas : *topic.assignments)
      one.assignments->emplace_back().broker_ids = ids_of(replicas);
  }
  request.validate_only = options.validate_only;
  request.timeout_ms = left_ms(cluster, deadline);
  const bool quota = options.retry_on_quota_violation;
  auto error_of = [quota](const wire::CreatePartitionsResponse& body) {
    return first_passing(body.results, quota, [](const auto& t) { return t.error_code; });
  };
  auto answer = co_await ask<wire::CreatePartitionsResponse>(
      cluster, Target::controller(), std::move(request), deadline, std::move(error_of));
  if (!answer.ok()) co_return std::move(answer).error();
  auto out = outcomes_of(answer->body.results);
  add_missing(names, out);
  co_return std::move(out);
}

env::Task<Result<std::map<TopicPartition, Reassignment>>> list_partition_reassignments(
    Cluster& cluster, std::optional<std::vector<TopicPartition>> partitions, MonoTime deadline) {
  wire::ListPartitionReassignmentsRequest request;
  request.timeout_ms = left_ms(cluster, deadline);
  request.topics.reset();
  if (partitions) {
    std::map<std::string, std::vector<std::int32_t>> by_topic;
    for (const TopicPartition& one : *partitions)
      by_topic[one.topic].push_back(one.partition.value());
    request.topics.emplace();
    for (auto& [name, indexes] : by_topic) {
      auto& topic = request.topics->emplace_back();
      topic.name = name;
      topic.partition_indexes = std::move(indexes);
    }
  }
  auto answer = co_await ask<wire::ListPartitionReassignmentsResponse>(
      cluster, Target::controller(), std::move(request), deadline, TopError());
  if (!answer.ok()) co_return std::move(answer).error();
  if (answer->body.error_code != 0)
    co_return told_error(answer->body.error_code, answer->body.error_message);
  std::map<TopicPartition, Reassignment> out;
  for (const auto& topic : answer->body.topics) {
    for (const auto& partition : topic.partitions) {
      Reassignment& one =
          out[TopicPartition{topic.name.str(), PartitionId(partition.partition_index)}];
      one.replicas = nodes_of(partition.replicas);
      one.adding = nodes_of(partition.adding_replicas);
      one.removing = nodes_of(partition.removing_replicas);
    }
  }
  co_return std::move(out);
}

}  // namespace moldau::client::admin
