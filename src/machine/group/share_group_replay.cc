// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>

#include "machine/group/classic_group.h"
#include "machine/group/group_records.h"
#include "machine/group/record_framing.h"
#include "machine/group/record_kinds.h"
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

using Value = std::optional<ByteView>;

/// Null: there is none, and none is to be made, or one of another kind is in the way.
ShareGroup* group_of(ReplayTarget target, std::string_view id, bool make, bool& refused) {
  Group* group = target.groups.find(id);
  if (group != nullptr && group->type() == GroupType::kShare)
    return static_cast<ShareGroup*>(group);
  const bool gives_way = group == nullptr || (group->type() == GroupType::kClassic &&
                                              static_cast<ClassicGroup*>(group)->is_simple());
  refused = !gives_way && make;
  if (!make || !gives_way) return nullptr;
  return static_cast<ShareGroup*>(
      &target.groups.add(std::make_unique<ShareGroup>(std::string(id), target.subscribers)));
}

/// `apply(group, key, value)` for a value, `erase(group, key)` for a tombstone.
template <class K, class V, class Apply, class Erase>
Replayed replay_for(ReplayTarget target, ByteView key_bytes, Value value, Apply apply,
                    Erase erase) {
  const auto key = parse_key<K>(key_bytes);
  if (!key || key->group_id.size() > kStringBytesMax) return Replayed::kDamaged;
  std::optional<V> message;
  if (value) {
    message = parse_value<V>(*value);
    if (!message) return Replayed::kDamaged;
  }
  bool refused = false;
  ShareGroup* group = group_of(target, key->group_id.view(), value.has_value(), refused);
  if (refused) return Replayed::kDamaged;
  if (group == nullptr) return Replayed::kApplied;
  if (message) {
    apply(*group, *key, *message);
  } else {
    erase(*group, *key);
  }
  return Replayed::kApplied;
}

template <class From>
assignor::Assignment assignment_of(const From& from) {
  assignor::Assignment out;
  for (const auto& topic : from) {
    assignor::PartitionIds& partitions = out[topic.topic_id];
    for (const std::int32_t index : topic.partitions)
      if (index >= 0) partitions.emplace_back(index);
    std::sort(partitions.begin(), partitions.end());
    partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
    if (partitions.empty()) out.erase(topic.topic_id);
  }
  return out;
}

template <class From>
ShareTopics topics_of(const From& from, const ShareTopics& before) {
  ShareTopics out;
  for (const auto& topic : from) {
    ShareTopic& one = out[topic.topic_id];
    one.name = topic.topic_name.str();
    for (const std::int32_t index : topic.partitions)
      if (index >= 0) one.partitions.emplace(index);
    const auto at = before.find(topic.topic_id);
    if (at != before.end()) one.since = at->second.since;
  }
  return out;
}

void apply_member(ShareGroup& group, const wire::ShareGroupMemberMetadataKey& key,
                  const wire::ShareGroupMemberMetadataValue& value) {
  const ShareGroupMember* before = group.member(key.member_id.view());
  ShareGroupMember member;
  if (before != nullptr) member = *before;
  member.id = key.member_id.str();
  member.rack_id.reset();
  if (!value.rack_id.is_null()) member.rack_id = value.rack_id.str();
  member.client_id = value.client_id.str();
  member.client_host = value.client_host.str();
  member.topics.clear();
  for (const wire::Text& topic : value.subscribed_topic_names) member.topics.push_back(topic.str());
  std::sort(member.topics.begin(), member.topics.end());
  member.topics.erase(std::unique(member.topics.begin(), member.topics.end()), member.topics.end());
  group.replay_member(std::move(member));
}

void apply_current(ShareGroup& group, const wire::ShareGroupCurrentMemberAssignmentKey& key,
                   const wire::ShareGroupCurrentMemberAssignmentValue& value) {
  const ShareGroupMember* before = group.member(key.member_id.view());
  ShareGroupMember member;
  if (before != nullptr) member = *before;
  member.id = key.member_id.str();
  member.epoch = value.member_epoch;
  member.previous_epoch = value.previous_member_epoch;
  member.state = value.state;
  member.assigned = assignment_of(value.assigned_partitions);
  group.replay_member(std::move(member));
}

void erase_current(ShareGroup& group, const wire::ShareGroupCurrentMemberAssignmentKey& key) {
  const ShareGroupMember* before = group.member(key.member_id.view());
  if (before == nullptr) return;
  ShareGroupMember member = *before;
  member.epoch = -1;
  member.previous_epoch = -1;
  member.assigned.clear();
  group.replay_member(std::move(member));
}

void apply_topics(ShareGroup& group, const wire::ShareGroupStatePartitionMetadataKey&,
                  const wire::ShareGroupStatePartitionMetadataValue& value) {
  ShareTopicStates topics;
  topics.initializing = topics_of(value.initializing_topics, group.topics().initializing);
  topics.initialized = topics_of(value.initialized_topics, group.topics().initialized);
  for (const auto& topic : value.deleting_topics)
    topics.deleting[topic.topic_id] = topic.topic_name.str();
  group.replay_topics(std::move(topics));
}

}  // namespace

Replayed replay_share_record(ReplayTarget target, std::int16_t type, ByteView key,
                             std::optional<ByteView> value) {
  using namespace wire;
  switch (type) {
    case ShareGroupMemberMetadataKey::kRecordType:
      return replay_for<ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue>(
          target, key, value, apply_member,
          [](ShareGroup& group, const auto& k) { group.remove_member(k.member_id.view()); });
    case ShareGroupMetadataKey::kRecordType:
      return replay_for<ShareGroupMetadataKey, ShareGroupMetadataValue>(
          target, key, value,
          [](ShareGroup& group, const auto&, const auto& v) {
            group.replay_epoch(v.epoch, v.metadata_hash);
          },
          [&](ShareGroup& group, const auto&) {
            const std::string id = group.id();
            target.groups.remove(id);
          });
    case ShareGroupTargetAssignmentMetadataKey::kRecordType:
      return replay_for<ShareGroupTargetAssignmentMetadataKey,
                        ShareGroupTargetAssignmentMetadataValue>(
          target, key, value,
          [](ShareGroup& group, const auto&, const auto& v) {
            group.replay_target_metadata(v.assignment_epoch, Timestamp(v.assignment_timestamp));
          },
          [](ShareGroup& group, const auto&) { group.replay_target_metadata(-1, Timestamp(0)); });
    case ShareGroupTargetAssignmentMemberKey::kRecordType:
      return replay_for<ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue>(
          target, key, value,
          [](ShareGroup& group, const auto& k, const auto& v) {
            group.replay_target(k.member_id.view(), assignment_of(v.topic_partitions));
          },
          [](ShareGroup& group, const auto& k) { group.remove_target(k.member_id.view()); });
    case ShareGroupCurrentMemberAssignmentKey::kRecordType:
      return replay_for<ShareGroupCurrentMemberAssignmentKey,
                        ShareGroupCurrentMemberAssignmentValue>(target, key, value, apply_current,
                                                                erase_current);
    case ShareGroupStatePartitionMetadataKey::kRecordType:
      return replay_for<ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue>(
          target, key, value, apply_topics,
          [](ShareGroup& group, const auto&) { group.remove_topics(); });
    default:
      return Replayed::kNotMine;
  }
}

}  // namespace moldau::group
