// SPDX-License-Identifier: Apache-2.0
#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "wire/list_groups_request.h"
#include "wire/list_groups_response.h"

namespace moldau::handler {

using ListedGroups = std::vector<wire::ListGroupsResponse::ListedGroup>;

/// The groups of all partitions that this node coordinates.
env::Task<void> handle_list_groups(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::ListGroupsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::ListGroupsRequest message = std::move(decoded).value();
  wire::ListGroupsResponse response;
  const std::vector<TopicIdPartition> mine =
      coordinator::GroupCoordinators::partitions_led_by(*node.image, node.identity->id);
  for (std::size_t n = 0; n < mine.size(); ++n) {
    auto look = [&message](const group::GroupMachine& machine, const image::MetadataImage&) {
      return machine.list(message);
    };
    Result<ListedGroups> listed =
        co_await node.groups->read_partition<ListedGroups>(node.shard, mine[n], std::move(look));
    if (listed.ok()) {
      for (auto& one : *listed) response.groups.push_back(std::move(one));
    } else if (listed.error().code != ErrorCode::kNotCoordinator) {
      response.error_code = to_wire(listed.error().code);
    }
  }
  if (!cluster_authorized(node, *request, AclOperation::kDescribe, Audit::kAllowed)) {
    std::erase_if(response.groups, [&](const wire::ListGroupsResponse::ListedGroup& group) {
      return !authorized(node, *request, AclOperation::kDescribe, AclResourceType::kGroup,
                         group.group_id.view(), Audit::kAllowed);
    });
  }
  request->answer(response);
}

}  // namespace moldau::handler
