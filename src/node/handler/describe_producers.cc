// SPDX-License-Identifier: Apache-2.0
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "node/handler/on_partition.h"
#include "wire/describe_producers_request.h"
#include "wire/describe_producers_response.h"

namespace moldau::handler {
namespace {

using Answer = wire::DescribeProducersResponse::PartitionResponse;

Answer producers_of(replica::HostedPartition* partition, ErrorCode absent, std::int32_t index) {
  Answer answer;
  answer.partition_index = index;
  const ErrorCode code = partition ? partition->check_leader(LeaderEpoch(-1)) : absent;
  answer.error_code = to_wire(code);
  if (code != ErrorCode::kNone) return answer;
  for (const auto& [id, producer] : partition->log().producers().producers()) {
    auto& one = answer.active_producers.emplace_back();
    one.producer_id = id;
    one.producer_epoch = producer.producer_epoch.value();
    one.last_sequence = producer.last_sequence();
    one.last_timestamp = producer.last_timestamp.value();
    one.coordinator_epoch = producer.coordinator_epoch;
    one.current_txn_start_offset = producer.current_txn_first_offset.value();
  }
  return answer;
}

}  // namespace

env::Task<void> handle_describe_producers(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::DescribeProducersRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::DescribeProducersRequest message = std::move(decoded).value();
  wire::DescribeProducersResponse response;
  for (std::size_t t = 0; t < message.topics.size(); ++t) {
    auto& results = response.topics.emplace_back();
    results.name = message.topics[t].name;
    const bool allowed = authorized(node, *request, AclOperation::kRead, AclResourceType::kTopic,
                                    message.topics[t].name.view());
    for (std::size_t p = 0; p < message.topics[t].partition_indexes.size(); ++p) {
      const std::int32_t index = message.topics[t].partition_indexes[p];
      Answer answer;
      answer.partition_index = index;
      const auto id = find_partition(*node.image, message.topics[t].name.view(), index);
      if (!allowed) {
        answer.error_code = to_wire(ErrorCode::kTopicAuthorizationFailed);
      } else if (!id) {
        answer.error_code = to_wire(ErrorCode::kUnknownTopicOrPartition);
      } else {
        auto work = [index](replica::HostedPartition* partition, ErrorCode absent) {
          return producers_of(partition, absent, index);
        };
        answer = co_await on_partition_or_error(node, *id, std::move(work));
      }
      results.partitions.push_back(std::move(answer));
    }
  }
  request->answer(response);
}

}  // namespace moldau::handler
