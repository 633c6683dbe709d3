// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "machine/group/offset_protocol.h"

namespace moldau::group {
namespace {

using ResponseGroup = wire::OffsetFetchResponse::OffsetFetchResponseGroup;
using ResponseTopic = wire::OffsetFetchResponse::OffsetFetchResponseTopics;

/// A partition without an offset, and why if there is a reason.
void respond_none(ResponseTopic& topic, std::int32_t index, ErrorCode error) {
  auto& out = topic.partitions.emplace_back();
  out.partition_index = index;
  out.committed_offset = -1;
  out.committed_leader_epoch = -1;
  out.error_code = static_cast<std::int16_t>(error);
}

void respond_offset(ResponseTopic& topic, std::int32_t index, const CommittedOffset& offset) {
  auto& out = topic.partitions.emplace_back();
  out.partition_index = index;
  out.committed_offset = offset.offset.value();
  out.committed_leader_epoch = offset.leader_epoch.value();
  out.metadata = wire::Text::copy_of(offset.metadata);
}

/// The offset was committed for another topic of that name.
bool is_of_other_topic(const CommittedOffset& offset, const TopicId& asked) {
  return !offset.topic_id.is_zero() && !asked.is_zero() && offset.topic_id != asked;
}

}  // namespace

ResponseGroup OffsetProtocol::fetch(
    const wire::OffsetFetchRequest::OffsetFetchRequestGroup& request, bool require_stable,
    const image::MetadataImage& image) const {
  const std::string_view group_id = request.group_id.view();
  ResponseGroup response;
  response.group_id = request.group_id.own();
  const Group* group = groups_.find(group_id);
  ErrorCode refused = group == nullptr ? ErrorCode::kNone
                                       : group->check_offset_fetch(optional_view(request.member_id),
                                                                   request.member_epoch);
  // A group without offsets is as one that is not there.
  if (refused == ErrorCode::kGroupIdNotFound) {
    group = nullptr;
    refused = ErrorCode::kNone;
  }
  if (refused != ErrorCode::kNone) {
    response.error_code = static_cast<std::int16_t>(refused);
    return response;
  }
  // Offsets that outlived their group are not shown.
  const TopicOffsets* committed = group == nullptr ? nullptr : offsets_.topics(group_id);
  const auto respond = [&](ResponseTopic& out, std::string_view topic, std::int32_t index) {
    const PartitionId partition(index);
    const CommittedOffset* offset =
        committed == nullptr ? nullptr : offsets_.find(group_id, topic, partition);
    if (require_stable && offsets_.is_pending(group_id, topic, partition)) {
      respond_none(out, index, ErrorCode::kUnstableOffsetCommit);
    } else if (offset == nullptr || is_of_other_topic(*offset, out.topic_id)) {
      respond_none(out, index, ErrorCode::kNone);
    } else {
      respond_offset(out, index, *offset);
    }
  };
  if (!request.topics) {
    if (committed == nullptr) return response;
    for (const auto& [topic, partitions] : *committed) {
      ResponseTopic& out = response.topics.emplace_back();
      out.name = wire::Text::copy_of(topic);
      for (const auto& [partition, offset] : partitions) respond(out, topic, partition.value());
      if (const TopicId* id = image.topic_ids().find(topic)) out.topic_id = *id;
    }
    return response;
  }
  for (const auto& topic : *request.topics) {
    ResponseTopic& out = response.topics.emplace_back();
    out.topic_id = topic.topic_id;
    const bool by_id = topic.name.size() == 0 && !topic.topic_id.is_zero();
    const image::TopicImage* known = by_id ? image.topic(topic.topic_id) : nullptr;
    out.name = known != nullptr ? wire::Text::copy_of(known->name) : topic.name.own();
    for (const std::int32_t index : topic.partition_indexes) {
      if (by_id && known == nullptr) {
        respond_none(out, index, ErrorCode::kUnknownTopicId);
      } else {
        respond(out, out.name.view(), index);
      }
    }
  }
  return response;
}

}  // namespace moldau::group
