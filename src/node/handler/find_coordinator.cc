// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "node/coordinator/group_coordinators.h"
#include "node/coordinator/share_coordinators.h"
#include "node/coordinator/txn_coordinators.h"
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "node/handler/topic_creation.h"
#include "wire/find_coordinator_request.h"
#include "wire/find_coordinator_response.h"

namespace moldau::handler {
namespace {

constexpr std::int8_t kGroup = 0;
constexpr std::int8_t kTransaction = 1;
constexpr std::int8_t kShare = 2;
constexpr std::int16_t kFindsShares = 6;

struct Found {
  Found() = default;
  Found(ErrorCode code, std::string why) : error(code), message(std::move(why)) {}
  ErrorCode error = ErrorCode::kNone;
  std::string message;
  NodeId node{-1};
  std::string host;
  std::int32_t port = -1;
};

/// The internal topic of a kind of key; empty if there is no such kind.
std::string_view topic_of(std::int8_t key_type) {
  if (key_type == kGroup) return coordinator::kGroupTopic;
  if (key_type == kTransaction) return coordinator::kTransactionTopic;
  return key_type == kShare ? coordinator::kShareTopic : std::string_view();
}

std::optional<TopicIdPartition> partition_of(const image::MetadataImage& image,
                                             std::int8_t key_type, std::string_view key) {
  if (key_type == kGroup) return coordinator::GroupCoordinators::partition_of(image, key);
  if (key_type == kShare) return coordinator::ShareCoordinators::partition_of(image, key);
  return coordinator::TxnCoordinators::partition_of(image, key);
}

Found find_leader(const image::MetadataImage& image, const std::optional<TopicIdPartition>& id,
                  const std::string& listener) {
  if (!id) return {ErrorCode::kCoordinatorNotAvailable, "its topic is being created"};
  const image::TopicImage* topic = image.topic(id->topic_id);
  const image::PartitionState* state = topic ? topic->partition(id->partition) : nullptr;
  const image::BrokerRegistration* leader = state ? image.broker(state->leader) : nullptr;
  const image::Endpoint* endpoint =
      leader ? image::find_endpoint(leader->listeners, listener) : nullptr;
  if (!endpoint) return {ErrorCode::kCoordinatorNotAvailable, "the coordinator has no leader"};
  Found found;
  found.node = state->leader;
  found.host = endpoint->host;
  found.port = endpoint->port;
  return found;
}

/// Whether the caller may know where the coordinator of a key is.
ErrorCode refusal_of(const Services& node, const request::Request& request, std::int8_t key_type,
                     std::string_view key) {
  switch (key_type) {
    case kGroup:
      return authorized(node, request, AclOperation::kDescribe, AclResourceType::kGroup, key)
                 ? ErrorCode::kNone
                 : ErrorCode::kGroupAuthorizationFailed;
    case kTransaction:
      return authorized(node, request, AclOperation::kDescribe, AclResourceType::kTransactionalId,
                        key)
                 ? ErrorCode::kNone
                 : ErrorCode::kTransactionalIdAuthorizationFailed;
    case kShare:
      return cluster_authorized(node, request, AclOperation::kClusterAction)
                 ? ErrorCode::kNone
                 : ErrorCode::kClusterAuthorizationFailed;
    default:
      return ErrorCode::kNone;
  }
}

/// Nobody makes an internal topic come into being who may not use it.
bool asks_for_allowed(const Services& node, const request::Request& request,
                      const wire::FindCoordinatorRequest& message) {
  if (!node.authorizer) return true;
  const auto allowed = [&](std::string_view key) {
    return refusal_of(node, request, message.key_type, key) == ErrorCode::kNone;
  };
  if (request.version() < 4) return allowed(message.key.view());
  return std::any_of(message.coordinator_keys.begin(), message.coordinator_keys.end(),
                     [&](const wire::Text& key) { return allowed(key.view()); });
}

}  // namespace

env::Task<void> handle_find_coordinator(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::FindCoordinatorRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::FindCoordinatorRequest message = std::move(decoded).value();
  const std::string_view name = topic_of(message.key_type);
  const std::string listener = request->caller().listener;
  if (!name.empty() && !node.image->topic(name) && asks_for_allowed(node, *request, message)) {
    // Clients are told to come again, as by Kafka; the topic is there then.
    std::vector<std::string> names;
    names.emplace_back(name);
    (void)co_await auto_create_topics(node, std::move(names), nullptr);
  }
  const auto find = [&](std::string_view key) -> Found {
    const ErrorCode refusal = refusal_of(node, *request, message.key_type, key);
    if (refusal != ErrorCode::kNone) return {refusal, std::string(authorization_message(refusal))};
    if (name.empty() || (message.key_type == kShare && request->version() < kFindsShares))
      return {ErrorCode::kInvalidRequest, "unknown type of key"};
    if (message.key_type == kShare && !share::is_share_key(key))
      return {ErrorCode::kInvalidRequest, "not a key of a share partition"};
    return find_leader(*node.image, partition_of(*node.image, message.key_type, key), listener);
  };
  const auto fill = [](auto& to, const Found& found) {
    to.error_code = to_wire(found.error);
    if (found.error != ErrorCode::kNone) to.error_message = found.message;
    to.node_id = found.node.value();
    to.host = found.host;
    to.port = found.port;
  };
  wire::FindCoordinatorResponse response;
  if (request->version() < 4) fill(response, find(message.key.view()));
  for (const wire::Text& key : message.coordinator_keys) {
    auto& one = response.coordinators.emplace_back();
    one.key = key;
    fill(one, find(key.view()));
  }
  request->answer(response);
}

}  // namespace moldau::handler
