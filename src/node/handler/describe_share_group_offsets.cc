// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <set>
#include <span>

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
using Starts = std::vector<group::ShareStart>;

/// Topics to be told of, each once, and its partitions in their order.
using Wanted = std::vector<Topic>;

Partition& add_partition(Topic& topic, std::int32_t index, ErrorCode error) {
  Partition& out = topic.partitions.emplace_back();
  out.partition_index = index;
  out.start_offset = -1;
  out.error_code = to_wire(error);
  return out;
}

void add_wanted(Wanted& wanted, const image::TopicImage& topic,
                std::span<const std::int32_t> indices) {
  auto same = std::find_if(wanted.begin(), wanted.end(),
                           [&](const Topic& one) { return one.topic_id == topic.id; });
  if (same == wanted.end()) {
    same = wanted.emplace(same);
    same->topic_id = topic.id;
    same->topic_name = wire::Text::copy_of(topic.name);
  }
  std::set<std::int32_t> all(indices.begin(), indices.end());
  for (const Partition& one : same->partitions) all.insert(one.partition_index);
  same->partitions.clear();
  for (const std::int32_t index : all) add_partition(*same, index, ErrorCode::kNone);
}

env::Task<Result<Wanted>> initialized_topics(Services* node, std::string group_id) {
  auto look = [&group_id](const group::GroupMachine& machine, const image::MetadataImage&) {
    return machine.share_initialized(group_id);
  };
  image::ImagePtr image = node->image;
  std::string key = group_id;
  Result<Starts> found = co_await node->groups->read<Starts>(node->shard, std::move(image),
                                                             std::move(key), std::move(look));
  if (!found.ok()) co_return std::move(found).error();
  Wanted out;
  for (const group::ShareStart& start : *found) {
    const std::int32_t index = start.partition.value();
    if (const image::TopicImage* topic = node->image->topic(start.topic_id))
      add_wanted(out, *topic, {&index, 1});
  }
  co_return out;
}

/// Records from the start of the group to the end that consumers see, without those done with.
env::Task<void> add_lag(Services* node, TopicIdPartition id, std::int32_t complete,
                        Partition* out) {
  auto look = [](replica::HostedPartition* hosted) {
    const bool led = hosted && hosted->check_leader(LeaderEpoch(-1)) == ErrorCode::kNone;
    return led ? hosted->machine().high_watermark() : Offset(-1);
  };
  const Offset end = co_await on_partition(*node, id, std::move(look));
  if (end != Offset(-1)) {
    out->lag = end.value() - out->start_offset - complete;
    co_return;
  }
  *out = Partition();
  out->partition_index = id.partition.value();
  out->error_code = to_wire(ErrorCode::kLeaderNotAvailable);
  out->error_message =
      "There is no leader for this topic-partition as we are in the middle of a "
      "leadership election.";
}

/// What keeps the share coordinator from telling is not shown: there is no start then.
env::Task<Partition> describe_partition(Services* node, std::string group_id, TopicIdPartition id) {
  Partition out;
  out.partition_index = id.partition.value();
  out.start_offset = -1;
  share::SharePartitionKey key(std::move(group_id), id.topic_id, id.partition);
  const share::SummaryOutcome found =
      co_await node->share->persister().summary(&node->shard, std::move(key));
  if (found.error != ErrorCode::kNone) co_return out;
  out.start_offset = found.start_offset.value();
  out.leader_epoch = found.leader_epoch.value();
  if (found.start_offset != Offset(-1) && found.delivery_complete_count != -1)
    co_await add_lag(node, id, found.delivery_complete_count, &out);
  co_return out;
}

/// What the persister does not take: no group, no partitions, or one below 0.
bool is_sound(const Wanted& wanted, const Asked& asked) {
  if (wanted.empty()) return true;
  return !asked.group_id.is_empty() &&
         std::all_of(wanted.begin(), wanted.end(), [](const Topic& topic) {
           return !topic.partitions.empty() && topic.partitions.front().partition_index >= 0;
         });
}

/// `unknown` gets the topics that do not exist, `hidden` those that the caller may not see.
Wanted topics_asked(const Services& node, const request::Request& request, const Asked& asked,
                    std::vector<Topic>& unknown, std::vector<Topic>& hidden) {
  Wanted out;
  for (const auto& topic : *asked.topics) {
    const bool allowed = authorized(node, request, AclOperation::kDescribe, AclResourceType::kTopic,
                                    topic.topic_name.view());
    const image::TopicImage* image = node.image->topic(topic.topic_name.view());
    if (allowed && image) {
      add_wanted(out, *image, topic.partitions);
      continue;
    }
    Topic& one = (allowed ? unknown : hidden).emplace_back();
    one.topic_name = topic.topic_name;
    for (const std::int32_t index : topic.partitions) {
      if (allowed) {
        add_partition(one, index, ErrorCode::kNone);
        continue;
      }
      add_partition(one, index, ErrorCode::kTopicAuthorizationFailed).error_message =
          authorization_message(ErrorCode::kTopicAuthorizationFailed);
    }
  }
  return out;
}

env::Task<void> describe_topics(Services* node, const Asked* asked, Wanted* wanted) {
  for (std::size_t t = 0; t < wanted->size(); ++t) {
    for (std::size_t p = 0; p < (*wanted)[t].partitions.size(); ++p) {
      TopicIdPartition id;
      id.topic_id = (*wanted)[t].topic_id;
      id.partition = PartitionId((*wanted)[t].partitions[p].partition_index);
      std::string group_id = asked->group_id.str();
      Partition found = co_await describe_partition(node, std::move(group_id), id);
      (*wanted)[t].partitions[p] = std::move(found);
    }
  }
}

void drop_hidden(const Services& node, const request::Request& request, Wanted& topics) {
  std::erase_if(topics, [&](const Topic& topic) {
    return !authorized(node, request, AclOperation::kDescribe, AclResourceType::kTopic,
                       topic.topic_name.view());
  });
}

/// Apache does not ask whether such a group exists.
env::Task<Described> describe_group(Services* node, const request::Request* request,
                                    const Asked* asked) {
  Described out;
  out.group_id = asked->group_id;
  ErrorCode refusal = ErrorCode::kNone;
  if (!shares_groups(*node))
    refusal = ErrorCode::kUnsupportedVersion;
  else if (!authorized(*node, *request, AclOperation::kDescribe, AclResourceType::kGroup,
                       asked->group_id.view()))
    refusal = ErrorCode::kGroupAuthorizationFailed;
  out.error_code = to_wire(refusal);
  if (refusal != ErrorCode::kNone || (asked->topics && asked->topics->empty())) co_return out;
  Wanted wanted;
  std::vector<Topic> unknown;
  std::vector<Topic> hidden;
  if (asked->topics) {
    wanted = topics_asked(*node, *request, *asked, unknown, hidden);
  } else {
    Result<Wanted> found = co_await initialized_topics(node, asked->group_id.str());
    if (!found.ok()) {
      out.error_code = to_wire(found.error().code);
      out.error_message = wire::Text::copy_of(found.error().detail);
      co_return out;
    }
    wanted = std::move(found).value();
    drop_hidden(*node, *request, wanted);
  }
  if (!is_sound(wanted, *asked)) {
    out.error_code = to_wire(ErrorCode::kUnknownServerError);
    out.error_message = "The server experienced an unexpected error when processing the request.";
    co_return out;
  }
  co_await describe_topics(node, asked, &wanted);
  for (std::vector<Topic>* some : {&wanted, &unknown, &hidden})
    std::move(some->begin(), some->end(), std::back_inserter(out.topics));
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
