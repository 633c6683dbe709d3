// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "node/handler/handlers.h"
#include "node/handler/on_partition.h"
#include "node/handler/share_group_call.h"
#include "wire/describe_share_group_offsets_request.h"
#include "wire/describe_share_group_offsets_response.h"

namespace moldau::handler {
namespace {

using Message = wire::DescribeShareGroupOffsetsRequest;
using Response = wire::DescribeShareGroupOffsetsResponse;
using Asked = Message::DescribeShareGroupOffsetsRequestGroup;
using Described = Response::DescribeShareGroupOffsetsResponseGroup;
using Topic = Response::DescribeShareGroupOffsetsResponseTopic;
using Partition = Response::DescribeShareGroupOffsetsResponsePartition;
using Known = std::optional<std::vector<group::ShareStart>>;

env::Task<Result<Known>> partitions_of(Services* node, std::string group_id) {
  auto look = [&group_id](const group::GroupMachine& machine, const image::MetadataImage&) {
    return machine.share_partitions(group_id);
  };
  image::ImagePtr image = node->image;
  std::string key = group_id;
  Result<Known> found = co_await node->groups->read<Known>(node->shard, std::move(image),
                                                           std::move(key), std::move(look));
  co_return found;
}

/// Records from the start of the group to the end that consumers see, without those done with.
env::Task<std::int64_t> lag_of(Services* node, TopicIdPartition id, Offset start,
                               std::int32_t complete) {
  if (start == Offset(-1) || complete < 0) co_return -1;
  auto look = [](replica::HostedPartition* hosted) {
    const bool led = hosted && hosted->check_leader(LeaderEpoch(-1)) == ErrorCode::kNone;
    return led ? hosted->machine().high_watermark() : Offset(-1);
  };
  const Offset end = co_await on_partition(*node, id, std::move(look));
  if (end == Offset(-1)) co_return -1;
  co_return std::max<std::int64_t>(0, end - start - complete);
}

env::Task<Partition> describe_partition(Services* node, std::string group_id, TopicIdPartition id,
                                        bool is_known) {
  Partition out;
  out.partition_index = id.partition.value();
  out.start_offset = -1;
  if (!is_known) co_return out;
  share::SharePartitionKey key(std::move(group_id), id.topic_id, id.partition);
  const share::SummaryOutcome found =
      co_await node->share->persister().summary(&node->shard, std::move(key));
  out.error_code = to_wire(found.error);
  if (found.error != ErrorCode::kNone) {
    out.error_message = wire::Text::copy_of(found.message);
    co_return out;
  }
  out.start_offset = found.start_offset.value();
  out.leader_epoch = found.leader_epoch.value();
  out.lag = co_await lag_of(node, id, found.start_offset, found.delivery_complete_count);
  co_return out;
}

/// Names and partitions to be told of: those asked for, or all that have state.
std::vector<Topic> topics_asked(const Services& node, const Asked& asked, const Known& known) {
  std::vector<Topic> out;
  if (asked.topics) {
    for (const auto& topic : *asked.topics) {
      Topic& one = out.emplace_back();
      one.topic_name = topic.topic_name;
      if (const image::TopicImage* image = node.image->topic(topic.topic_name.view()))
        one.topic_id = image->id;
      for (const std::int32_t index : topic.partitions)
        one.partitions.emplace_back().partition_index = index;
    }
    return out;
  }
  for (const group::ShareStart& start : *known) {
    const image::TopicImage* image = node.image->topic(start.topic_id);
    if (!image) continue;
    const auto same = std::find_if(out.begin(), out.end(),
                                   [&](const Topic& t) { return t.topic_id == start.topic_id; });
    Topic& one = same == out.end() ? out.emplace_back() : *same;
    one.topic_id = start.topic_id;
    one.topic_name = wire::Text::copy_of(image->name);
    one.partitions.emplace_back().partition_index = start.partition.value();
  }
  return out;
}

env::Task<Described> describe_group(Services* node, const request::Request* request,
                                    const Asked* asked) {
  Described out;
  out.group_id = asked->group_id;
  ErrorCode refusal = ErrorCode::kNone;
  if (!shares_groups(*node)) refusal = ErrorCode::kUnsupportedVersion;
  if (!authorized(*node, *request, AclOperation::kDescribe, AclResourceType::kGroup,
                  asked->group_id.view()))
    refusal = ErrorCode::kGroupAuthorizationFailed;
  if (asked->group_id.is_empty()) refusal = ErrorCode::kInvalidGroupId;
  std::string group_id = asked->group_id.str();
  Result<Known> known = Known();
  if (refusal == ErrorCode::kNone) known = co_await partitions_of(node, group_id);
  if (!known.ok()) refusal = known.error().code;
  if (refusal == ErrorCode::kNone && !known->has_value()) {
    refusal = ErrorCode::kGroupIdNotFound;
    out.error_message = wire::Text::copy_of("Group " + group_id + " not found.");
  }
  out.error_code = to_wire(refusal);
  if (refusal != ErrorCode::kNone) co_return out;
  for (Topic& topic : topics_asked(*node, *asked, *known)) {
    const bool allowed = authorized(*node, *request, AclOperation::kDescribe,
                                    AclResourceType::kTopic, topic.topic_name.view());
    if (!allowed && !asked->topics) continue;
    out.topics.push_back(std::move(topic));
    if (allowed) continue;
    for (Partition& partition : out.topics.back().partitions)
      partition.error_code = to_wire(ErrorCode::kTopicAuthorizationFailed);
  }
  for (std::size_t t = 0; t < out.topics.size(); ++t) {
    for (std::size_t p = 0; p < out.topics[t].partitions.size(); ++p) {
      if (out.topics[t].partitions[p].error_code != 0) continue;
      TopicIdPartition id;
      id.topic_id = out.topics[t].topic_id;
      id.partition = PartitionId(out.topics[t].partitions[p].partition_index);
      const bool is_known =
          std::any_of((*known)->begin(), (*known)->end(), [&](const group::ShareStart& one) {
            return one.topic_id == id.topic_id && one.partition == id.partition;
          });
      Partition found = co_await describe_partition(node, group_id, id, is_known);
      out.topics[t].partitions[p] = std::move(found);
    }
  }
  co_return out;
}

}  // namespace

env::Task<void> handle_describe_share_group_offsets(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<Message>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const Message message = std::move(decoded).value();
  Response response;
  for (std::size_t i = 0; i < message.groups.size(); ++i) {
    Described found = co_await describe_group(&node, request.get(), &message.groups[i]);
    response.groups.push_back(std::move(found));
  }
  request->answer(response);
}

}  // namespace moldau::handler
