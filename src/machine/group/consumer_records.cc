// SPDX-License-Identifier: Apache-2.0
#include "machine/group/consumer_records.h"

#include <utility>
#include <vector>

#include "machine/assignor/java_order.h"
#include "machine/group/record_framing.h"
#include "wire/consumer_group_current_member_assignment_key.h"
#include "wire/consumer_group_current_member_assignment_value.h"
#include "wire/consumer_group_member_metadata_key.h"
#include "wire/consumer_group_member_metadata_value.h"
#include "wire/consumer_group_metadata_key.h"
#include "wire/consumer_group_metadata_value.h"
#include "wire/consumer_group_partition_metadata_key.h"
#include "wire/consumer_group_regular_expression_key.h"
#include "wire/consumer_group_regular_expression_value.h"
#include "wire/consumer_group_target_assignment_member_key.h"
#include "wire/consumer_group_target_assignment_member_value.h"
#include "wire/consumer_group_target_assignment_metadata_key.h"
#include "wire/consumer_group_target_assignment_metadata_value.h"

namespace moldau::group {
namespace {

template <class Key>
Key key_of(std::string_view group_id, std::string_view member_id) {
  Key key;
  key.group_id = group_id;
  key.member_id = member_id;
  return key;
}

template <class Key>
Key key_of(std::string_view group_id) {
  Key key;
  key.group_id = group_id;
  return key;
}

wire::Text nullable(const std::optional<std::string>& text) {
  return text ? wire::Text(std::string_view(*text)) : wire::Text::null();
}

/// Apache's records show topics and partitions as its hash maps do.
template <class Map>
std::vector<typename Map::key_type> shown_keys(const Map& map) {
  std::vector<typename Map::key_type> out;
  out.reserve(map.size());
  for (const auto& [key, value] : map) out.push_back(key);
  assignor::in_java_order(out, assignor::grown_capacity(out.size()));
  return out;
}

using CurrentTopics = std::vector<wire::ConsumerGroupCurrentMemberAssignmentValue::TopicPartitions>;

CurrentTopics topics_of(const EpochAssignment& assignment) {
  CurrentTopics out;
  out.reserve(assignment.size());
  for (const TopicId& topic : shown_keys(assignment)) {
    const auto& partitions = assignment.find(topic)->second;
    auto& to = out.emplace_back();
    to.topic_id = topic;
    to.assignment_epochs.emplace();
    for (const PartitionId partition : shown_keys(partitions)) {
      to.partitions.push_back(partition.value());
      to.assignment_epochs->push_back(partitions.find(partition)->second);
    }
  }
  return out;
}

}  // namespace

record::KeyedRecord consumer_member_record(std::string_view group_id,
                                           const ConsumerMember& member) {
  wire::ConsumerGroupMemberMetadataValue value;
  value.instance_id = nullable(member.instance_id);
  value.rack_id = nullable(member.rack_id);
  value.client_id = std::string_view(member.client_id);
  value.client_host = std::string_view(member.client_host);
  for (const std::string& topic : member.topics) {
    value.subscribed_topic_names.emplace_back(std::string_view(topic));
  }
  value.subscribed_topic_regex = nullable(member.regex);
  value.rebalance_timeout_ms = member.rebalance_timeout_ms;
  value.server_assignor = nullable(member.assignor);
  value.classic_member_metadata.reset();
  if (member.classic) {
    auto& to = value.classic_member_metadata.emplace();
    to.session_timeout_ms = static_cast<std::int32_t>(member.classic->session_timeout.value());
    for (const MemberProtocol& protocol : member.classic->protocols) {
      auto& one = to.supported_protocols.emplace_back();
      one.name = std::string_view(protocol.name);
      one.metadata = ByteView(protocol.metadata);
    }
  }
  return record_of(key_of<wire::ConsumerGroupMemberMetadataKey>(group_id, member.id), value);
}

record::KeyedRecord consumer_member_tombstone(std::string_view group_id,
                                              std::string_view member_id) {
  return tombstone_of(key_of<wire::ConsumerGroupMemberMetadataKey>(group_id, member_id));
}

record::KeyedRecord consumer_epoch_record(std::string_view group_id, std::int32_t epoch,
                                          std::int64_t metadata_hash) {
  wire::ConsumerGroupMetadataValue value;
  value.epoch = epoch;
  value.metadata_hash = metadata_hash;
  return record_of(key_of<wire::ConsumerGroupMetadataKey>(group_id), value);
}

record::KeyedRecord consumer_epoch_tombstone(std::string_view group_id) {
  return tombstone_of(key_of<wire::ConsumerGroupMetadataKey>(group_id));
}

record::KeyedRecord consumer_partition_metadata_tombstone(std::string_view group_id) {
  return tombstone_of(key_of<wire::ConsumerGroupPartitionMetadataKey>(group_id));
}

record::KeyedRecord consumer_target_record(std::string_view group_id, std::string_view member_id,
                                           const assignor::Assignment& target) {
  wire::ConsumerGroupTargetAssignmentMemberValue value;
  for (const TopicId& topic : shown_keys(target)) {
    auto& to = value.topic_partitions.emplace_back();
    to.topic_id = topic;
    for (const PartitionId partition : target.find(topic)->second) {
      to.partitions.push_back(partition.value());
    }
  }
  return record_of(key_of<wire::ConsumerGroupTargetAssignmentMemberKey>(group_id, member_id),
                   value);
}

record::KeyedRecord consumer_target_tombstone(std::string_view group_id,
                                              std::string_view member_id) {
  return tombstone_of(key_of<wire::ConsumerGroupTargetAssignmentMemberKey>(group_id, member_id));
}

record::KeyedRecord consumer_target_metadata_record(std::string_view group_id, std::int32_t epoch,
                                                    Timestamp timestamp) {
  wire::ConsumerGroupTargetAssignmentMetadataValue value;
  value.assignment_epoch = epoch;
  value.assignment_timestamp = timestamp.value();
  return record_of(key_of<wire::ConsumerGroupTargetAssignmentMetadataKey>(group_id), value);
}

record::KeyedRecord consumer_target_metadata_tombstone(std::string_view group_id) {
  return tombstone_of(key_of<wire::ConsumerGroupTargetAssignmentMetadataKey>(group_id));
}

record::KeyedRecord consumer_current_record(std::string_view group_id,
                                            const ConsumerMember& member) {
  wire::ConsumerGroupCurrentMemberAssignmentValue value;
  value.member_epoch = member.epoch;
  value.previous_member_epoch = member.previous_epoch;
  value.state = static_cast<std::int8_t>(member.state);
  value.assigned_partitions = topics_of(member.assigned);
  value.partitions_pending_revocation = topics_of(member.revoking);
  return record_of(key_of<wire::ConsumerGroupCurrentMemberAssignmentKey>(group_id, member.id),
                   value);
}

record::KeyedRecord consumer_current_tombstone(std::string_view group_id,
                                               std::string_view member_id) {
  return tombstone_of(key_of<wire::ConsumerGroupCurrentMemberAssignmentKey>(group_id, member_id));
}

record::KeyedRecord consumer_regex_record(std::string_view group_id, std::string_view regex,
                                          const ResolvedRegex& resolved) {
  wire::ConsumerGroupRegularExpressionKey key;
  key.group_id = group_id;
  key.regular_expression = regex;
  wire::ConsumerGroupRegularExpressionValue value;
  for (const std::string& topic : resolved.topics) {
    value.topics.emplace_back(std::string_view(topic));
  }
  value.version = resolved.version;
  value.timestamp = resolved.timestamp.value();
  return record_of(key, value);
}

record::KeyedRecord consumer_regex_tombstone(std::string_view group_id, std::string_view regex) {
  wire::ConsumerGroupRegularExpressionKey key;
  key.group_id = group_id;
  key.regular_expression = regex;
  return tombstone_of(key);
}

}  // namespace moldau::group
