// SPDX-License-Identifier: Apache-2.0
#include "node/handler/handlers.h"
#include "node/handler/share_group_call.h"
#include "wire/share_group_describe_request.h"
#include "wire/share_group_describe_response.h"

namespace moldau::handler {
namespace {

using Described = wire::ShareGroupDescribeResponse::DescribedGroup;

Described refused(std::string_view group_id, ErrorCode code) {
  Described out;
  out.group_id = wire::Text::copy_of(group_id);
  out.error_code = to_wire(code);
  return out;
}

env::Task<Described> describe_one(Services* node, std::string group_id) {
  auto look = [&group_id](const group::GroupMachine& machine, const image::MetadataImage& image) {
    return machine.describe_share(group_id, image);
  };
  image::ImagePtr image = node->image;
  std::string key = group_id;
  Result<Described> found = co_await node->groups->read<Described>(node->shard, std::move(image),
                                                                   std::move(key), std::move(look));
  if (!found.ok()) co_return refused(group_id, found.error().code);
  co_return std::move(found).value();
}

/// Topics that the caller may not describe are not named.
void hide_topics(const Services& node, const request::Request& request, Described& group) {
  for (const auto& member : group.members) {
    for (const auto& topic : member.assignment.topic_partitions) {
      if (authorized(node, request, AclOperation::kDescribe, AclResourceType::kTopic,
                     topic.topic_name.view()))
        continue;
      Described hidden = refused(group.group_id.view(), ErrorCode::kTopicAuthorizationFailed);
      hidden.error_message =
          "The group has described topic(s) that the client is not authorized to describe.";
      group = std::move(hidden);
      return;
    }
  }
}

}  // namespace

env::Task<void> handle_share_group_describe(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::ShareGroupDescribeRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::ShareGroupDescribeRequest message = std::move(decoded).value();
  wire::ShareGroupDescribeResponse response;
  for (std::size_t i = 0; i < message.group_ids.size(); ++i) {
    std::string group_id = message.group_ids[i].str();
    ErrorCode refusal = ErrorCode::kNone;
    if (!shares_groups(node)) {
      refusal = ErrorCode::kUnsupportedVersion;
    } else if (!authorized(node, *request, AclOperation::kDescribe, AclResourceType::kGroup,
                           group_id)) {
      refusal = ErrorCode::kGroupAuthorizationFailed;
    } else if (group_id.empty()) {
      refusal = ErrorCode::kInvalidGroupId;
    }
    if (refusal != ErrorCode::kNone) {
      response.groups.push_back(refused(group_id, refusal));
      continue;
    }
    Described found = co_await describe_one(&node, group_id);
    if (found.error_code == 0) hide_topics(node, *request, found);
    if (message.include_authorized_operations && found.error_code == 0)
      found.authorized_operations =
          authorized_operations(node, *request, AclResourceType::kGroup, group_id);
    response.groups.push_back(std::move(found));
  }
  request->answer(response);
}

}  // namespace moldau::handler
