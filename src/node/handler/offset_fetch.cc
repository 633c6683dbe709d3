// SPDX-License-Identifier: Apache-2.0
#include "node/handler/authorize.h"
#include "node/handler/group_call.h"
#include "node/handler/handlers.h"
#include "wire/offset_fetch_request.h"
#include "wire/offset_fetch_response.h"

namespace moldau::handler {
namespace {

using Message = wire::OffsetFetchRequest;
using Asked = wire::OffsetFetchRequest::OffsetFetchRequestGroup;
using Found = wire::OffsetFetchResponse::OffsetFetchResponseGroup;

constexpr std::int16_t kManyGroups = 8;
constexpr std::int16_t kTopicIds = 10;

/// Before version 8 a request asks for one group, in fields of its own.
Asked only_group_of(const Message& message) {
  Asked asked;
  asked.group_id = message.group_id;
  if (!message.topics) {
    asked.topics.reset();
    return asked;
  }
  asked.topics.emplace();
  for (const auto& topic : *message.topics) {
    auto& one = asked.topics->emplace_back();
    one.name = topic.name;
    one.partition_indexes = topic.partition_indexes;
  }
  return asked;
}

Found refused(const Asked& asked, ErrorCode code) {
  Found found;
  found.group_id = asked.group_id;
  found.error_code = to_wire(code);
  return found;
}

/// The name under which a topic is judged; "" for an id that nobody knows.
template <class Topic>
std::string_view name_of(const Topic& topic, const image::MetadataImage& image) {
  if (!topic.name.view().empty() || topic.topic_id.is_zero()) return topic.name.view();
  const image::TopicImage* found = image.topic(topic.topic_id);
  return found ? std::string_view(found->name) : std::string_view();
}

/// Takes the topics that nobody knows by their id, and those that the caller may not see, out of
/// `asked`; they are in `refused`.
void take_out_hidden(const Services& node, const request::Request& request, Asked& asked,
                     Found& refused) {
  const bool by_id = request.version() >= kTopicIds;
  if ((!node.authorizer && !by_id) || !asked.topics) return;
  const image::ImagePtr image = node.image;
  AuthorizedNames visible(node, request, AclOperation::kDescribe, AclResourceType::kTopic);
  for (const auto& topic : *asked.topics) visible.count(name_of(topic, *image));
  std::erase_if(*asked.topics, [&](const auto& topic) {
    const std::string_view name = name_of(topic, *image);
    const bool unknown_id = by_id && name.empty();
    if (!unknown_id && visible.contains(name)) return false;
    auto& one = refused.topics.emplace_back();
    one.name = topic.name;
    one.topic_id = topic.topic_id;
    for (std::int32_t index : topic.partition_indexes) {
      auto& partition = one.partitions.emplace_back();
      partition.partition_index = index;
      partition.committed_offset = -1;
      partition.error_code =
          to_wire(unknown_id ? ErrorCode::kUnknownTopicId : ErrorCode::kTopicAuthorizationFailed);
    }
    return true;
  });
}

/// Of the topics that nobody named only those are told that the caller may see, and that have an
/// id if topics go by it.
void leave_out_hidden(const Services& node, const request::Request& request, Found& found) {
  if (request.version() >= kTopicIds)
    std::erase_if(found.topics, [](const auto& topic) { return topic.topic_id.is_zero(); });
  if (!node.authorizer) return;
  const image::ImagePtr image = node.image;
  AuthorizedNames visible(node, request, AclOperation::kDescribe, AclResourceType::kTopic);
  std::erase_if(found.topics,
                [&](const auto& topic) { return !visible.contains(name_of(topic, *image)); });
}

env::Task<Found> look_up(Services& node, const Asked* asked, bool require_stable) {
  auto look = [asked, require_stable](const group::GroupMachine& machine,
                                      const image::MetadataImage& image) {
    return machine.fetch_offsets(*asked, require_stable, image);
  };
  image::ImagePtr image = node.image;
  std::string group_id = asked->group_id.str();
  Result<Found> found = co_await node.groups->read<Found>(node.shard, std::move(image),
                                                          std::move(group_id), std::move(look));
  if (!found.ok()) co_return refused(*asked, found.error().code);
  co_return std::move(found).value();
}

env::Task<Found> fetch_group(Services& node, const request::Request* request, const Asked* asked,
                             bool require_stable) {
  if (!authorized(node, *request, AclOperation::kDescribe, AclResourceType::kGroup,
                  asked->group_id.view()))
    co_return refused(*asked, ErrorCode::kGroupAuthorizationFailed);
  Asked visible = *asked;
  Found hidden;
  take_out_hidden(node, *request, visible, hidden);
  Found found = co_await look_up(node, &visible, require_stable);
  if (found.error_code != 0) co_return found;
  if (!asked->topics) leave_out_hidden(node, *request, found);
  for (auto& topic : hidden.topics) found.topics.push_back(std::move(topic));
  co_return found;
}

/// Version 1 has no room for an error but in each partition.
void tell_partitions(const Asked& asked, Found& found) {
  if (found.error_code == 0 || !asked.topics) return;
  found.topics.clear();
  for (const auto& topic : *asked.topics) {
    auto& one = found.topics.emplace_back();
    one.name = topic.name;
    for (std::int32_t index : topic.partition_indexes) {
      auto& partition = one.partitions.emplace_back();
      partition.partition_index = index;
      partition.committed_offset = -1;
      partition.metadata = "";
      partition.error_code = found.error_code;
    }
  }
}

wire::OffsetFetchResponse old_answer(const Found& found) {
  wire::OffsetFetchResponse response;
  response.error_code = found.error_code;
  for (const auto& topic : found.topics) {
    auto& one = response.topics.emplace_back();
    one.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& to = one.partitions.emplace_back();
      to.partition_index = partition.partition_index;
      to.committed_offset = partition.committed_offset;
      to.committed_leader_epoch = partition.committed_leader_epoch;
      to.metadata = partition.metadata;
      to.error_code = partition.error_code;
    }
  }
  return response;
}

}  // namespace

env::Task<void> handle_offset_fetch(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  if (request->version() < kManyGroups) {
    const Asked asked = only_group_of(message);
    Found found = co_await fetch_group(node, request.get(), &asked, message.require_stable);
    if (request->version() < 2) tell_partitions(asked, found);
    const wire::OffsetFetchResponse response = old_answer(found);
    request->answer(response);
    co_return;
  }
  wire::OffsetFetchResponse response;
  for (std::size_t n = 0; n < message.groups.size(); ++n) {
    Found found =
        co_await fetch_group(node, request.get(), &message.groups[n], message.require_stable);
    response.groups.push_back(std::move(found));
  }
  request->answer(response);
}

}  // namespace moldau::handler
