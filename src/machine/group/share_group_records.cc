// SPDX-License-Identifier: Apache-2.0
// Records of share groups in the versions that Apache Kafka 4.3 writes.
#include "machine/group/record_framing.h"
#include "machine/group/share_group.h"
#include "wire/share_group_current_member_assignment_key.h"
#include "wire/share_group_current_member_assignment_value.h"
#include "wire/share_group_member_metadata_key.h"
#include "wire/share_group_member_metadata_value.h"
#include "wire/share_group_metadata_key.h"
#include "wire/share_group_metadata_value.h"
#include "wire/share_group_state_partition_metadata_key.h"
#include "wire/share_group_state_partition_metadata_value.h"
#include "wire/share_group_target_assignment_member_key.h"
#include "wire/share_group_target_assignment_member_value.h"
#include "wire/share_group_target_assignment_metadata_key.h"
#include "wire/share_group_target_assignment_metadata_value.h"

namespace moldau::group {
namespace {

template <class K>
K member_key(std::string_view group_id, std::string_view member_id) {
  K key;
  key.group_id = group_id;
  key.member_id = member_id;
  return key;
}

template <class K>
K group_key(std::string_view group_id) {
  K key;
  key.group_id = group_id;
  return key;
}

template <class To>
void add_assignment(const assignor::Assignment& from, To& to) {
  for (const auto& [topic, partitions] : from) {
    auto& one = to.emplace_back();
    one.topic_id = topic;
    for (const PartitionId partition : partitions) one.partitions.push_back(partition.value());
  }
}

template <class To>
void add_topics(const ShareTopics& from, To& to) {
  for (const auto& [id, topic] : from) {
    auto& one = to.emplace_back();
    one.topic_id = id;
    one.topic_name = std::string_view(topic.name);
    for (const PartitionId partition : topic.partitions)
      one.partitions.push_back(partition.value());
  }
}

}  // namespace

record::KeyedRecord share_member_record(std::string_view group_id, const ShareGroupMember& member) {
  wire::ShareGroupMemberMetadataValue value;
  value.rack_id =
      member.rack_id ? wire::Text(std::string_view(*member.rack_id)) : wire::Text::null();
  value.client_id = std::string_view(member.client_id);
  value.client_host = std::string_view(member.client_host);
  for (const std::string& topic : member.topics)
    value.subscribed_topic_names.emplace_back(std::string_view(topic));
  return record_of(member_key<wire::ShareGroupMemberMetadataKey>(group_id, member.id), value);
}
record::KeyedRecord share_member_tombstone(std::string_view group_id, std::string_view member_id) {
  return tombstone_of(member_key<wire::ShareGroupMemberMetadataKey>(group_id, member_id));
}

record::KeyedRecord share_epoch_record(std::string_view group_id, std::int32_t epoch,
                                       std::int64_t metadata_hash) {
  wire::ShareGroupMetadataValue value;
  value.epoch = epoch;
  value.metadata_hash = metadata_hash;
  return record_of(group_key<wire::ShareGroupMetadataKey>(group_id), value);
}
record::KeyedRecord share_epoch_tombstone(std::string_view group_id) {
  return tombstone_of(group_key<wire::ShareGroupMetadataKey>(group_id));
}

record::KeyedRecord share_target_record(std::string_view group_id, std::string_view member_id,
                                        const assignor::Assignment& target) {
  wire::ShareGroupTargetAssignmentMemberValue value;
  add_assignment(target, value.topic_partitions);
  return record_of(member_key<wire::ShareGroupTargetAssignmentMemberKey>(group_id, member_id),
                   value);
}
record::KeyedRecord share_target_tombstone(std::string_view group_id, std::string_view member_id) {
  return tombstone_of(member_key<wire::ShareGroupTargetAssignmentMemberKey>(group_id, member_id));
}

record::KeyedRecord share_target_epoch_record(std::string_view group_id, std::int32_t epoch,
                                              Timestamp timestamp) {
  wire::ShareGroupTargetAssignmentMetadataValue value;
  value.assignment_epoch = epoch;
  value.assignment_timestamp = timestamp.value();
  return record_of(group_key<wire::ShareGroupTargetAssignmentMetadataKey>(group_id), value);
}
record::KeyedRecord share_target_epoch_tombstone(std::string_view group_id) {
  return tombstone_of(group_key<wire::ShareGroupTargetAssignmentMetadataKey>(group_id));
}

record::KeyedRecord share_current_record(std::string_view group_id,
                                         const ShareGroupMember& member) {
  wire::ShareGroupCurrentMemberAssignmentValue value;
  value.member_epoch = member.epoch;
  value.previous_member_epoch = member.previous_epoch;
  value.state = member.state;
  add_assignment(member.assigned, value.assigned_partitions);
  return record_of(member_key<wire::ShareGroupCurrentMemberAssignmentKey>(group_id, member.id),
                   value);
}
record::KeyedRecord share_current_tombstone(std::string_view group_id, std::string_view member_id) {
  return tombstone_of(member_key<wire::ShareGroupCurrentMemberAssignmentKey>(group_id, member_id));
}

record::KeyedRecord share_topics_record(std::string_view group_id, const ShareTopicStates& topics) {
  wire::ShareGroupStatePartitionMetadataValue value;
  add_topics(topics.initializing, value.initializing_topics);
  add_topics(topics.initialized, value.initialized_topics);
  for (const auto& [id, name] : topics.deleting) {
    auto& one = value.deleting_topics.emplace_back();
    one.topic_id = id;
    one.topic_name = std::string_view(name);
  }
  return record_of(group_key<wire::ShareGroupStatePartitionMetadataKey>(group_id), value);
}
record::KeyedRecord share_topics_tombstone(std::string_view group_id) {
  return tombstone_of(group_key<wire::ShareGroupStatePartitionMetadataKey>(group_id));
}

}  // namespace moldau::group
