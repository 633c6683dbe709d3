// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "machine/controller/topic_name.h"
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "node/handler/topic_creation.h"
#include "wire/metadata_request.h"
#include "wire/metadata_response.h"

namespace moldau::handler {
namespace {

using Topic = wire::MetadataResponse::MetadataResponseTopic;

void add_brokers(wire::MetadataResponse& response, const image::MetadataImage& image,
                 const std::string& listener) {
  for (const auto& [id, broker] : image.brokers()) {
    if (broker.fenced) continue;
    const image::Endpoint* endpoint = image::find_endpoint(broker.listeners, listener);
    if (!endpoint) continue;
    auto& one = response.brokers.emplace_back();
    one.node_id = id.value();
    one.host = endpoint->host;
    one.port = endpoint->port;
    one.rack = broker.rack ? wire::Text(*broker.rack) : wire::Text::null();
  }
}

/// Kafka names any live broker here: controllers are not for clients any more.
std::int32_t some_controller(const wire::MetadataResponse& response, env::Random& random) {
  if (response.brokers.empty()) return -1;
  return response.brokers[random.below(response.brokers.size())].node_id;
}

void add_partition(Topic& topic, PartitionId index, const image::PartitionState& state,
                   const image::MetadataImage& image, const std::string& listener) {
  auto& one = topic.partitions.emplace_back();
  one.partition_index = index.value();
  one.leader_id = state.leader.value();
  one.leader_epoch = state.leader_epoch.value();
  for (NodeId node : state.replicas) {
    one.replica_nodes.push_back(node.value());
    const image::BrokerRegistration* broker = image.broker(node);
    if (!broker || broker->fenced || !image::find_endpoint(broker->listeners, listener))
      one.offline_replicas.push_back(node.value());
  }
  for (NodeId node : state.isr) one.isr_nodes.push_back(node.value());
  const image::BrokerRegistration* leader =
      state.has_leader() ? image.broker(state.leader) : nullptr;
  if (!leader || leader->fenced) {
    one.error_code = to_wire(ErrorCode::kLeaderNotAvailable);
    one.leader_id = -1;
  } else if (!image::find_endpoint(leader->listeners, listener)) {
    one.error_code = to_wire(ErrorCode::kListenerNotFound);
    one.leader_id = -1;
  }
}

Topic& add_topic(wire::MetadataResponse& response, const image::TopicImage& topic,
                 const image::MetadataImage& image, const std::string& listener) {
  Topic& one = response.topics.emplace_back();
  one.name = wire::Text(std::string_view(topic.name));
  one.topic_id = topic.id;
  one.is_internal = is_internal_topic(topic.name);
  for (const auto& [index, state] : topic.partitions)
    add_partition(one, index, state, image, listener);
  return one;
}

Topic& add_error(wire::MetadataResponse& response, ErrorCode code, wire::Text name, Uuid id) {
  Topic& one = response.topics.emplace_back();
  one.error_code = to_wire(code);
  one.name = std::move(name);
  one.topic_id = id;
  one.is_internal = is_internal_topic(one.name.view());
  return one;
}

using Created = std::map<std::string, ErrorCode, std::less<>>;

/// What a caller may know of topics, and what the answer tells of it.
class Visibility {
 public:
  Visibility(const Services& node, const request::Request& request,
             const wire::MetadataRequest& message, const image::MetadataImage& image)
      : node_(node),
        request_(request),
        message_(message),
        // Whoever asks for all topics asked for none in particular.
        described_(node, request, AclOperation::kDescribe, AclResourceType::kTopic,
                   message.topics ? Audit::kAll : Audit::kAllowed),
        created_(node, request, AclOperation::kCreate, AclResourceType::kTopic) {
    if (!message.topics) return;
    for (const auto& asked : *message.topics) {
      const image::TopicImage* topic =
          asked.topic_id.is_zero() ? nullptr : image.topic(asked.topic_id);
      described_.count(topic ? std::string_view(topic->name) : asked.name.view());
    }
  }

  bool may_see(std::string_view topic) { return described_.contains(topic); }
  /// A topic that is not there yet.
  bool may_create(std::string_view topic) {
    if (!node_.authorizer) return true;
    if (!all_created_)
      all_created_ = cluster_authorized(node_, request_, AclOperation::kCreate, Audit::kAllowed);
    return *all_created_ || created_.contains(topic);
  }
  void add_operations(Topic& topic) const {
    if (request_.version() >= 8 && message_.include_topic_authorized_operations)
      topic.topic_authorized_operations =
          authorized_operations(node_, request_, AclResourceType::kTopic, topic.name.view());
  }
  void add_cluster_operations(wire::MetadataResponse& response) const {
    if (request_.version() < 8 || request_.version() > 10 ||
        !message_.include_cluster_authorized_operations)
      return;
    response.cluster_authorized_operations =
        cluster_authorized(node_, request_, AclOperation::kDescribe)
            ? authorized_operations(node_, request_, AclResourceType::kCluster,
                                    security::kClusterName)
            : 0;
  }

 private:
  const Services& node_;
  const request::Request& request_;
  const wire::MetadataRequest& message_;
  AuthorizedNames described_;
  AuthorizedNames created_;
  std::optional<bool> all_created_;
};

/// Topics of the request that may be created on the spot; what the caller may not create is told
/// in `told`.
std::vector<std::string> missing_topics(const wire::MetadataRequest& message, const Services& node,
                                        Visibility& visibility, Created& told) {
  std::vector<std::string> missing;
  if (!message.topics || !message.allow_auto_topic_creation) return missing;
  if (!node.config->values.auto_create_topics_enable) return missing;
  for (const auto& topic : *message.topics) {
    if (topic.name.is_null() || node.image->topic(topic.name.view())) continue;
    if (!visibility.may_see(topic.name.view())) continue;
    if (!visibility.may_create(topic.name.view())) {
      told[topic.name.str()] = ErrorCode::kTopicAuthorizationFailed;
      continue;
    }
    missing.push_back(topic.name.str());
  }
  return missing;
}

void add_requested(wire::MetadataResponse& response, const wire::MetadataRequest& message,
                   const Created& created, Services& node, const std::string& listener,
                   Visibility& visibility) {
  const image::MetadataImage& image = *node.image;
  for (const auto& asked : *message.topics) {
    const image::TopicImage* topic =
        asked.topic_id.is_zero() ? image.topic(asked.name.view()) : image.topic(asked.topic_id);
    const std::string_view name = topic ? std::string_view(topic->name) : asked.name.view();
    if ((topic || asked.topic_id.is_zero()) && !visibility.may_see(name)) {
      // By whatever the topic was asked for: the other is not disclosed.
      Topic& hidden =
          add_error(response, ErrorCode::kTopicAuthorizationFailed,
                    asked.topic_id.is_zero() ? asked.name : wire::Text::null(), asked.topic_id);
      hidden.is_internal = false;
    } else if (topic) {
      visibility.add_operations(add_topic(response, *topic, image, listener));
    } else if (!asked.topic_id.is_zero()) {
      add_error(response, ErrorCode::kUnknownTopicId, wire::Text::null(), asked.topic_id);
    } else {
      auto found = created.find(asked.name.view());
      const ErrorCode unknown = !controller::reason_topic_name_is_invalid(asked.name.view())
                                    ? ErrorCode::kUnknownTopicOrPartition
                                    : ErrorCode::kInvalidTopicException;
      Topic& missing =
          add_error(response, found == created.end() ? unknown : found->second, asked.name, Uuid());
      if (found == created.end() || found->second != ErrorCode::kTopicAuthorizationFailed)
        visibility.add_operations(missing);
    }
  }
}

}  // namespace

env::Task<void> handle_metadata(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::MetadataRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  wire::MetadataRequest message = std::move(decoded).value();
  const std::int16_t version = request->version();
  // Version 0 asks for all topics with an empty list.
  if (version == 0 && message.topics && message.topics->empty()) message.topics.reset();
  for (std::size_t i = 0; message.topics && i < message.topics->size(); ++i) {
    const auto& asked = (*message.topics)[i];
    if (asked.name.is_null() && (version < 12 || asked.topic_id.is_zero())) {
      request->close("a metadata request names neither topic nor topic id");
      co_return;
    }
  }
  const image::ImagePtr before = node.image;
  Visibility visibility(node, *request, message, *before);
  Created created;
  std::vector<std::string> missing = missing_topics(message, node, visibility, created);
  if (!missing.empty()) {
    Created made = co_await auto_create_topics(node, std::move(missing), request.get());
    created.merge(made);
  }

  const image::ImagePtr image = node.image;
  const std::string listener = request->caller().listener;
  wire::MetadataResponse response;
  add_brokers(response, *image, listener);
  response.cluster_id = std::string_view(node.identity->cluster_id);
  response.controller_id = some_controller(response, node.shard.random());
  if (!message.topics) {
    for (const auto& [id, topic] : image->topics())
      if (visibility.may_see(topic.name))
        visibility.add_operations(add_topic(response, topic, *image, listener));
  } else {
    add_requested(response, message, created, node, listener, visibility);
  }
  visibility.add_cluster_operations(response);
  request->answer(response);
}

}  // namespace moldau::handler
