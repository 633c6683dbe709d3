// SPDX-License-Identifier: Apache-2.0
#include "machine/group/streams_records.h"

#include <optional>
#include <vector>

#include "machine/group/record_framing.h"
#include "wire/streams_group_current_member_assignment_key.h"
#include "wire/streams_group_current_member_assignment_value.h"
#include "wire/streams_group_member_metadata_key.h"
#include "wire/streams_group_member_metadata_value.h"
#include "wire/streams_group_metadata_key.h"
#include "wire/streams_group_metadata_value.h"
#include "wire/streams_group_target_assignment_member_key.h"
#include "wire/streams_group_target_assignment_member_value.h"
#include "wire/streams_group_target_assignment_metadata_key.h"
#include "wire/streams_group_target_assignment_metadata_value.h"
#include "wire/streams_group_topology_key.h"

namespace moldau::group {
namespace {

using CurrentTasks = wire::StreamsGroupCurrentMemberAssignmentValue::TaskIds;
using TargetTasks = wire::StreamsGroupTargetAssignmentMemberValue::TaskIds;

template <class Key>
Key group_key(std::string_view group_id) {
  Key key;
  key.group_id = group_id;
  return key;
}

template <class Key>
Key member_key(std::string_view group_id, std::string_view member_id) {
  Key key;
  key.group_id = group_id;
  key.member_id = member_id;
  return key;
}

wire::Text nullable(const std::optional<std::string>& text) {
  return text ? wire::Text(std::string_view(*text)) : wire::Text::null();
}

template <class TaskIds>
std::vector<TaskIds> task_ids(const StreamsTasks& tasks) {
  std::vector<TaskIds> out;
  for (const auto& [subtopology, partitions] : tasks) {
    TaskIds& to = out.emplace_back();
    to.subtopology_id = std::string_view(subtopology);
    to.partitions.assign(partitions.begin(), partitions.end());
  }
  return out;
}

std::vector<CurrentTasks> task_ids(const StreamsTasksWithEpochs& tasks) {
  std::vector<CurrentTasks> out;
  for (const auto& [subtopology, partitions] : tasks) {
    CurrentTasks& to = out.emplace_back();
    to.subtopology_id = std::string_view(subtopology);
    auto& epochs = to.assignment_epochs.emplace();
    for (const auto& [partition, since] : partitions) {
      to.partitions.push_back(partition);
      epochs.push_back(since);
    }
  }
  return out;
}

}  // namespace

record::KeyedRecord streams_member_record(std::string_view group_id, const StreamsMember& member) {
  wire::StreamsGroupMemberMetadataValue value;
  value.instance_id = nullable(member.instance_id);
  value.rack_id = nullable(member.rack_id);
  value.client_id = std::string_view(member.client_id);
  value.client_host = std::string_view(member.client_host);
  value.rebalance_timeout_ms = member.rebalance_timeout_ms;
  value.topology_epoch = member.topology_epoch;
  value.process_id = std::string_view(member.process_id);
  if (member.user_endpoint) {
    auto& endpoint = value.user_endpoint.emplace();
    endpoint.host = std::string_view(member.user_endpoint->host);
    endpoint.port = member.user_endpoint->port;
  }
  for (const auto& [tag, text] : member.client_tags) {
    auto& to = value.client_tags.emplace_back();
    to.key = std::string_view(tag);
    to.value = std::string_view(text);
  }
  return record_of(member_key<wire::StreamsGroupMemberMetadataKey>(group_id, member.id), value);
}

record::KeyedRecord streams_member_tombstone(std::string_view group_id,
                                             std::string_view member_id) {
  return tombstone_of(member_key<wire::StreamsGroupMemberMetadataKey>(group_id, member_id));
}

record::KeyedRecord streams_metadata_record(
    std::string_view group_id, std::int32_t epoch, std::int64_t metadata_hash,
    std::int32_t validated_topology_epoch,
    const std::map<std::string, std::string, std::less<>>& assignment_configs) {
  wire::StreamsGroupMetadataValue value;
  value.epoch = epoch;
  value.metadata_hash = metadata_hash;
  value.validated_topology_epoch = validated_topology_epoch;
  auto& configs = value.last_assignment_configs.emplace();
  for (const auto& [config, text] : assignment_configs) {
    auto& to = configs.emplace_back();
    to.key = std::string_view(config);
    to.value = std::string_view(text);
  }
  return record_of(group_key<wire::StreamsGroupMetadataKey>(group_id), value);
}

record::KeyedRecord streams_metadata_tombstone(std::string_view group_id) {
  return tombstone_of(group_key<wire::StreamsGroupMetadataKey>(group_id));
}

record::KeyedRecord streams_topology_record(std::string_view group_id,
                                            const wire::StreamsGroupTopologyValue& topology) {
  return record_of(group_key<wire::StreamsGroupTopologyKey>(group_id), topology);
}

record::KeyedRecord streams_topology_tombstone(std::string_view group_id) {
  return tombstone_of(group_key<wire::StreamsGroupTopologyKey>(group_id));
}

record::KeyedRecord streams_target_record(std::string_view group_id, std::string_view member_id,
                                          const StreamsTarget& target) {
  wire::StreamsGroupTargetAssignmentMemberValue value;
  value.active_tasks = task_ids<TargetTasks>(target.active);
  value.standby_tasks = task_ids<TargetTasks>(target.standby);
  value.warmup_tasks = task_ids<TargetTasks>(target.warmup);
  return record_of(member_key<wire::StreamsGroupTargetAssignmentMemberKey>(group_id, member_id),
                   value);
}

record::KeyedRecord streams_target_tombstone(std::string_view group_id,
                                             std::string_view member_id) {
  return tombstone_of(member_key<wire::StreamsGroupTargetAssignmentMemberKey>(group_id, member_id));
}

record::KeyedRecord streams_target_metadata_record(std::string_view group_id, std::int32_t epoch,
                                                   Timestamp timestamp) {
  wire::StreamsGroupTargetAssignmentMetadataValue value;
  value.assignment_epoch = epoch;
  value.assignment_timestamp = timestamp.value();
  return record_of(group_key<wire::StreamsGroupTargetAssignmentMetadataKey>(group_id), value);
}

record::KeyedRecord streams_target_metadata_tombstone(std::string_view group_id) {
  return tombstone_of(group_key<wire::StreamsGroupTargetAssignmentMetadataKey>(group_id));
}

record::KeyedRecord streams_current_assignment_record(std::string_view group_id,
                                                      const StreamsMember& member) {
  wire::StreamsGroupCurrentMemberAssignmentValue value;
  value.member_epoch = member.epoch;
  value.previous_member_epoch = member.previous_epoch;
  value.state = static_cast<std::int8_t>(member.state);
  value.active_tasks = task_ids(member.assigned.active);
  value.standby_tasks = task_ids<CurrentTasks>(member.assigned.standby);
  value.warmup_tasks = task_ids<CurrentTasks>(member.assigned.warmup);
  value.active_tasks_pending_revocation = task_ids(member.pending_revocation.active);
  value.standby_tasks_pending_revocation =
      task_ids<CurrentTasks>(member.pending_revocation.standby);
  value.warmup_tasks_pending_revocation = task_ids<CurrentTasks>(member.pending_revocation.warmup);
  return record_of(member_key<wire::StreamsGroupCurrentMemberAssignmentKey>(group_id, member.id),
                   value);
}

record::KeyedRecord streams_current_assignment_tombstone(std::string_view group_id,
                                                         std::string_view member_id) {
  return tombstone_of(
      member_key<wire::StreamsGroupCurrentMemberAssignmentKey>(group_id, member_id));
}

}  // namespace moldau::group
