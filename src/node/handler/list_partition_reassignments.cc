// SPDX-License-Identifier: Apache-2.0
#include "node/handler/controller_call.h"
#include "node/handler/handlers.h"
#include "wire/list_partition_reassignments_request.h"
#include "wire/list_partition_reassignments_response.h"

namespace moldau::handler {

env::Task<void> handle_list_partition_reassignments(Services& node, request::RequestPtr request) {
  using Response = wire::ListPartitionReassignmentsResponse;
  const auto held = decode_held<wire::ListPartitionReassignmentsRequest>(*request);
  if (!held) co_return;
  if (!cluster_authorized(node, *request, AclOperation::kDescribe)) {
    const Error refusal = cluster_refusal(*request);
    Response response;
    response.error_code = to_wire(refusal.code);
    response.error_message = refusal.detail;
    request->answer(response);
    co_return;
  }
  const MonoTime deadline = controller_deadline(*request, held->message.timeout_ms);
  // No records: the answer waits for what was written before, as every read of the controller.
  quorum::DecideFn<Response> decide = [held](controller::ControllerMachine& machine,
                                             const controller::RequestContext&) {
    controller::Decision<Response> decision(machine.image().metadata_version());
    decision.response = machine.list_partition_reassignments(held->message);
    return decision;
  };
  Result<Response> listed =
      co_await node.quorum.submit<Response>(node.shard, std::move(decide), deadline);
  if (listed.ok()) {
    request->answer(*listed);
    co_return;
  }
  Response response;
  response.error_code = to_wire(listed.error().code);
  response.error_message = listed.error().detail;
  request->answer(response);
}

}  // namespace moldau::handler
