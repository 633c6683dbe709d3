// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "wire/describe_topic_partitions_request.h"
#include "wire/describe_topic_partitions_response.h"

namespace moldau::handler {
namespace {

using Topic = wire::DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponseTopic;

std::vector<std::int32_t> ids_of(const image::ReplicaList& nodes) {
  std::vector<std::int32_t> ids;
  for (NodeId node : nodes) ids.push_back(node.value());
  return ids;
}

void add_partition(Topic& topic, PartitionId index, const image::PartitionState& state,
                   const image::MetadataImage& image, const std::string& listener) {
  auto& one = topic.partitions.emplace_back();
  one.partition_index = index.value();
  one.leader_id = state.leader.value();
  one.leader_epoch = state.leader_epoch.value();
  one.replica_nodes = ids_of(state.replicas);
  one.isr_nodes = ids_of(state.isr);
  one.eligible_leader_replicas = ids_of(state.elr);
  one.last_known_elr = ids_of(state.last_known_elr);
  for (NodeId node : state.replicas) {
    const image::BrokerRegistration* broker = image.broker(node);
    if (!broker || broker->fenced || !image::find_endpoint(broker->listeners, listener))
      one.offline_replicas.push_back(node.value());
  }
  const image::BrokerRegistration* leader =
      state.has_leader() ? image.broker(state.leader) : nullptr;
  if (!leader || leader->fenced) {
    one.error_code = to_wire(ErrorCode::kLeaderNotAvailable);
    one.leader_id = -1;
  }
}

struct Start {
  std::string topic;
  std::int32_t partition = 0;
};

/// The names to describe: sorted, once each, from the cursor on.
std::vector<std::string> names_of(const wire::DescribeTopicPartitionsRequest& message,
                                  const image::MetadataImage& image, const Start& start) {
  std::vector<std::string> names;
  if (message.topics.empty())
    for (const auto& [name, id] : image.topic_ids()) names.push_back(name);
  for (const auto& topic : message.topics) names.push_back(topic.name.str());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::erase_if(names, [&](const std::string& name) { return name < start.topic; });
  return names;
}

void describe(const wire::DescribeTopicPartitionsRequest& message,
              const std::vector<std::string>& names, const image::MetadataImage& image,
              const std::string& listener, const Start& start, std::int32_t limit,
              wire::DescribeTopicPartitionsResponse& response) {
  std::int32_t left = limit;
  for (const std::string& name : names) {
    const image::TopicImage* topic = image.topic(name);
    if (!topic) {
      // Without names in the request every topic exists: one that is gone is left out.
      if (message.topics.empty()) continue;
      Topic& missing = response.topics.emplace_back();
      missing.name = name;
      missing.error_code = to_wire(ErrorCode::kUnknownTopicOrPartition);
      continue;
    }
    const std::int32_t from = name == start.topic ? start.partition : 0;
    if (left == 0) {
      auto& next = response.next_cursor.emplace();
      next.topic_name = name;
      next.partition_index = from;
      return;
    }
    Topic& one = response.topics.emplace_back();
    one.name = name;
    one.topic_id = topic->id;
    one.is_internal = is_internal_topic(name);
    for (const auto& [index, state] : topic->partitions) {
      if (index.value() < from) continue;
      if (left == 0) {
        auto& next = response.next_cursor.emplace();
        next.topic_name = name;
        next.partition_index = index.value();
        return;
      }
      add_partition(one, index, state, image, listener);
      --left;
    }
  }
}

}  // namespace

env::Task<void> handle_describe_topic_partitions(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::DescribeTopicPartitionsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  if (decoded->cursor && decoded->cursor->partition_index < 0) {
    wire::DescribeTopicPartitionsResponse refused;
    for (const auto& topic : decoded->topics) {
      auto& one = refused.topics.emplace_back();
      one.name = topic.name;
      one.error_code = to_wire(ErrorCode::kInvalidRequest);
    }
    request->answer(refused);
    co_return;
  }
  Start start;
  if (decoded->cursor) {
    start.topic = decoded->cursor->topic_name.str();
    start.partition = decoded->cursor->partition_index;
  }
  const std::int32_t most = node.config->values.max_request_partition_size_limit;
  const std::int32_t limit = std::clamp(decoded->response_partition_limit, 1, std::max(1, most));
  const image::ImagePtr image = node.image;
  wire::DescribeTopicPartitionsResponse response;
  std::vector<std::string> hidden;
  std::vector<std::string> names;
  for (std::string& name : names_of(*decoded, *image, start)) {
    const bool visible =
        authorized(node, *request, AclOperation::kDescribe, AclResourceType::kTopic, name);
    if (visible || !decoded->topics.empty()) (visible ? names : hidden).push_back(std::move(name));
  }
  describe(*decoded, names, *image, request->caller().listener, start, limit, response);
  for (Topic& topic : response.topics)
    topic.topic_authorized_operations =
        authorized_operations(node, *request, AclResourceType::kTopic, topic.name.view());
  for (const std::string& name : hidden) {
    Topic& one = response.topics.emplace_back();
    one.name = name;
    one.error_code = to_wire(ErrorCode::kTopicAuthorizationFailed);
  }
  request->answer(response);
}

}  // namespace moldau::handler
