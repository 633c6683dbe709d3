// SPDX-License-Identifier: Apache-2.0
#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "wire/describe_groups_request.h"
#include "wire/describe_groups_response.h"

namespace moldau::handler {
namespace {

using Described = wire::DescribeGroupsResponse::DescribedGroup;

env::Task<Described> describe_group(Services& node, std::string group_id, std::int16_t version) {
  auto look = [group_id, version](const group::GroupMachine& machine, const image::MetadataImage&) {
    return machine.describe(group_id, version);
  };
  image::ImagePtr image = node.image;
  std::string key = group_id;
  Result<Described> found = co_await node.groups->read<Described>(node.shard, std::move(image),
                                                                  std::move(key), std::move(look));
  if (found.ok()) co_return std::move(found).value();
  Described refused;
  refused.group_id = group_id;
  refused.error_code = to_wire(found.error().code);
  co_return refused;
}

}  // namespace

env::Task<void> handle_describe_groups(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::DescribeGroupsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::DescribeGroupsRequest message = std::move(decoded).value();
  wire::DescribeGroupsResponse response;
  for (std::size_t n = 0; n < message.groups.size(); ++n) {
    std::string group_id = message.groups[n].str();
    const std::string name = group_id;
    if (!authorized(node, *request, AclOperation::kDescribe, AclResourceType::kGroup, name)) {
      Described& refused = response.groups.emplace_back();
      refused.group_id = name;
      refused.error_code = to_wire(ErrorCode::kGroupAuthorizationFailed);
      continue;
    }
    Described described = co_await describe_group(node, std::move(group_id), request->version());
    if (message.include_authorized_operations && described.error_code == 0)
      described.authorized_operations =
          authorized_operations(node, *request, AclResourceType::kGroup, name);
    response.groups.push_back(std::move(described));
  }
  request->answer(response);
}

}  // namespace moldau::handler
