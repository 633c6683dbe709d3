// SPDX-License-Identifier: Apache-2.0
#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/alter_partition_reassignments_request.h"
#include "wire/alter_partition_reassignments_response.h"

namespace moldau::handler {
namespace {

using Message = wire::AlterPartitionReassignmentsRequest;
using Response = wire::AlterPartitionReassignmentsResponse;

void fill_errors(const Message& message, const Error& error, Response& response) {
  response.error_code = to_wire(error.code);
  response.error_message = error.detail;
  for (const auto& topic : message.topics) {
    auto& refused = response.responses.emplace_back();
    refused.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& one = refused.partitions.emplace_back();
      one.partition_index = partition.partition_index;
      one.error_code = to_wire(error.code);
      one.error_message = error.detail;
    }
  }
}

}  // namespace

env::Task<void> handle_alter_partition_reassignments(Services& node, request::RequestPtr request) {
  const auto held = decode_held<Message>(*request);
  if (!held) co_return;
  if (refuse_without_cluster(node, *request, AclOperation::kAlter, held->message, fill_errors))
    co_return;
  const std::int32_t timeout_ms = held->message.timeout_ms;
  co_await forward(node, std::move(request), timeout_ms, held,
                   &controller::ControllerMachine::decide_alter_partition_reassignments,
                   fill_errors);
}

}  // namespace moldau::handler
