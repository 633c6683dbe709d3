// SPDX-License-Identifier: Apache-2.0
#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "wire/offset_commit_request.h"
#include "wire/offset_commit_response.h"

namespace moldau::handler {
namespace {

using Request = wire::OffsetCommitRequest;
using Response = wire::OffsetCommitResponse;

void refuse_partition(Response::OffsetCommitResponseTopic& topic, std::int32_t index,
                      ErrorCode code) {
  auto& one = topic.partitions.emplace_back();
  one.partition_index = index;
  one.error_code = to_wire(code);
}

const image::TopicImage* find_topic(const image::MetadataImage& image, std::int16_t version,
                                    const Request::OffsetCommitRequestTopic& topic) {
  return version >= 10 ? image.topic(topic.topic_id) : image.topic(topic.name.view());
}

/// The name under which a topic of the request is judged; "" for an id that nobody knows.
std::string_view name_of(const Request::OffsetCommitRequestTopic& topic, std::int16_t version,
                         const image::TopicImage* found) {
  if (version < 10) return topic.name.view();
  return found ? std::string_view(found->name) : std::string_view();
}

/// What of the request names partitions that exist and that the caller may read; the others get
/// their error at once.
Request existing_part(const Request& message, std::int16_t version,
                      const image::MetadataImage& image, AuthorizedNames& readable,
                      Response& unknown) {
  Request existing = message;
  existing.topics.clear();
  for (const auto& topic : message.topics) {
    const image::TopicImage* found = find_topic(image, version, topic);
    ErrorCode code =
        !found && version >= 10 ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition;
    const std::string_view name = name_of(topic, version, found);
    if (code != ErrorCode::kUnknownTopicId && !readable.contains(name)) {
      code = ErrorCode::kTopicAuthorizationFailed;
      found = nullptr;
    }
    auto& kept = existing.topics.emplace_back(topic);
    kept.partitions.clear();
    if (found) {
      kept.name = std::string_view(found->name);
      kept.topic_id = found->id;
    }
    auto& refused = unknown.topics.emplace_back();
    refused.name = kept.name;
    refused.topic_id = kept.topic_id;
    for (const auto& partition : topic.partitions) {
      if (found && found->partition(PartitionId(partition.partition_index))) {
        kept.partitions.push_back(partition);
      } else {
        refuse_partition(refused, partition.partition_index, code);
      }
    }
    if (kept.partitions.empty()) existing.topics.pop_back();
    if (refused.partitions.empty()) unknown.topics.pop_back();
  }
  return existing;
}

void merge(Response& into, Response&& more) {
  for (auto& topic : more.topics) {
    const auto same = std::find_if(into.topics.begin(), into.topics.end(), [&](const auto& t) {
      return t.topic_id == topic.topic_id && t.name == topic.name;
    });
    if (same == into.topics.end()) {
      into.topics.push_back(std::move(topic));
    } else {
      same->partitions.insert(same->partitions.end(), topic.partitions.begin(),
                              topic.partitions.end());
    }
  }
}

void refuse_all(const Request& message, ErrorCode code, Response& response) {
  for (const auto& topic : message.topics) {
    auto& refused = response.topics.emplace_back();
    refused.name = topic.name;
    refused.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions)
      refuse_partition(refused, partition.partition_index, code);
  }
}

}  // namespace

env::Task<void> handle_offset_commit(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Request>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Request message = std::move(decoded).value();
  // `existing` borrows names from the image.
  const image::ImagePtr image = node.image;
  Response response;
  if (!authorized(node, *request, AclOperation::kRead, AclResourceType::kGroup,
                  message.group_id.view())) {
    refuse_all(message, ErrorCode::kGroupAuthorizationFailed, response);
    request->answer(response);
    co_return;
  }
  const std::int16_t version = request->version();
  AuthorizedNames readable(node, *request, AclOperation::kRead, AclResourceType::kTopic);
  for (const auto& topic : message.topics)
    readable.count(name_of(topic, version, find_topic(*image, version, topic)));
  const Request existing = existing_part(message, version, *image, readable, response);
  if (existing.topics.empty()) {
    request->answer(response);
    co_return;
  }
  Result<Response> answer = co_await call_group<Response, Request>(
      node, request.get(), &existing, &group::GroupMachine::commit_offsets);
  if (answer.ok()) {
    merge(response, std::move(*answer));
  } else {
    refuse_all(existing, answer.error().code, response);
  }
  request->answer(response);
}

}  // namespace moldau::handler
