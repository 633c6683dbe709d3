// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "machine/group/group_records.h"
#include "machine/group/record_framing.h"
#include "machine/group/record_kinds.h"
#include "machine/group/streams_group.h"
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

using Value = std::optional<ByteView>;

StreamsGroup* find(GroupTable& groups, std::string_view id) {
  Group* group = groups.find(id);
  if (group == nullptr || group->type() != GroupType::kStreams) return nullptr;
  return static_cast<StreamsGroup*>(group);
}

/// Null if the id is another kind of group's that is more than a holder of offsets.
StreamsGroup* find_or_add(GroupTable& groups, std::string_view id) {
  Group* group = groups.find(id);
  const bool is_simple = group != nullptr && group->type() == GroupType::kClassic &&
                         group->is_empty() && group->protocol_type().empty();
  if (group == nullptr || is_simple) {
    return static_cast<StreamsGroup*>(&groups.add(std::make_unique<StreamsGroup>(std::string(id))));
  }
  return find(groups, id);
}

std::optional<std::string> optional_string(const wire::Text& text) {
  if (text.is_null()) return std::nullopt;
  return text.str();
}

/// Nothing if a subtopology comes twice.
template <class TaskIds>
std::optional<StreamsTasks> tasks_of(const std::vector<TaskIds>& from) {
  StreamsTasks out;
  for (const TaskIds& ids : from) {
    const auto [at, is_new] = out.try_emplace(ids.subtopology_id.str());
    if (!is_new) return std::nullopt;
    at->second.insert(ids.partitions.begin(), ids.partitions.end());
  }
  return out;
}

template <class TaskIds>
std::optional<StreamsTasksWithEpochs> active_tasks_of(const std::vector<TaskIds>& from,
                                                      std::int32_t member_epoch) {
  StreamsTasksWithEpochs out;
  for (const TaskIds& ids : from) {
    const auto [at, is_new] = out.try_emplace(ids.subtopology_id.str());
    if (!is_new) return std::nullopt;
    const bool has_epochs =
        ids.assignment_epochs && ids.assignment_epochs->size() == ids.partitions.size();
    for (std::size_t i = 0; i < ids.partitions.size(); ++i) {
      at->second[ids.partitions[i]] = has_epochs ? (*ids.assignment_epochs)[i] : member_epoch;
    }
  }
  return out;
}

StreamsMemberState state_of(std::int8_t number) {
  switch (number) {
    case 1:
      return StreamsMemberState::kStable;
    case 2:
      return StreamsMemberState::kUnrevokedTasks;
    case 3:
      return StreamsMemberState::kUnreleasedTasks;
    default:
      return StreamsMemberState::kUnknown;
  }
}

StreamsMember member_or_new(const StreamsGroup& group, std::string_view id) {
  const StreamsMember* there = group.member(id);
  if (there != nullptr) return *there;
  StreamsMember out;
  out.id = id;
  return out;
}

Replayed replay_topology(GroupTable& groups, std::string_view group_id, Value value) {
  if (!value) {
    if (StreamsGroup* group = find(groups, group_id)) group->replay_topology(std::nullopt);
    return Replayed::kApplied;
  }
  const auto from = parse_value<wire::StreamsGroupTopologyValue>(*value);
  if (!from) return Replayed::kDamaged;
  auto topology = StreamsTopology::from(*from);
  StreamsGroup* group = topology ? find_or_add(groups, group_id) : nullptr;
  if (group == nullptr) return Replayed::kDamaged;
  group->replay_topology(std::move(topology));
  return Replayed::kApplied;
}

Replayed replay_metadata(GroupTable& groups, std::string_view group_id, Value value) {
  if (!value) {
    const StreamsGroup* group = find(groups, group_id);
    if (group == nullptr) return Replayed::kApplied;
    if (!group->members().empty() || group->assignment_epoch() != -1) return Replayed::kDamaged;
    groups.remove(group_id);
    return Replayed::kApplied;
  }
  const auto from = parse_value<wire::StreamsGroupMetadataValue>(*value);
  if (!from) return Replayed::kDamaged;
  StreamsGroup::Configs configs;
  if (from->last_assignment_configs) {
    for (const auto& config : *from->last_assignment_configs) {
      if (!configs.emplace(config.key.str(), config.value.str()).second) {
        return Replayed::kDamaged;
      }
    }
  }
  StreamsGroup* group = find_or_add(groups, group_id);
  if (group == nullptr) return Replayed::kDamaged;
  group->replay_epoch(from->epoch, from->metadata_hash, from->validated_topology_epoch,
                      std::move(configs));
  return Replayed::kApplied;
}

Replayed replay_target_metadata(GroupTable& groups, std::string_view group_id, Value value) {
  if (!value) {
    StreamsGroup* group = find(groups, group_id);
    if (group == nullptr) return Replayed::kApplied;
    if (!group->targets().empty()) return Replayed::kDamaged;
    group->replay_target_metadata(-1, Timestamp(0));
    return Replayed::kApplied;
  }
  const auto from = parse_value<wire::StreamsGroupTargetAssignmentMetadataValue>(*value);
  if (!from || from->assignment_epoch < -1 || from->assignment_timestamp < 0) {
    return Replayed::kDamaged;
  }
  StreamsGroup* group = find_or_add(groups, group_id);
  if (group == nullptr) return Replayed::kDamaged;
  group->replay_target_metadata(from->assignment_epoch, Timestamp(from->assignment_timestamp));
  return Replayed::kApplied;
}

Replayed replay_member(GroupTable& groups, std::string_view group_id, std::string_view member_id,
                       Value value) {
  if (!value) {
    StreamsGroup* group = find(groups, group_id);
    const StreamsMember* member = group == nullptr ? nullptr : group->member(member_id);
    if (member == nullptr) return Replayed::kApplied;
    if (member->epoch != -1 || group->targets().contains(member_id)) return Replayed::kDamaged;
    group->remove_member(member_id);
    return Replayed::kApplied;
  }
  const auto from = parse_value<wire::StreamsGroupMemberMetadataValue>(*value);
  if (!from) return Replayed::kDamaged;
  std::map<std::string, std::string, std::less<>> tags;
  for (const auto& tag : from->client_tags) {
    if (!tags.emplace(tag.key.str(), tag.value.str()).second) return Replayed::kDamaged;
  }
  StreamsGroup* group = find_or_add(groups, group_id);
  if (group == nullptr) return Replayed::kDamaged;
  StreamsMember member = member_or_new(*group, member_id);
  member.instance_id = optional_string(from->instance_id);
  member.rack_id = optional_string(from->rack_id);
  member.client_id = from->client_id.str();
  member.client_host = from->client_host.str();
  member.rebalance_timeout_ms = from->rebalance_timeout_ms;
  member.topology_epoch = from->topology_epoch;
  member.process_id = from->process_id.str();
  member.user_endpoint.reset();
  if (from->user_endpoint) {
    auto& endpoint = member.user_endpoint.emplace();
    endpoint.host = from->user_endpoint->host.str();
    endpoint.port = from->user_endpoint->port;
  }
  member.client_tags = std::move(tags);
  group->replay_member(std::move(member));
  return Replayed::kApplied;
}

Replayed replay_target(GroupTable& groups, std::string_view group_id, std::string_view member_id,
                       Value value) {
  if (!value) {
    if (StreamsGroup* group = find(groups, group_id)) group->remove_target(member_id);
    return Replayed::kApplied;
  }
  const auto from = parse_value<wire::StreamsGroupTargetAssignmentMemberValue>(*value);
  if (!from) return Replayed::kDamaged;
  auto active = tasks_of(from->active_tasks);
  auto standby = tasks_of(from->standby_tasks);
  auto warmup = tasks_of(from->warmup_tasks);
  if (!active || !standby || !warmup) return Replayed::kDamaged;
  StreamsGroup* group = find_or_add(groups, group_id);
  if (group == nullptr) return Replayed::kDamaged;
  StreamsTarget target;
  target.active = std::move(*active);
  target.standby = std::move(*standby);
  target.warmup = std::move(*warmup);
  group->replay_target(member_id, std::move(target));
  return Replayed::kApplied;
}

std::optional<StreamsAssignment> assignment_of(
    const std::vector<wire::StreamsGroupCurrentMemberAssignmentValue::TaskIds>& active,
    const std::vector<wire::StreamsGroupCurrentMemberAssignmentValue::TaskIds>& standby,
    const std::vector<wire::StreamsGroupCurrentMemberAssignmentValue::TaskIds>& warmup,
    std::int32_t member_epoch) {
  auto own = active_tasks_of(active, member_epoch);
  auto copies = tasks_of(standby);
  auto coming = tasks_of(warmup);
  if (!own || !copies || !coming) return std::nullopt;
  StreamsAssignment out;
  out.active = std::move(*own);
  out.standby = std::move(*copies);
  out.warmup = std::move(*coming);
  return out;
}

Replayed replay_current(GroupTable& groups, std::string_view group_id, std::string_view member_id,
                        Value value) {
  if (!value) {
    StreamsGroup* group = find(groups, group_id);
    const StreamsMember* there = group == nullptr ? nullptr : group->member(member_id);
    if (there == nullptr) return Replayed::kApplied;
    StreamsMember member = *there;
    member.epoch = -1;
    member.previous_epoch = -1;
    member.assigned = StreamsAssignment();
    member.pending_revocation = StreamsAssignment();
    group->replay_member(std::move(member));
    return Replayed::kApplied;
  }
  const auto from = parse_value<wire::StreamsGroupCurrentMemberAssignmentValue>(*value);
  if (!from) return Replayed::kDamaged;
  auto assigned = assignment_of(from->active_tasks, from->standby_tasks, from->warmup_tasks,
                                from->member_epoch);
  auto pending =
      assignment_of(from->active_tasks_pending_revocation, from->standby_tasks_pending_revocation,
                    from->warmup_tasks_pending_revocation, from->member_epoch);
  StreamsGroup* group = assigned && pending ? find_or_add(groups, group_id) : nullptr;
  if (group == nullptr) return Replayed::kDamaged;
  StreamsMember member = member_or_new(*group, member_id);
  member.epoch = from->member_epoch;
  member.previous_epoch = from->previous_member_epoch;
  member.state = state_of(from->state);
  member.assigned = std::move(*assigned);
  member.pending_revocation = std::move(*pending);
  group->replay_member(std::move(member));
  return Replayed::kApplied;
}

/// `replay` gets the group's id.
template <class Key, class Replay>
Replayed of_group(ByteView bytes, Replay replay) {
  const auto key = parse_key<Key>(bytes);
  if (!key || key->group_id.size() > kStringBytesMax) return Replayed::kDamaged;
  return replay(key->group_id.view());
}

template <class Key, class Replay>
Replayed of_member(ByteView bytes, Replay replay) {
  const auto key = parse_key<Key>(bytes);
  if (!key || key->group_id.size() > kStringBytesMax || key->member_id.size() > kStringBytesMax) {
    return Replayed::kDamaged;
  }
  return replay(key->group_id.view(), key->member_id.view());
}

}  // namespace

Replayed replay_streams_record(ReplayTarget target, std::int16_t type, ByteView key,
                               std::optional<ByteView> value) {
  GroupTable& groups = target.groups;
  const auto with_group = [&](auto replay) {
    return
        [&groups, value, replay](std::string_view group) { return replay(groups, group, value); };
  };
  const auto with_member = [&](auto replay) {
    return [&groups, value, replay](std::string_view group, std::string_view member) {
      return replay(groups, group, member, value);
    };
  };
  switch (type) {
    case wire::StreamsGroupMetadataKey::kRecordType:
      return of_group<wire::StreamsGroupMetadataKey>(key, with_group(replay_metadata));
    case wire::StreamsGroupTopologyKey::kRecordType:
      return of_group<wire::StreamsGroupTopologyKey>(key, with_group(replay_topology));
    case wire::StreamsGroupTargetAssignmentMetadataKey::kRecordType:
      return of_group<wire::StreamsGroupTargetAssignmentMetadataKey>(
          key, with_group(replay_target_metadata));
    case wire::StreamsGroupMemberMetadataKey::kRecordType:
      return of_member<wire::StreamsGroupMemberMetadataKey>(key, with_member(replay_member));
    case wire::StreamsGroupTargetAssignmentMemberKey::kRecordType:
      return of_member<wire::StreamsGroupTargetAssignmentMemberKey>(key,
                                                                    with_member(replay_target));
    case wire::StreamsGroupCurrentMemberAssignmentKey::kRecordType:
      return of_member<wire::StreamsGroupCurrentMemberAssignmentKey>(key,
                                                                     with_member(replay_current));
    default:
      return Replayed::kNotMine;
  }
}

}  // namespace moldau::group
