// SPDX-License-Identifier: Apache-2.0
#include "node/handler/topic_creation.h"

#include "node/handler/controller_call.h"
#include "wire/create_topics_request.h"
#include "wire/create_topics_response.h"

namespace moldau::handler {
namespace {

using Creatable = wire::CreateTopicsRequest::CreatableTopic;

void add_config(Creatable& topic, const char* name, const std::string& value) {
  auto& config = topic.configs.emplace_back();
  config.name = name;
  config.value = value;
}

/// Partitions, replicas and configs as Kafka gives them to topics that come by themselves.
Creatable describe_topic(const std::string& name, const config::BrokerConfig& broker) {
  const auto& values = broker.values;
  Creatable topic;
  topic.name = name;
  topic.num_partitions = values.num_partitions;
  topic.replication_factor = static_cast<std::int16_t>(values.default_replication_factor);
  if (name == "__consumer_offsets") {
    topic.num_partitions = values.offsets_topic_num_partitions;
    topic.replication_factor = values.offsets_topic_replication_factor;
    add_config(topic, "cleanup.policy", "compact");
    add_config(topic, "compression.type", "producer");
    add_config(topic, "segment.bytes", std::to_string(values.offsets_topic_segment_bytes));
  } else if (name == "__transaction_state") {
    topic.num_partitions = values.transaction_state_log_num_partitions;
    topic.replication_factor = values.transaction_state_log_replication_factor;
    add_config(topic, "cleanup.policy", "compact");
    add_config(topic, "compression.type", "uncompressed");
    add_config(topic, "min.insync.replicas", std::to_string(values.transaction_state_log_min_isr));
    add_config(topic, "segment.bytes", std::to_string(values.transaction_state_log_segment_bytes));
    add_config(topic, "unclean.leader.election.enable", "false");
  } else if (name == "__share_group_state") {
    topic.num_partitions = values.share_coordinator_state_topic_num_partitions;
    topic.replication_factor = values.share_coordinator_state_topic_replication_factor;
    add_config(topic, "cleanup.policy", "delete");
    add_config(topic, "compression.type", "producer");
    add_config(topic, "min.insync.replicas",
               std::to_string(values.share_coordinator_state_topic_min_isr));
    add_config(topic, "retention.ms", "-1");
    add_config(topic, "segment.bytes",
               std::to_string(values.share_coordinator_state_topic_segment_bytes));
  }
  return topic;
}

/// What the client is told while the topic comes into being.
ErrorCode told_for(ErrorCode created) {
  switch (created) {
    case ErrorCode::kNone:
    case ErrorCode::kTopicAlreadyExists:
      return ErrorCode::kUnknownTopicOrPartition;
    case ErrorCode::kInvalidTopicException:
    case ErrorCode::kInvalidReplicationFactor:
      return created;
    default:
      return ErrorCode::kUnknownTopicOrPartition;
  }
}

}  // namespace

env::Task<std::map<std::string, ErrorCode, std::less<>>> auto_create_topics(
    Services& node, std::vector<std::string> names, const request::Request* request) {
  std::map<std::string, ErrorCode, std::less<>> told;
  wire::CreateTopicsRequest message;
  message.timeout_ms = 30'000;
  for (const std::string& name : names) {
    if (!told.emplace(name, ErrorCode::kUnknownTopicOrPartition).second) continue;
    message.topics.push_back(describe_topic(name, *node.config));
  }
  auto held = std::make_shared<const Held<wire::CreateTopicsRequest>>(std::move(message), Slice());
  const MonoTime deadline = node.shard.now() + Millis(30'000);
  auto quota = request ? mutation_quota(node, *request, true) : nullptr;
  auto decide =
      decide_within(std::move(held), wire::CreateTopicsRequest::kMaxVersion, std::move(quota),
                    &controller::ControllerMachine::decide_create_topics);
  Result<wire::CreateTopicsResponse> decided =
      co_await node.quorum.submit<wire::CreateTopicsResponse>(node.shard, std::move(decide),
                                                              deadline);
  if (decided.ok()) {
    for (const auto& topic : decided->topics)
      told[topic.name.str()] = told_for(error_from_wire(topic.error_code));
  }
  co_return told;
}

env::Task<std::map<std::string, std::string, std::less<>>> create_streams_topics(
    Services& node, std::vector<Creatable> topics) {
  constexpr Millis kPatience(5'000);
  std::map<std::string, std::string, std::less<>> failed;
  wire::CreateTopicsRequest message;
  message.timeout_ms = static_cast<std::int32_t>(kPatience.value());
  message.topics = std::move(topics);
  auto held = std::make_shared<const Held<wire::CreateTopicsRequest>>(std::move(message), Slice());
  const MonoTime deadline = node.shard.now() + kPatience;
  auto decided =
      co_await call_controller(node, held, wire::CreateTopicsRequest::kMaxVersion, deadline,
                               &controller::ControllerMachine::decide_create_topics);
  if (!decided.ok()) {
    for (const auto& topic : held->message.topics)
      failed[topic.name.str()] = decided.error().text();
    co_return failed;
  }
  for (const auto& topic : decided->topics) {
    const ErrorCode code = error_from_wire(topic.error_code);
    if (code == ErrorCode::kNone || code == ErrorCode::kTopicAlreadyExists) continue;
    failed[topic.name.str()] =
        topic.error_message.is_null() ? std::string(error_name(code)) : topic.error_message.str();
  }
  co_return failed;
}

}  // namespace moldau::handler
