// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "client/admin/topics.h"
#include "client/ask.h"
#include "wire/describe_topic_partitions_request.h"
#include "wire/describe_topic_partitions_response.h"
#include "wire/metadata_request.h"
#include "wire/metadata_response.h"

namespace moldau::client::admin {
namespace {

std::vector<NodeId> nodes_of(const std::vector<std::int32_t>& ids) {
  std::vector<NodeId> out;
  out.reserve(ids.size());
  for (const std::int32_t id : ids) out.emplace_back(id);
  return out;
}

template <class P>
PartitionDescription partition_of(const P& told) {
  PartitionDescription out;
  out.id = PartitionId(told.partition_index);
  if (told.leader_id >= 0) out.leader = NodeId(told.leader_id);
  out.replicas = nodes_of(told.replica_nodes);
  out.isr = nodes_of(told.isr_nodes);
  return out;
}

template <class T>
TopicDescription topic_of(const T& told) {
  TopicDescription out;
  out.name = told.name.str();
  out.id = told.topic_id;
  out.internal = told.is_internal;
  return out;
}

void sort_partitions(TopicDescription& topic) {
  std::sort(topic.partitions.begin(), topic.partitions.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
}

TopicDescription from_metadata(const wire::MetadataResponse::MetadataResponseTopic& told) {
  TopicDescription out = topic_of(told);
  for (const auto& partition : told.partitions) out.partitions.push_back(partition_of(partition));
  sort_partitions(out);
  return out;
}

using Described = std::map<std::string, Result<TopicDescription>, std::less<>>;

/// Adds what one page tells; a topic's partitions may stand on several.
void take_page(const wire::DescribeTopicPartitionsResponse& page, Described& out) {
  for (const auto& told : page.topics) {
    const std::string name = told.name.str();
    if (told.error_code != 0) {
      out.insert_or_assign(name, told_error(told.error_code));
      continue;
    }
    auto found = out.find(name);
    if (found == out.end()) found = out.emplace(name, topic_of(told)).first;
    if (!found->second.ok()) continue;
    for (const auto& partition : told.partitions) {
      PartitionDescription one = partition_of(partition);
      if (partition.eligible_leader_replicas)
        one.eligible_leader_replicas = nodes_of(*partition.eligible_leader_replicas);
      if (partition.last_known_elr) one.last_known_elr = nodes_of(*partition.last_known_elr);
      found->second->partitions.push_back(std::move(one));
    }
  }
}

bool goes_on(const wire::DescribeTopicPartitionsResponse::Cursor& from,
             const std::optional<wire::DescribeTopicPartitionsRequest::Cursor>& before) {
  if (!before) return true;
  const auto order = from.topic_name.view() <=> before->topic_name.view();
  return order > 0 || (order == 0 && from.partition_index > before->partition_index);
}

env::Task<Result<Described>> describe_by_pages(Cluster& cluster, std::vector<std::string> names,
                                               std::int32_t partitions_max, MonoTime deadline) {
  Described out;
  wire::DescribeTopicPartitionsRequest request;
  for (const std::string& name : names) request.topics.emplace_back().name = name;
  request.response_partition_limit = partitions_max;
  for (;;) {
    wire::DescribeTopicPartitionsRequest page = request;
    auto answer = co_await ask<wire::DescribeTopicPartitionsResponse>(
        cluster, Target::any(), std::move(page), deadline, NoTopError());
    if (!answer.ok()) co_return std::move(answer).error();
    take_page(answer->body, out);
    const auto& next = answer->body.next_cursor;
    if (!next) break;
    if (!goes_on(*next, request.cursor))
      co_return Error(ErrorCode::kInvalidRequest, "the broker's cursor does not move on");
    const std::string from = next->topic_name.str();
    request.topics.clear();
    for (const std::string& name : names)
      if (name >= from) request.topics.emplace_back().name = name;
    request.cursor.emplace();
    request.cursor->topic_name = from;
    request.cursor->partition_index = next->partition_index;
  }
  co_return std::move(out);
}

env::Task<Result<Described>> describe_by_metadata(Cluster& cluster, std::vector<std::string> names,
                                                  MonoTime deadline) {
  wire::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  for (const std::string& name : names) request.topics->emplace_back().name = name;
  auto answer = co_await ask<wire::MetadataResponse>(cluster, Target::any(), std::move(request),
                                                     deadline, TopError());
  if (!answer.ok()) co_return std::move(answer).error();
  if (answer->body.error_code != 0) co_return told_error(answer->body.error_code);
  Described out;
  for (const auto& topic : answer->body.topics) {
    const std::string name = topic.name.str();
    if (topic.error_code == 0)
      out.insert_or_assign(name, from_metadata(topic));
    else
      out.insert_or_assign(name, told_error(topic.error_code));
  }
  co_return std::move(out);
}

}  // namespace

env::Task<Result<TopicsByName>> describe_topics(Cluster& cluster, std::vector<std::string> names,
                                                std::int32_t partitions_max, MonoTime deadline) {
  TopicsByName out;
  if (names.empty()) co_return std::move(out);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::string> wanted = names;
  auto got = co_await describe_by_pages(cluster, std::move(wanted), partitions_max, deadline);
  if (!got.ok() && got.code() == ErrorCode::kUnsupportedVersion) {
    wanted = names;
    auto older = co_await describe_by_metadata(cluster, std::move(wanted), deadline);
    got = std::move(older);
  }
  if (!got.ok()) co_return std::move(got).error();
  for (const std::string& name : names) {
    const auto found = got->find(name);
    if (found == got->end()) {
      out.emplace_back(name, Error(ErrorCode::kUnknownTopicOrPartition, ""));
      continue;
    }
    if (found->second.ok()) sort_partitions(*found->second);
    out.emplace_back(name, std::move(found->second));
  }
  co_return std::move(out);
}

env::Task<Result<TopicsById>> describe_topics_by_id(Cluster& cluster, std::vector<TopicId> ids,
                                                    MonoTime deadline) {
  TopicsById out;
  if (ids.empty()) co_return std::move(out);
  wire::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  for (const TopicId& id : ids) {
    auto& topic = request.topics->emplace_back();
    topic.topic_id = id;
    topic.name = wire::Text::null();
  }
  const VersionRange with_ids = {12, wire::MetadataRequest::kMaxVersion};
  auto answer = co_await ask<wire::MetadataResponse>(cluster, Target::any(), std::move(request),
                                                     deadline, TopError(), with_ids);
  if (!answer.ok()) co_return std::move(answer).error();
  if (answer->body.error_code != 0) co_return told_error(answer->body.error_code);
  for (const TopicId& id : ids) {
    const auto& topics = answer->body.topics;
    const auto found =
        std::find_if(topics.begin(), topics.end(), [&](const auto& t) { return t.topic_id == id; });
    if (found == topics.end())
      out.emplace_back(id, Error(ErrorCode::kUnknownTopicId, ""));
    else if (found->error_code != 0)
      out.emplace_back(id, told_error(found->error_code));
    else
      out.emplace_back(id, from_metadata(*found));
  }
  co_return std::move(out);
}

}  // namespace moldau::client::admin
