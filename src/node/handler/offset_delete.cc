// SPDX-License-Identifier: Apache-2.0
#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "wire/offset_delete_request.h"
#include "wire/offset_delete_response.h"

namespace moldau::handler {
namespace {

using Request = wire::OffsetDeleteRequest;
using Response = wire::OffsetDeleteResponse;

/// What of the request names partitions that exist and that the caller may read; the others get
/// their error at once.
Request existing_part(const Request& message, const image::MetadataImage& image,
                      AuthorizedNames& readable, Response& unknown) {
  Request existing;
  existing.group_id = message.group_id;
  for (const auto& topic : message.topics) {
    const bool allowed = readable.contains(topic.name.view());
    const image::TopicImage* found = allowed ? image.topic(topic.name.view()) : nullptr;
    auto& kept = existing.topics.emplace_back();
    kept.name = topic.name;
    auto& refused = unknown.topics.emplace_back();
    refused.name = topic.name;
    for (const auto& partition : topic.partitions) {
      if (found && found->partition(PartitionId(partition.partition_index))) {
        kept.partitions.push_back(partition);
        continue;
      }
      auto& one = refused.partitions.emplace_back();
      one.partition_index = partition.partition_index;
      one.error_code = to_wire(allowed ? ErrorCode::kUnknownTopicOrPartition
                                       : ErrorCode::kTopicAuthorizationFailed);
    }
    if (kept.partitions.empty()) existing.topics.pop_back();
    if (refused.partitions.empty()) unknown.topics.pop_back();
  }
  return existing;
}

/// One entry a topic.
void merge(Response& into, const Response& more) {
  for (const auto& topic : more.topics) {
    const auto same = std::find_if(into.topics.begin(), into.topics.end(),
                                   [&](const auto& t) { return t.name == topic.name; });
    if (same == into.topics.end()) {
      into.topics.push_back(topic);
    } else {
      same->partitions.insert(same->partitions.end(), topic.partitions.begin(),
                              topic.partitions.end());
    }
  }
}

}  // namespace

env::Task<void> handle_offset_delete(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Request>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Request message = std::move(decoded).value();
  Response response;
  if (!authorized(node, *request, AclOperation::kDelete, AclResourceType::kGroup,
                  message.group_id.view())) {
    response.error_code = to_wire(ErrorCode::kGroupAuthorizationFailed);
    request->answer(response);
    co_return;
  }
  AuthorizedNames readable(node, *request, AclOperation::kRead, AclResourceType::kTopic);
  for (const auto& topic : message.topics) readable.count(topic.name.view());
  const Request existing = existing_part(message, *node.image, readable, response);
  Result<Response> answer = co_await call_group<Response, Request>(
      node, request.get(), &existing, &group::GroupMachine::delete_offsets);
  if (!answer.ok() || answer->error_code != 0) {
    response = Response();
    response.error_code = answer.ok() ? answer->error_code : to_wire(answer.error().code);
  } else {
    merge(response, *answer);
  }
  request->answer(response);
}

}  // namespace moldau::handler
