// SPDX-License-Identifier: Apache-2.0
#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/elect_leaders_request.h"
#include "wire/elect_leaders_response.h"

namespace moldau::handler {
namespace {

using Message = wire::ElectLeadersRequest;
using Response = wire::ElectLeadersResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  response.error_code = to_wire(error.code);
  if (!message.topic_partitions) return;
  for (const auto& topic : *message.topic_partitions) {
    auto& result = response.replica_election_results.emplace_back();
    result.topic = topic.topic;
    for (const std::int32_t partition : topic.partitions) {
      auto& one = result.partition_result.emplace_back();
      one.partition_id = partition;
      one.error_code = to_wire(error.code);
      one.error_message = error.detail;
    }
  }
}

}  // namespace

env::Task<void> handle_elect_leaders(Services& node, request::RequestPtr request) {
  const auto held = decode_held<Message>(*request);
  if (!held) co_return;
  if (refuse_without_cluster(node, *request, AclOperation::kAlter, held->message, fill_errors))
    co_return;
  const std::int32_t timeout_ms = held->message.timeout_ms;
  co_await forward(node, std::move(request), timeout_ms, held,
                   &controller::ControllerMachine::decide_elect_leaders, fill_errors);
}

}  // namespace moldau::handler
