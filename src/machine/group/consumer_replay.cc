// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>

#include "machine/group/classic_group.h"
#include "machine/group/consumer_group.h"
#include "machine/group/group_records.h"
#include "machine/group/record_framing.h"
#include "machine/group/record_kinds.h"
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

using Value = std::optional<ByteView>;

bool fits(const wire::Text& text) {
  return text.size() <= kStringBytesMax;
}

/// The group that a record is about: made by a value, null for a tombstone of nothing. `refused`
/// if there is a group of another kind.
ConsumerGroup* group_of(ReplayTarget target, std::string_view id, bool make, bool& refused) {
  Group* group = target.groups.find(id);
  if (group != nullptr && group->type() == GroupType::kConsumer) {
    return static_cast<ConsumerGroup*>(group);
  }
  // Offsets may have come before the group: a simple group gives way.
  const bool gives_way = group == nullptr || (group->type() == GroupType::kClassic &&
                                              static_cast<ClassicGroup*>(group)->is_simple());
  refused = !gives_way && make;
  if (!make || !gives_way) return nullptr;
  return static_cast<ConsumerGroup*>(
      &target.groups.add(std::make_unique<ConsumerGroup>(std::string(id), target.subscribers)));
}

/// `apply(group, value)` for a value, `erase(group)` for a tombstone.
template <class Message, class Apply, class Erase>
Replayed replay_for(ReplayTarget target, std::string_view group_id, Value value, Apply apply,
                    Erase erase) {
  if (group_id.size() > kStringBytesMax) return Replayed::kDamaged;
  std::optional<Message> message;
  if (value) {
    message = parse_value<Message>(*value);
    if (!message) return Replayed::kDamaged;
  }
  bool refused = false;
  ConsumerGroup* group = group_of(target, group_id, value.has_value(), refused);
  if (refused) return Replayed::kDamaged;
  if (group == nullptr) return Replayed::kApplied;
  if (!message) {
    erase(*group);
    return Replayed::kApplied;
  }
  return apply(*group, *message) ? Replayed::kApplied : Replayed::kDamaged;
}

std::optional<std::string> optional_string(const wire::Text& text) {
  if (text.is_null()) return std::nullopt;
  return text.str();
}

std::vector<std::string> sorted_names(const std::vector<wire::Text>& names) {
  std::vector<std::string> out;
  out.reserve(names.size());
  for (const wire::Text& name : names) out.push_back(name.str());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

ConsumerMember member_of(const ConsumerGroup& group, std::string_view id) {
  if (const ConsumerMember* there = group.member(id)) return *there;
  ConsumerMember out;
  out.id = id;
  return out;
}

bool apply_member(ConsumerGroup& group, std::string_view id,
                  const wire::ConsumerGroupMemberMetadataValue& value) {
  ConsumerMember member = member_of(group, id);
  member.instance_id = optional_string(value.instance_id);
  member.rack_id = optional_string(value.rack_id);
  member.client_id = value.client_id.str();
  member.client_host = value.client_host.str();
  member.topics = sorted_names(value.subscribed_topic_names);
  member.regex = optional_string(value.subscribed_topic_regex);
  member.rebalance_timeout_ms = value.rebalance_timeout_ms;
  member.assignor = optional_string(value.server_assignor);
  member.classic.reset();
  if (value.classic_member_metadata) {
    ClassicMemberMetadata& classic = member.classic.emplace();
    classic.session_timeout = Millis(value.classic_member_metadata->session_timeout_ms);
    for (const auto& protocol : value.classic_member_metadata->supported_protocols) {
      const ByteView bytes = protocol.metadata.view();
      classic.protocols.push_back({protocol.name.str(), {bytes.begin(), bytes.end()}});
    }
  }
  group.replay_member(std::move(member));
  return true;
}

/// `epoch` is that of partitions for which the record says none.
template <class Topics>
EpochAssignment epochs_of(const Topics& topics, std::int32_t epoch) {
  EpochAssignment out;
  for (const auto& topic : topics) {
    auto& to = out[topic.topic_id];
    const bool has_epochs =
        topic.assignment_epochs && topic.assignment_epochs->size() == topic.partitions.size();
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      to.insert_or_assign(PartitionId(topic.partitions[i]),
                          has_epochs ? (*topic.assignment_epochs)[i] : std::max(epoch, 0));
    }
    if (to.empty()) out.erase(topic.topic_id);
  }
  return out;
}

bool apply_current(ConsumerGroup& group, std::string_view id,
                   const wire::ConsumerGroupCurrentMemberAssignmentValue& value) {
  ConsumerMember member = member_of(group, id);
  member.epoch = value.member_epoch;
  member.previous_epoch = value.previous_member_epoch;
  const bool known = value.state >= static_cast<std::int8_t>(MemberState::kStable) &&
                     value.state <= static_cast<std::int8_t>(MemberState::kUnreleasedPartitions);
  member.state = known ? static_cast<MemberState>(value.state) : MemberState::kUnknown;
  member.assigned = epochs_of(value.assigned_partitions, value.member_epoch);
  member.revoking = epochs_of(value.partitions_pending_revocation, value.member_epoch);
  group.replay_member(std::move(member));
  return true;
}

/// The member is about to go.
void erase_current(ConsumerGroup& group, std::string_view id) {
  if (group.member(id) == nullptr) return;
  ConsumerMember member = member_of(group, id);
  member.epoch = kLeaveEpoch;
  member.previous_epoch = kLeaveEpoch;
  member.assigned.clear();
  member.revoking.clear();
  group.replay_member(std::move(member));
}

bool apply_target(ConsumerGroup& group, std::string_view id,
                  const wire::ConsumerGroupTargetAssignmentMemberValue& value) {
  assignor::Assignment target;
  for (const auto& topic : value.topic_partitions) {
    assignor::PartitionIds& to = target[topic.topic_id];
    for (const std::int32_t partition : topic.partitions) {
      if (partition < 0) return false;
      to.emplace_back(partition);
    }
    std::sort(to.begin(), to.end());
    to.erase(std::unique(to.begin(), to.end()), to.end());
    if (to.empty()) target.erase(topic.topic_id);
  }
  group.replay_target(id, std::move(target));
  return true;
}

Replayed replay_member(ReplayTarget target, ByteView key, Value value) {
  const auto at = parse_key<wire::ConsumerGroupMemberMetadataKey>(key);
  if (!at || !fits(at->member_id)) return Replayed::kDamaged;
  const std::string_view id = at->member_id.view();
  return replay_for<wire::ConsumerGroupMemberMetadataValue>(
      target, at->group_id.view(), value,
      [id](ConsumerGroup& group, const auto& message) { return apply_member(group, id, message); },
      [id](ConsumerGroup& group) { group.remove_member(id); });
}

Replayed replay_current(ReplayTarget target, ByteView key, Value value) {
  const auto at = parse_key<wire::ConsumerGroupCurrentMemberAssignmentKey>(key);
  if (!at || !fits(at->member_id)) return Replayed::kDamaged;
  const std::string_view id = at->member_id.view();
  return replay_for<wire::ConsumerGroupCurrentMemberAssignmentValue>(
      target, at->group_id.view(), value,
      [id](ConsumerGroup& group, const auto& message) { return apply_current(group, id, message); },
      [id](ConsumerGroup& group) { erase_current(group, id); });
}

Replayed replay_target(ReplayTarget target, ByteView key, Value value) {
  const auto at = parse_key<wire::ConsumerGroupTargetAssignmentMemberKey>(key);
  if (!at || !fits(at->member_id)) return Replayed::kDamaged;
  const std::string_view id = at->member_id.view();
  return replay_for<wire::ConsumerGroupTargetAssignmentMemberValue>(
      target, at->group_id.view(), value,
      [id](ConsumerGroup& group, const auto& message) { return apply_target(group, id, message); },
      [id](ConsumerGroup& group) { group.remove_target(id); });
}

Replayed replay_target_metadata(ReplayTarget target, ByteView key, Value value) {
  const auto at = parse_key<wire::ConsumerGroupTargetAssignmentMetadataKey>(key);
  if (!at) return Replayed::kDamaged;
  return replay_for<wire::ConsumerGroupTargetAssignmentMetadataValue>(
      target, at->group_id.view(), value,
      [](ConsumerGroup& group, const auto& message) {
        group.replay_target_metadata(message.assignment_epoch,
                                     Timestamp(message.assignment_timestamp));
        return true;
      },
      [](ConsumerGroup& group) { group.replay_target_metadata(-1, Timestamp(0)); });
}

Replayed replay_epoch(ReplayTarget target, ByteView key, Value value) {
  const auto at = parse_key<wire::ConsumerGroupMetadataKey>(key);
  if (!at) return Replayed::kDamaged;
  return replay_for<wire::ConsumerGroupMetadataValue>(
      target, at->group_id.view(), value,
      [](ConsumerGroup& group, const auto& message) {
        group.replay_epoch(message.epoch, message.metadata_hash);
        return true;
      },
      [target](ConsumerGroup& group) { target.groups.remove(std::string(group.id())); });
}

Replayed replay_regex(ReplayTarget target, ByteView key, Value value) {
  const auto at = parse_key<wire::ConsumerGroupRegularExpressionKey>(key);
  if (!at || !fits(at->regular_expression)) return Replayed::kDamaged;
  const std::string_view regex = at->regular_expression.view();
  return replay_for<wire::ConsumerGroupRegularExpressionValue>(
      target, at->group_id.view(), value,
      [regex](ConsumerGroup& group, const auto& message) {
        ResolvedRegex resolved;
        resolved.topics = sorted_names(message.topics);
        resolved.version = message.version;
        resolved.timestamp = Timestamp(message.timestamp);
        group.replay_regex(regex, std::move(resolved));
        return true;
      },
      [regex](ConsumerGroup& group) { group.remove_regex(regex); });
}

}  // namespace

Replayed replay_consumer_record(ReplayTarget target, std::int16_t type, ByteView key,
                                std::optional<ByteView> value) {
  switch (type) {
    case wire::ConsumerGroupMetadataKey::kRecordType:
      return replay_epoch(target, key, value);
    case wire::ConsumerGroupPartitionMetadataKey::kRecordType:
      // What Apache Kafka 4.0 kept instead of a hash says nothing to us.
      return Replayed::kApplied;
    case wire::ConsumerGroupMemberMetadataKey::kRecordType:
      return replay_member(target, key, value);
    case wire::ConsumerGroupTargetAssignmentMetadataKey::kRecordType:
      return replay_target_metadata(target, key, value);
    case wire::ConsumerGroupTargetAssignmentMemberKey::kRecordType:
      return replay_target(target, key, value);
    case wire::ConsumerGroupCurrentMemberAssignmentKey::kRecordType:
      return replay_current(target, key, value);
    case wire::ConsumerGroupRegularExpressionKey::kRecordType:
      return replay_regex(target, key, value);
    default:
      return Replayed::kNotMine;
  }
}

}  // namespace moldau::group
