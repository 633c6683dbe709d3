// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>

#include "machine/group/consumer_found_group.h"
#include "machine/group/consumer_protocol.h"
#include "machine/group/consumer_records.h"
#include "machine/group/group_conversion.h"
#include "machine/group/group_records.h"

namespace moldau::group {
namespace {

std::vector<std::string> sorted_topics(const wire::ConsumerProtocolSubscription& subscription) {
  std::vector<std::string> out;
  for (const wire::Text& topic : subscription.topics) out.push_back(topic.str());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

/// What the member says it owns, as topic ids.
OwnedPartitions owned_of(const wire::ConsumerProtocolSubscription& subscription,
                         const image::MetadataImage& image) {
  OwnedPartitions::value_type out;
  for (const auto& topic : subscription.owned_partitions) {
    const TopicId* id = image.topic_ids().find(topic.topic.view());
    if (id == nullptr) continue;
    for (const std::int32_t partition : topic.partitions) out[*id].emplace(partition);
  }
  return out;
}

void update_member(ConsumerMember& member, const GroupCaller& caller,
                   const wire::JoinGroupRequest& request, MemberProtocols protocols,
                   const wire::ConsumerProtocolSubscription& subscription) {
  if (!request.group_instance_id.is_null()) member.instance_id = request.group_instance_id.str();
  if (subscription.rack_id.size() > 0) member.rack_id = subscription.rack_id.str();
  if (request.rebalance_timeout_ms != -1) {
    member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  }
  member.topics = sorted_topics(subscription);
  member.regex = std::string();
  member.client_id = caller.client_id;
  member.client_host = caller.client_host;
  ClassicMemberMetadata& classic = member.classic.emplace();
  classic.session_timeout = Millis(request.session_timeout_ms);
  classic.protocols = std::move(protocols);
}

bool differs(const wire::Text& asked, std::string_view has) {
  return !asked.is_null() && asked.view() != has;
}

/// Partitions of its target that others still have.
bool waits_for_others(const ConsumerGroup& group, const ConsumerMember& member) {
  if (member.state != MemberState::kUnreleasedPartitions) return false;
  for (const auto& [topic, partitions] : group.target(member.id)) {
    const auto has = member.assigned.find(topic);
    for (const PartitionId partition : partitions) {
      if (has != member.assigned.end() && has->second.contains(partition)) continue;
      if (group.partition_epoch(topic, partition) != -1) return true;
    }
  }
  return false;
}

/// The classic member of the group that asks; null with the error.
const ConsumerMember* find_asking(const ConsumerGroup& group, std::string_view member_id,
                                  std::optional<std::string_view> instance, ErrorCode& error) {
  const ConsumerMember* member =
      instance ? group.static_member(*instance) : group.member(member_id);
  error = ErrorCode::kNone;
  if (member == nullptr || !member->uses_classic_protocol()) error = ErrorCode::kUnknownMemberId;
  if (member != nullptr && instance && member->id != member_id) {
    error = ErrorCode::kFencedInstanceId;
  }
  return error == ErrorCode::kNone ? member : nullptr;
}

}  // namespace

bool ConsumerProtocol::is_full(const ConsumerGroup& group, std::string_view member_id) const {
  const auto most = static_cast<std::size_t>(settings_.broker->values.group_consumer_max_size);
  return group.members().size() >= most &&
         (member_id.empty() || group.member(member_id) == nullptr);
}

bool ConsumerProtocol::may_downgrade(std::size_t members) const {
  return settings_.may_downgrade() && members <= static_cast<std::size_t>(settings_.group_size_max);
}

// ---- join ----

void ConsumerProtocol::join_classic(Step& step, const GroupCaller& caller,
                                    const wire::JoinGroupRequest& request, ConsumerGroup& group) {
  const ErrorCode invalid = classic_.check_join(caller, request);
  if (invalid != ErrorCode::kNone) {
    return step.answer(caller.answer, join_error(request.member_id.view(), invalid));
  }
  auto response = join_member(step, caller, request, group);
  if (response.ok()) return step.answer(caller.answer, std::move(*response));
  step.answer(caller.answer, join_error(request.member_id.view(), response.error().code));
}

Result<void> ConsumerProtocol::find_classic_member(ConsumerDecision& decision,
                                                   std::string_view member_id,
                                                   const wire::JoinGroupRequest& request) const {
  const ConsumerGroup& group = decision.group();
  if (request.group_instance_id.is_null()) {
    if (const ConsumerMember* known = group.member(member_id)) {
      decision.before = *known;
    } else {
      decision.before.id = member_id;
    }
    return {};
  }
  const ConsumerMember* known = group.static_member(request.group_instance_id.view());
  if (request.member_id.size() > 0) {
    if (known == nullptr) return Error(ErrorCode::kUnknownMemberId, "no such instance");
    if (known->id != member_id) return Error(ErrorCode::kFencedInstanceId, "another member");
    decision.before = *known;
    return {};
  }
  if (known == nullptr) {
    decision.before.id = member_id;
    return {};
  }
  decision.before = *known;
  decision.before.id = member_id;
  decision.before.epoch = kJoinEpoch;
  decision.before.previous_epoch = kJoinEpoch;
  decision.replace_static(*known);
  return {};
}

Result<wire::JoinGroupResponse> ConsumerProtocol::join_member(Step& step, const GroupCaller& caller,
                                                              const wire::JoinGroupRequest& request,
                                                              ConsumerGroup& group) {
  if (settings_.is_migration_disabled()) {
    return Error(ErrorCode::kInconsistentGroupProtocol, "the group migration is disabled");
  }
  const bool is_unknown = request.member_id.size() == 0;
  const std::string member_id = is_unknown ? step.context.fresh_id.text() : request.member_id.str();
  if (is_full(group, member_id)) return Error(ErrorCode::kGroupMaxSizeReached, "the group is full");
  MemberProtocols protocols = protocols_of(request);
  if (!group.supports_classic(request.protocol_type.view(), protocols)) {
    return Error(ErrorCode::kInconsistentGroupProtocol, "no common protocol");
  }
  // KIP-394: whose answer gets lost comes again under the same id, not as another member.
  if (is_unknown && request.group_instance_id.is_null() && caller.version >= 4) {
    return join_error(member_id, ErrorCode::kMemberIdRequired);
  }
  ConsumerDecision decision(step.context, group, settings_, hashes_, new_topics_);
  MOLDAU_TRY(find_classic_member(decision, member_id, request));
  const ConsumerMember* existing = request.group_instance_id.is_null()
                                       ? nullptr
                                       : group.static_member(request.group_instance_id.view());
  const bool is_last = existing != nullptr && !existing->uses_classic_protocol() &&
                       group.classic_member_count() + 1 == group.members().size();
  const bool downgrades = is_last && may_downgrade(group.members().size());
  MOLDAU_ASSIGN_OR_RETURN(const auto subscription, parse_subscription(protocols));
  const OwnedPartitions owned = owned_of(subscription, step.context.image);
  decision.after = decision.before;
  update_member(decision.after, caller, request, std::move(protocols), subscription);
  const bool topics_changed = decision.update_subscription();
  MOLDAU_ASSIGN_OR_RETURN(const RegexChange regex, decision.update_regexes());
  const bool bump = topics_changed || regex != RegexChange::kNone;
  if (bump || decision.has_metadata_expired()) decision.update_metadata(bump);
  const bool rebalance = group.assignment_epoch() < decision.epoch();
  if (!downgrades) MOLDAU_TRY(decision.update_target());
  if (!downgrades || !rebalance) MOLDAU_TRY(decision.bring_to_target(bump, owned));

  wire::JoinGroupResponse response;
  response.member_id = wire::Text::copy_of(decision.after.id);
  response.generation_id = decision.after.epoch;
  response.protocol_type = "consumer";
  response.protocol_name = wire::Text::copy_of(decision.after.classic->protocols.front().name);
  if (downgrades) {
    MOLDAU_TRY(downgrade(step, group, {}, &decision.after, rebalance, std::move(decision.records)));
    return response;
  }
  FoundGroup found;
  found.group = &group;
  MOLDAU_ASSIGN_OR_RETURN(ConsumerGroup * written, write(step, found, decision));
  apply_soft_state(step, caller, *written, decision);
  start_session(step, *written, member_id, Millis(request.session_timeout_ms));
  ConsumerGroup::Timers& timers = written->timers[member_id];
  timers.join.reset();
  timers.sync = step.context.now + Millis(std::max(request.rebalance_timeout_ms, 0));
  groups_.wake_by(*written, *timers.sync);
  return response;
}

Result<void> ConsumerProtocol::downgrade(Step& step, const ConsumerGroup& group,
                                         const std::set<std::string>& leaving,
                                         const ConsumerMember* joining, bool rebalance,
                                         std::vector<record::KeyedRecord> records) {
  MOLDAU_ASSIGN_OR_RETURN(
      const std::unique_ptr<ClassicGroup> made,
      as_classic_group(group, leaving, joining, step.context.image, step.context.wall));
  const ConsumerMember* replaced = joining != nullptr && joining->instance_id
                                       ? group.static_member(*joining->instance_id)
                                       : nullptr;
  if (replaced != nullptr) {
    group.append_tombstones(records, replaced->id, joining->id);
  } else {
    group.append_tombstones(records);
  }
  records.push_back(group_metadata_record(*made, nullptr));
  if (!step.has_room(records)) {
    return Error(ErrorCode::kUnknownServerError, "The records do not fit into a batch.");
  }
  step.write(std::move(records));
  Group* found = groups_.find(made->id());
  MOLDAU_CHECK(found != nullptr && found->type() == GroupType::kClassic,
               "its record makes the classic group " + made->id());
  auto& classic = static_cast<ClassicGroup&>(*found);
  for (auto& [id, member] : classic.members()) {
    // The record holds one protocol of each only.
    classic.set_protocols(member, made->member(id)->protocols);
    classic_.restart_session(step, classic, member);
  }
  if (rebalance) classic_.prepare_rebalance(step, classic);
  return {};
}

// ---- sync ----

ErrorCode ConsumerProtocol::check_classic_sync(Step& step, const wire::SyncGroupRequest& request,
                                               ConsumerGroup& group) {
  ErrorCode error = ErrorCode::kNone;
  const ConsumerMember* member =
      find_asking(group, request.member_id.view(), optional_view(request.group_instance_id), error);
  if (member == nullptr) return error;
  if (member->epoch != request.generation_id) return ErrorCode::kIllegalGeneration;
  if (member->classic->protocols.empty()) return ErrorCode::kUnknownServerError;
  if (differs(request.protocol_type, "consumer") ||
      differs(request.protocol_name, member->classic->protocols.front().name)) {
    return ErrorCode::kInconsistentGroupProtocol;
  }
  if (group.assignment_epoch() > member->epoch &&
      member->state != MemberState::kUnrevokedPartitions) {
    start_join(step, group, *member);
    return ErrorCode::kRebalanceInProgress;
  }
  return ErrorCode::kNone;
}

void ConsumerProtocol::sync_classic(Step& step, const GroupCaller& caller,
                                    const wire::SyncGroupRequest& request, ConsumerGroup& group) {
  // KIP-559: from version 5 on both must be there.
  const bool lacks_protocol =
      caller.version >= 5 && (request.protocol_type.is_null() || request.protocol_name.is_null());
  const ErrorCode error = lacks_protocol ? ErrorCode::kInconsistentGroupProtocol
                                         : check_classic_sync(step, request, group);
  if (error != ErrorCode::kNone) return step.answer(caller.answer, sync_error(error));
  const ConsumerMember& member = *group.member(request.member_id.view());
  auto assignment = serialize_assignment(without_epochs(member.assigned),
                                         ByteView(member.classic->protocols.front().metadata),
                                         step.context.image);
  if (!assignment.ok()) return step.answer(caller.answer, sync_error(assignment.error().code));
  group.timers[member.id].sync.reset();
  start_session(step, group, member.id, member.classic->session_timeout);
  wire::SyncGroupResponse response;
  response.protocol_type = request.protocol_type.own();
  response.protocol_name = request.protocol_name.own();
  response.assignment = wire::Bytes::copy_of(ByteView(*assignment));
  step.answer(caller.answer, std::move(response));
}

// ---- heartbeat, leave ----

void ConsumerProtocol::heartbeat_classic(Step& step, const GroupCaller& caller,
                                         const wire::HeartbeatRequest& request,
                                         ConsumerGroup& group) {
  const auto respond = [&](ErrorCode error) {
    wire::HeartbeatResponse response;
    response.error_code = static_cast<std::int16_t>(error);
    step.answer(caller.answer, std::move(response));
  };
  ErrorCode error = ErrorCode::kNone;
  const ConsumerMember* member =
      find_asking(group, request.member_id.view(), optional_view(request.group_instance_id), error);
  if (member == nullptr) return respond(error);
  if (member->epoch != request.generation_id) return respond(ErrorCode::kIllegalGeneration);
  start_session(step, group, member->id, member->classic->session_timeout);
  const bool may_progress =
      member->epoch < group.assignment_epoch() ||
      member->state == MemberState::kUnrevokedPartitions ||
      (member->state == MemberState::kUnreleasedPartitions && !waits_for_others(group, *member));
  if (!may_progress) return respond(ErrorCode::kNone);
  start_join(step, group, *member);
  respond(ErrorCode::kRebalanceInProgress);
}

void ConsumerProtocol::leave_classic(Step& step, const GroupCaller& caller,
                                     const wire::LeaveGroupRequest& request, ConsumerGroup& group) {
  std::set<std::string> leaving;
  const auto leave_as = [&](std::string_view id, std::optional<std::string_view> instance) {
    const ConsumerMember* member = instance ? group.static_member(*instance) : group.member(id);
    if (member == nullptr) return ErrorCode::kUnknownMemberId;
    if (instance && !id.empty() && member->id != id) return ErrorCode::kFencedInstanceId;
    leaving.insert(member->id);
    return ErrorCode::kNone;
  };
  wire::LeaveGroupResponse response;
  // Before version 3 a request has one member, and its error is that of the response.
  if (caller.version < 3) {
    response.error_code =
        static_cast<std::int16_t>(leave_as(request.member_id.view(), std::nullopt));
  } else {
    for (const auto& member : request.members) {
      auto& out = response.members.emplace_back();
      out.member_id = member.member_id.own();
      out.group_instance_id = member.group_instance_id.own();
      out.error_code = static_cast<std::int16_t>(
          leave_as(member.member_id.view(), optional_view(member.group_instance_id)));
    }
  }
  if (!leaving.empty() && !remove_members(step, group, leaving)) {
    response = wire::LeaveGroupResponse();
    response.error_code = static_cast<std::int16_t>(ErrorCode::kUnknownServerError);
  }
  step.answer(caller.answer, std::move(response));
}

}  // namespace moldau::group
