// SPDX-License-Identifier: Apache-2.0
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "node/quorum/quorum.h"
#include "wire/describe_quorum_request.h"
#include "wire/describe_quorum_response.h"

namespace moldau::handler {
namespace {

using Response = wire::DescribeQuorumResponse;

Response::ReplicaState state_of(const raft::ReplicaProgress& progress) {
  Response::ReplicaState state;
  state.replica_id = progress.key.id.value();
  state.replica_directory_id = progress.key.directory;
  state.log_end_offset = progress.end.value();
  state.last_fetch_timestamp = progress.last_fetch_timestamp.value();
  state.last_caught_up_timestamp = progress.last_caught_up_timestamp.value();
  return state;
}

bool asks_for_metadata_log(const wire::DescribeQuorumRequest& message) {
  return message.topics.size() == 1 &&
         message.topics[0].topic_name.view() == "__cluster_metadata" &&
         message.topics[0].partitions.size() == 1 &&
         message.topics[0].partitions[0].partition_index == 0;
}

Response response_of(const wire::DescribeQuorumRequest& message,
                     const raft::QuorumDescription& quorum, const image::MetadataImage& image) {
  Response response;
  auto& topic = response.topics.emplace_back();
  topic.topic_name = message.topics[0].topic_name;
  auto& partition = topic.partitions.emplace_back();
  partition.leader_id = quorum.leader_id.value();
  partition.leader_epoch = quorum.epoch.value();
  partition.high_watermark = quorum.high_watermark.value();
  for (const auto& voter : quorum.voters) {
    partition.current_voters.push_back(state_of(voter));
    for (const auto& [id, registered] : image.controllers()) {
      if (id != voter.key.id) continue;
      auto& one = response.nodes.emplace_back();
      one.node_id = id.value();
      for (const image::Endpoint& endpoint : registered.listeners) {
        auto& listener = one.listeners.emplace_back();
        listener.name = endpoint.listener;
        listener.host = endpoint.host;
        listener.port = endpoint.port;
      }
    }
  }
  for (const auto& observer : quorum.observers) partition.observers.push_back(state_of(observer));
  return response;
}

}  // namespace

env::Task<void> handle_describe_quorum(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::DescribeQuorumRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::DescribeQuorumRequest message = std::move(decoded).value();
  Response response;
  if (!cluster_authorized(node, *request, AclOperation::kDescribe)) {
    response.error_code = to_wire(ErrorCode::kClusterAuthorizationFailed);
    response.error_message = cluster_refusal(*request).detail;
    request->answer(response);
    co_return;
  }
  if (!asks_for_metadata_log(message)) {
    for (const auto& topic : message.topics) {
      auto& one = response.topics.emplace_back();
      one.topic_name = topic.topic_name;
      for (const auto& partition : topic.partitions) {
        auto& answer = one.partitions.emplace_back();
        answer.partition_index = partition.partition_index;
        answer.error_code = to_wire(ErrorCode::kUnknownTopicOrPartition);
      }
    }
    request->answer(response);
    co_return;
  }
  const raft::QuorumDescription described = co_await node.quorum.describe(node.shard);
  response = response_of(message, described, *node.image);
  request->answer(response);
}

}  // namespace moldau::handler
