// SPDX-License-Identifier: Apache-2.0
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "node/handler/on_partition.h"
#include "wire/offset_for_leader_epoch_request.h"
#include "wire/offset_for_leader_epoch_response.h"

namespace moldau::handler {
namespace {

struct EpochEnd {
  EpochEnd() = default;
  ErrorCode error = ErrorCode::kNone;
  partition::EpochEndOffset end;
};

EpochEnd end_in(replica::HostedPartition* partition, ErrorCode absent, LeaderEpoch current,
                LeaderEpoch wanted) {
  EpochEnd found;
  found.error = absent;
  if (!partition) return found;
  found.error = partition->check_leader(current);
  if (found.error == ErrorCode::kNone) found.end = partition->log().end_offset_for_epoch(wanted);
  return found;
}

}  // namespace

env::Task<void> handle_offset_for_leader_epoch(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::OffsetForLeaderEpochRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::OffsetForLeaderEpochRequest message = std::move(decoded).value();
  wire::OffsetForLeaderEpochResponse response;
  // Followers ask, and consumers that look for truncation.
  const bool is_node =
      cluster_authorized(node, *request, AclOperation::kClusterAction, Audit::kAllowed);
  AuthorizedNames described(node, *request, AclOperation::kDescribe, AclResourceType::kTopic);
  for (const auto& topic : message.topics) described.count(topic.topic.view());
  for (std::size_t t = 0; t < message.topics.size(); ++t) {
    auto& results = response.topics.emplace_back();
    results.topic = message.topics[t].topic;
    for (std::size_t p = 0; p < message.topics[t].partitions.size(); ++p) {
      const auto& asked = message.topics[t].partitions[p];
      EpochEnd found;
      const auto id = find_partition(*node.image, message.topics[t].topic.view(), asked.partition);
      if (!is_node && !described.contains(message.topics[t].topic.view())) {
        found.error = ErrorCode::kTopicAuthorizationFailed;
      } else if (!id) {
        found.error = ErrorCode::kUnknownTopicOrPartition;
      } else {
        auto work = [current = LeaderEpoch(asked.current_leader_epoch),
                     wanted = LeaderEpoch(asked.leader_epoch)](replica::HostedPartition* partition,
                                                               ErrorCode absent) {
          return end_in(partition, absent, current, wanted);
        };
        found = co_await on_partition_or_error(node, *id, std::move(work));
      }
      auto& one = results.partitions.emplace_back();
      one.partition = asked.partition;
      one.error_code = to_wire(found.error);
      one.leader_epoch = found.end.epoch.value();
      one.end_offset = found.end.end_offset.value();
    }
  }
  request->answer(response);
}

}  // namespace moldau::handler
