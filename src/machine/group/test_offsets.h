// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "machine/group/test_group_fixture.h"

namespace moldau::group {

/// An OffsetCommit request to be, for one partition.
struct Commit {
  std::string group = "g";
  std::string topic = "orders";
  TopicId topic_id;
  std::int32_t partition = 0;
  std::int64_t offset = 5;
  std::string metadata;
  std::int32_t generation = -1;
  std::string member;
  std::optional<std::string> instance;
  std::int64_t retention_ms = -1;
  std::int16_t version = 9;
};

inline ErrorCode commit(TestCoordinator& coordinator, const Commit& c) {
  wire::OffsetCommitRequest request;
  request.group_id = c.group;
  request.generation_id_or_member_epoch = c.generation;
  request.member_id = c.member;
  if (c.instance) request.group_instance_id = *c.instance;
  request.retention_time_ms = c.retention_ms;
  auto& topic = request.topics.emplace_back();
  topic.name = c.topic;
  topic.topic_id = c.topic_id;
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = c.partition;
  partition.committed_offset = c.offset;
  partition.committed_metadata = c.metadata;
  const AnswerId id = coordinator.take(coordinator.machine.commit_offsets(
      coordinator.context(), coordinator.caller(c.version), request));
  const auto& response = coordinator.get<wire::OffsetCommitResponse>(id);
  EXPECT_EQ(response.topics.at(0).name, c.topic);
  EXPECT_EQ(response.topics.at(0).topic_id, c.topic_id);
  return static_cast<ErrorCode>(response.topics.at(0).partitions.at(0).error_code);
}

inline ErrorCode commit_in_transaction(TestCoordinator& coordinator, std::int64_t producer,
                                       const Commit& c) {
  wire::TxnOffsetCommitRequest request;
  request.transactional_id = "t";
  request.producer_id = producer;
  request.producer_epoch = 3;
  request.group_id = c.group;
  request.generation_id = c.generation;
  request.member_id = c.member;
  if (c.instance) request.group_instance_id = *c.instance;
  auto& topic = request.topics.emplace_back();
  topic.name = c.topic;
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = c.partition;
  partition.committed_offset = c.offset;
  partition.committed_metadata = c.metadata;
  const AnswerId id = coordinator.take(coordinator.machine.commit_transactional_offsets(
      coordinator.context(), coordinator.caller(5), request));
  const auto& response = coordinator.get<wire::TxnOffsetCommitResponse>(id);
  return static_cast<ErrorCode>(response.topics.at(0).partitions.at(0).error_code);
}

/// The answer for one partition.
inline wire::OffsetFetchResponse::OffsetFetchResponsePartitions fetch(
    const TestCoordinator& coordinator, std::string_view topic = "orders",
    std::int32_t partition = 0, bool require_stable = false, std::string_view group = "g",
    TopicId topic_id = {}) {
  wire::OffsetFetchRequest::OffsetFetchRequestGroup request;
  request.group_id = group;
  auto& asked = request.topics.emplace().emplace_back();
  asked.name = topic;
  asked.topic_id = topic_id;
  asked.partition_indexes = {partition};
  const auto response =
      coordinator.machine.fetch_offsets(request, require_stable, coordinator.image);
  EXPECT_EQ(response.group_id, group);
  return response.topics.at(0).partitions.at(0);
}

inline wire::OffsetFetchResponse::OffsetFetchResponseGroup fetch_all(
    const GroupMachine& machine, const image::MetadataImage& image, std::string_view group = "g",
    bool require_stable = false) {
  wire::OffsetFetchRequest::OffsetFetchRequestGroup request;
  request.group_id = group;
  request.topics.reset();
  return machine.fetch_offsets(request, require_stable, image);
}

inline wire::OffsetDeleteResponse delete_offset(TestCoordinator& coordinator,
                                                std::string_view group, std::string_view topic) {
  wire::OffsetDeleteRequest request;
  request.group_id = group;
  auto& to = request.topics.emplace_back();
  to.name = topic;
  to.partitions.emplace_back().partition_index = 0;
  const AnswerId id = coordinator.take(
      coordinator.machine.delete_offsets(coordinator.context(), coordinator.caller(0), request));
  return coordinator.get<wire::OffsetDeleteResponse>(id);
}

inline ErrorCode delete_group(TestCoordinator& coordinator, std::string_view group = "g") {
  const AnswerId id = coordinator.take(
      coordinator.machine.delete_group(coordinator.context(), coordinator.caller(2), group));
  const auto& result = coordinator.get<wire::DeleteGroupsResponse::DeletableGroupResult>(id);
  EXPECT_EQ(result.group_id, group);
  return static_cast<ErrorCode>(result.error_code);
}

}  // namespace moldau::group
