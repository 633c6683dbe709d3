// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "wire/consumer_group_describe_request.h"
#include "wire/consumer_group_describe_response.h"

namespace moldau::handler {
namespace {

using Request = wire::ConsumerGroupDescribeRequest;
using Response = wire::ConsumerGroupDescribeResponse;
using Described = Response::DescribedGroup;

Described refused(std::string_view group_id, ErrorCode code) {
  Described out;
  out.group_id = wire::Text::copy_of(group_id);
  out.error_code = to_wire(code);
  return out;
}

env::Task<Described> describe_group(Services& node, std::string group_id) {
  auto look = [group_id](const group::GroupMachine& machine, const image::MetadataImage& image) {
    return machine.describe_consumer(group_id, image);
  };
  image::ImagePtr image = node.image;
  std::string key = group_id;
  Result<Described> found = co_await node.groups->read<Described>(node.shard, std::move(image),
                                                                  std::move(key), std::move(look));
  if (found.ok()) co_return std::move(found).value();
  co_return refused(group_id, found.error().code);
}

/// A group that has topics which the caller may not describe is not shown at all.
void hide_topics(const Services& node, const request::Request& request, Described& group) {
  AuthorizedNames visible(node, request, AclOperation::kDescribe, AclResourceType::kTopic);
  bool all = true;
  const auto each = [&](auto look) {
    for (const auto& member : group.members) {
      for (const auto& topic : member.assignment.topic_partitions) look(topic.topic_name.view());
      for (const auto& topic : member.target_assignment.topic_partitions)
        look(topic.topic_name.view());
      for (const auto& topic : member.subscribed_topic_names) look(topic.view());
    }
  };
  each([&](std::string_view topic) { visible.count(topic); });
  each([&](std::string_view topic) { all = visible.contains(topic) && all; });
  if (all) return;
  Described hidden = refused(group.group_id.view(), ErrorCode::kTopicAuthorizationFailed);
  hidden.error_message =
      "The group has described topic(s) that the client is not authorized to describe.";
  group = std::move(hidden);
}

}  // namespace

env::Task<void> handle_consumer_group_describe(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Request>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Request message = std::move(decoded).value();
  Response response;
  for (std::size_t n = 0; n < message.group_ids.size(); ++n) {
    std::string group_id = message.group_ids[n].str();
    const std::string name = group_id;
    ErrorCode error = ErrorCode::kNone;
    if (!is_consumer_protocol_on(node)) {
      error = ErrorCode::kUnsupportedVersion;
    } else if (!authorized(node, *request, AclOperation::kDescribe, AclResourceType::kGroup,
                           name)) {
      error = ErrorCode::kGroupAuthorizationFailed;
    } else if (name.empty()) {
      error = ErrorCode::kInvalidGroupId;
    }
    if (error != ErrorCode::kNone) {
      response.groups.push_back(refused(name, error));
      continue;
    }
    Described described = co_await describe_group(node, std::move(group_id));
    if (message.include_authorized_operations && described.error_code == 0)
      described.authorized_operations =
          authorized_operations(node, *request, AclResourceType::kGroup, name);
    hide_topics(node, *request, described);
    response.groups.push_back(std::move(described));
  }
  request->answer(response);
}

}  // namespace moldau::handler
