// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "node/handler/authorize.h"
#include "node/handler/group_call.h"
#include "node/handler/group_protocols.h"
#include "node/handler/handlers.h"
#include "wire/streams_group_describe_request.h"
#include "wire/streams_group_describe_response.h"

namespace moldau::handler {
namespace {

using Response = wire::StreamsGroupDescribeResponse;
using Described = Response::DescribedGroup;

Described refused(const std::string& group_id, ErrorCode code) {
  Described out;
  out.group_id = group_id;
  out.error_code = to_wire(code);
  return out;
}

env::Task<Described> describe_group(Services& node, std::string group_id) {
  auto look = [group_id](const group::GroupMachine& machine, const image::MetadataImage&) {
    return machine.describe_streams(group_id);
  };
  image::ImagePtr image = node.image;
  std::string key = group_id;
  Result<Described> found = co_await node.groups->read<Described>(node.shard, std::move(image),
                                                                  std::move(key), std::move(look));
  if (found.ok()) co_return std::move(found).value();
  co_return refused(group_id, found.error().code);
}

template <class Use>
void each_topic(const Described& group, Use use) {
  if (!group.topology || !group.topology->subtopologies) return;
  for (const auto& part : *group.topology->subtopologies) {
    for (const wire::Text& name : part.source_topics) use(name.view());
    for (const wire::Text& name : part.repartition_sink_topics) use(name.view());
    for (const auto& topic : part.repartition_source_topics) use(topic.name.view());
    for (const auto& topic : part.state_changelog_topics) use(topic.name.view());
  }
}

/// Groups whose topics the caller may not see are not shown.
void hide_topics(const Services& node, const request::Request& request, Response& response) {
  if (!node.authorizer) return;
  AuthorizedNames allowed(node, request, AclOperation::kDescribe, AclResourceType::kTopic);
  for (const Described& group : response.groups) {
    each_topic(group, [&](std::string_view name) { allowed.count(name); });
  }
  std::vector<bool> hidden;
  for (const Described& group : response.groups) {
    bool hide = false;
    each_topic(group, [&](std::string_view name) { hide = hide || !allowed.contains(name); });
    hidden.push_back(hide);
  }
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    if (!hidden[i]) continue;
    Described& group = response.groups[i];
    group = refused(group.group_id.str(), ErrorCode::kTopicAuthorizationFailed);
    group.error_message =
        "The described group uses topics that the client is not authorized to describe.";
  }
}

}  // namespace

env::Task<void> handle_streams_group_describe(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::StreamsGroupDescribeRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::StreamsGroupDescribeRequest message = std::move(decoded).value();
  Response response;
  const bool is_served = serves_streams_groups(node);
  for (std::size_t n = 0; n < message.group_ids.size(); ++n) {
    std::string group_id = message.group_ids[n].str();
    if (!is_served) {
      response.groups.push_back(refused(group_id, ErrorCode::kUnsupportedVersion));
      continue;
    }
    if (!authorized(node, *request, AclOperation::kDescribe, AclResourceType::kGroup, group_id)) {
      response.groups.push_back(refused(group_id, ErrorCode::kGroupAuthorizationFailed));
      continue;
    }
    if (group_id.empty()) {
      response.groups.push_back(refused(group_id, ErrorCode::kInvalidGroupId));
      continue;
    }
    Described described = co_await describe_group(node, group_id);
    if (message.include_authorized_operations && described.error_code == 0) {
      described.authorized_operations =
          authorized_operations(node, *request, AclResourceType::kGroup, group_id);
    }
    response.groups.push_back(std::move(described));
  }
  hide_topics(node, *request, response);
  request->answer(response);
}

}  // namespace moldau::handler
