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

using Request = wire::ConsumerGroupHeartbeatRequest;
using Response = wire::ConsumerGroupHeartbeatResponse;

/// As String.trim().isEmpty() has it.
bool is_blank(const wire::Text& text) {
  const std::string_view view = text.view();
  return !text.is_null() && std::all_of(view.begin(), view.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ';
  });
}

Error invalid(const char* why) {
  return Error(ErrorCode::kInvalidRequest, why);
}

OwnedPartitions owned_of(const Request& request) {
  if (!request.topic_partitions) return std::nullopt;
  OwnedPartitions::value_type out;
  for (const auto& topic : *request.topic_partitions) {
    auto& to = out[topic.topic_id];
    for (const std::int32_t partition : topic.partitions) to.emplace(partition);
  }
  return out;
}

bool owns_only_assigned(const OwnedPartitions& owned, const EpochAssignment& assigned) {
  if (!owned) return false;
  for (const auto& [topic, partitions] : *owned) {
    const auto at = assigned.find(topic);
    if (at == assigned.end()) return false;
    for (const PartitionId partition : partitions) {
      if (!at->second.contains(partition)) return false;
    }
  }
  return true;
}

Result<void> check_epoch(const ConsumerMember& member, std::int32_t received,
                         const OwnedPartitions& owned) {
  if (received == kJoinEpoch || received == member.epoch) return {};
  const bool is_greater = received > member.epoch;
  // The answer that told it of its epoch may have been lost.
  if (!is_greater && received == member.previous_epoch &&
      owns_only_assigned(owned, member.assigned)) {
    return {};
  }
  return Error(ErrorCode::kFencedMemberEpoch,
               std::string("The consumer group member has a ") +
                   (is_greater ? "greater" : "smaller") + " member epoch (" +
                   std::to_string(received) + ") than the one known by the group coordinator (" +
                   std::to_string(member.epoch) +
                   "). The member must abandon all its partitions and rejoin.");
}

Error unknown_member(const ConsumerGroup& group, std::string_view id) {
  return Error(ErrorCode::kUnknownMemberId,
               "Member " + std::string(id) + " is not a member of group " + group.id() + ".");
}

Error unknown_instance(std::string_view id) {
  return Error(ErrorCode::kUnknownMemberId, "Instance id " + std::string(id) + " is unknown.");
}

Error fenced_instance(const ConsumerMember& member, std::string_view id,
                      std::string_view instance) {
  return Error(ErrorCode::kFencedInstanceId, "Static member " + std::string(id) +
                                                 " with instance id " + std::string(instance) +
                                                 " was fenced by member " + member.id);
}

Response response_of(const ConsumerMember& member, bool with_assignment) {
  Response out;
  out.member_id = wire::Text::copy_of(member.id);
  out.member_epoch = member.epoch;
  if (!with_assignment) return out;
  out.assignment.emplace();
  for (const auto& [topic, partitions] : member.assigned) {
    auto& to = out.assignment->topic_partitions.emplace_back();
    to.topic_id = topic;
    for (const auto& [partition, epoch] : partitions) to.partitions.push_back(partition.value());
  }
  return out;
}

void update_member(ConsumerMember& member, const GroupCaller& caller, const Request& request) {
  if (!request.instance_id.is_null()) member.instance_id = request.instance_id.str();
  if (!request.rack_id.is_null()) member.rack_id = request.rack_id.str();
  if (request.rebalance_timeout_ms != -1) {
    member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  }
  if (!request.server_assignor.is_null()) member.assignor = request.server_assignor.str();
  if (request.subscribed_topic_names) {
    member.topics.clear();
    for (const wire::Text& name : *request.subscribed_topic_names) {
      member.topics.push_back(name.str());
    }
    std::sort(member.topics.begin(), member.topics.end());
    member.topics.erase(std::unique(member.topics.begin(), member.topics.end()),
                        member.topics.end());
  }
  if (!request.subscribed_topic_regex.is_null())
    member.regex = request.subscribed_topic_regex.str();
  member.client_id = caller.client_id;
  member.client_host = caller.client_host;
  member.classic.reset();
}

}  // namespace

Response heartbeat_error(const Error& error) {
  Response out;
  out.error_code = static_cast<std::int16_t>(error.code);
  if (!error.detail.empty()) out.error_message = wire::Text::copy_of(error.detail);
  return out;
}

Result<void> ConsumerProtocol::check_request(const GroupCaller& caller,
                                             const Heartbeat& request) const {
  const std::int32_t epoch = request.member_epoch;
  if ((caller.version >= 1 || epoch > 0 || epoch == kLeaveEpoch) && is_blank(request.member_id)) {
    return invalid("MemberId can't be empty.");
  }
  if (is_blank(request.group_id)) return invalid("GroupId can't be empty.");
  if (is_blank(request.instance_id)) return invalid("InstanceId can't be empty.");
  if (is_blank(request.rack_id)) return invalid("RackId can't be empty.");
  if (epoch == kJoinEpoch) {
    if (request.rebalance_timeout_ms == -1) {
      return invalid("RebalanceTimeoutMs must be provided in first request.");
    }
    if (!request.topic_partitions || !request.topic_partitions->empty()) {
      return invalid("TopicPartitions must be empty when (re-)joining.");
    }
    if (!request.subscribed_topic_names && request.subscribed_topic_regex.is_null()) {
      return invalid(
          "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when "
          "(re-)joining.");
    }
  } else if (epoch == kLeaveStaticEpoch) {
    if (request.instance_id.is_null()) return invalid("InstanceId can't be null.");
  } else if (epoch < kLeaveStaticEpoch) {
    return invalid("MemberEpoch is invalid.");
  }
  const auto& offered = settings_.broker->values.group_consumer_assignors;
  if (!request.server_assignor.is_null() &&
      std::find(offered.begin(), offered.end(), request.server_assignor.view()) == offered.end()) {
    std::string all;
    for (const std::string& name : offered) all += (all.empty() ? "" : ", ") + name;
    return Error(ErrorCode::kUnsupportedAssignor,
                 "ServerAssignor " + request.server_assignor.str() +
                     " is not supported. Supported assignors: " + all);
  }
  // What a key of a record could not hold.
  for (const wire::Text* text : {&request.group_id, &request.member_id, &request.instance_id,
                                 &request.subscribed_topic_regex}) {
    if (text->size() > kStringBytesMax) return invalid("A string of the request is too long.");
  }
  return {};
}

void ConsumerProtocol::heartbeat(Step& step, const GroupCaller& caller, const Heartbeat& request) {
  const Result<void> valid = check_request(caller, request);
  if (!valid.ok()) return step.answer(caller.answer, heartbeat_error(valid.error()));
  const bool leaves =
      request.member_epoch == kLeaveEpoch || request.member_epoch == kLeaveStaticEpoch;
  auto response = leaves ? leave(step, request) : stay(step, caller, request);
  step.answer(caller.answer,
              response.ok() ? std::move(*response) : heartbeat_error(response.error()));
}

Result<ConsumerProtocol::FoundGroup> ConsumerProtocol::find_group(const GroupContext& context,
                                                                  std::string_view id, bool join) {
  FoundGroup out;
  Group* group = groups_.find(id);
  const std::string name(id);
  if (group == nullptr && !join) {
    return Error(ErrorCode::kGroupIdNotFound, "Consumer group " + name + " not found.");
  }
  if (group != nullptr && group->type() == GroupType::kConsumer) {
    out.group = static_cast<ConsumerGroup*>(group);
    return out;
  }
  out.subscribers = std::make_unique<TopicSubscribers>();
  if (group == nullptr || (join && group->type() == GroupType::kClassic && group->is_empty())) {
    if (group != nullptr) {
      out.replaced = static_cast<ClassicGroup*>(group);
      group->append_tombstones(out.records);
    }
    out.made = std::make_unique<ConsumerGroup>(name, *out.subscribers);
    out.group = out.made.get();
    return out;
  }
  if (!join || group->type() != GroupType::kClassic) {
    return Error(ErrorCode::kGroupIdNotFound, "Group " + name + " is not a consumer group.");
  }
  auto& classic = static_cast<ClassicGroup&>(*group);
  const std::string why = "Cannot upgrade classic group " + name + " to consumer group because ";
  if (!settings_.may_upgrade()) {
    return Error(ErrorCode::kGroupIdNotFound, why + "online upgrade is disabled.");
  }
  if (!classic.uses_consumer_protocol()) {
    return Error(ErrorCode::kGroupIdNotFound,
                 why + "the group does not use the consumer embedded protocol.");
  }
  if (classic.members().size() >
      static_cast<std::size_t>(settings_.broker->values.group_consumer_max_size)) {
    return Error(ErrorCode::kGroupIdNotFound,
                 why + "the group size exceeds the consumer group maximum size.");
  }
  MOLDAU_ASSIGN_OR_RETURN(out.made,
                          as_consumer_group(classic, *out.subscribers, hashes_, context.image));
  out.replaced = &classic;
  out.group = out.made.get();
  classic.append_tombstones(out.records);
  append_group_records(*out.made, out.records);
  return out;
}

Result<void> ConsumerProtocol::find_member(ConsumerDecision& decision, std::string_view member_id,
                                           const Heartbeat& request) const {
  const ConsumerGroup& group = decision.group();
  const OwnedPartitions owned = owned_of(request);
  const bool joins = request.member_epoch == kJoinEpoch;
  if (request.instance_id.is_null()) {
    if (const ConsumerMember* known = group.member(member_id)) {
      decision.before = *known;
    } else if (joins) {
      decision.before.id = member_id;
    } else {
      return unknown_member(group, member_id);
    }
    return check_epoch(decision.before, request.member_epoch, owned);
  }
  const std::string_view instance = request.instance_id.view();
  const ConsumerMember* known = group.static_member(instance);
  if (!joins) {
    if (known == nullptr) return unknown_instance(instance);
    if (known->id != member_id) return fenced_instance(*known, member_id, instance);
    decision.before = *known;
    return check_epoch(decision.before, request.member_epoch, owned);
  }
  if (known == nullptr) {
    if (const ConsumerMember* same = group.member(member_id)) {
      decision.before = *same;
    } else {
      decision.before.id = member_id;
    }
    return {};
  }
  if (!known->uses_classic_protocol() && known->epoch != kLeaveStaticEpoch) {
    return Error(
        ErrorCode::kUnreleasedInstanceId,
        "Static member " + std::string(member_id) + " with instance id " + std::string(instance) +
            " cannot join the group because the instance id is owned by " + known->id + " member.");
  }
  decision.before = *known;
  decision.before.id = member_id;
  decision.before.epoch = kJoinEpoch;
  decision.before.previous_epoch = kJoinEpoch;
  decision.replace_static(*known);
  return {};
}

Result<Response> ConsumerProtocol::stay(Step& step, const GroupCaller& caller,
                                        const Heartbeat& request) {
  const bool joins = request.member_epoch == kJoinEpoch;
  MOLDAU_ASSIGN_OR_RETURN(FoundGroup found,
                          find_group(step.context, request.group_id.view(), joins));
  if (is_full(*found.group, request.member_id.view())) {
    return Error(ErrorCode::kGroupMaxSizeReached,
                 "The consumer group has reached its maximum capacity of " +
                     std::to_string(settings_.broker->values.group_consumer_max_size) +
                     " members.");
  }
  const std::string member_id =
      request.member_id.size() > 0 ? request.member_id.str() : step.context.fresh_id.text();
  ConsumerDecision decision(step.context, *found.group, settings_, hashes_, new_topics_);
  MOLDAU_TRY(find_member(decision, member_id, request));
  decision.after = decision.before;
  update_member(decision.after, caller, request);
  const bool topics_changed = decision.update_subscription();
  MOLDAU_ASSIGN_OR_RETURN(const RegexChange regex, decision.update_regexes());
  const bool bump = topics_changed || regex == RegexChange::kUpdatedAndResolved;
  if (bump || decision.has_metadata_expired()) decision.update_metadata(bump);
  MOLDAU_TRY(decision.update_target());
  MOLDAU_TRY(
      decision.bring_to_target(topics_changed || regex != RegexChange::kNone, owned_of(request)));
  MOLDAU_ASSIGN_OR_RETURN(ConsumerGroup * group, write(step, found, decision));
  apply_soft_state(step, caller, *group, decision);
  const config::GroupValues config = settings_.of_group(step.context.image, group->id());
  start_session(step, *group, member_id, Millis(config.consumer_session_timeout_ms));

  const bool is_full_request =
      request.rebalance_timeout_ms != -1 &&
      (request.subscribed_topic_names || !request.subscribed_topic_regex.is_null()) &&
      request.topic_partitions;
  Response response =
      response_of(decision.after,
                  joins || is_full_request || decision.before.assigned != decision.after.assigned);
  response.heartbeat_interval_ms = config.consumer_heartbeat_interval_ms;
  return response;
}

Result<ConsumerGroup*> ConsumerProtocol::write(Step& step, FoundGroup& found,
                                               ConsumerDecision& decision) {
  std::vector<record::KeyedRecord> records = std::move(found.records);
  records.insert(records.end(), std::make_move_iterator(decision.records.begin()),
                 std::make_move_iterator(decision.records.end()));
  if (!step.has_room(records)) {
    return Error(ErrorCode::kUnknownServerError, "The records do not fit into a batch.");
  }
  if (found.replaced != nullptr) {
    classic_.give_up(step, *found.replaced, ErrorCode::kRebalanceInProgress);
  }
  const std::string id = found.group->id();
  step.write(std::move(records));
  Group* group = groups_.find(id);
  MOLDAU_CHECK(group != nullptr && group->type() == GroupType::kConsumer,
               "its records make the consumer group " + id);
  auto& consumer = static_cast<ConsumerGroup&>(*group);
  if (found.replaced != nullptr) {
    for (const auto& [member_id, member] : consumer.members()) {
      if (!member.classic) continue;
      start_session(step, consumer, member_id, member.classic->session_timeout);
    }
  }
  return &consumer;
}

void ConsumerProtocol::apply_soft_state(Step& step, const GroupCaller& caller, ConsumerGroup& group,
                                        const ConsumerDecision& decision) {
  // Not again before a topic changes.
  constexpr Millis kMetadataRefresh(2'147'483'647);
  if (decision.metadata_was_refreshed) {
    group.refresh_metadata_at(step.context.now + kMetadataRefresh, decision.epoch());
  }
  if (!decision.regexes_to_resolve.empty()) {
    group.is_resolving = true;
    RegexQuestion question;
    question.group_id = group.id();
    question.regexes = decision.regexes_to_resolve;
    question.principal = caller.principal;
    question.client_host = caller.client_host;
    if (decision.after.uses_classic_protocol()) question.api = wire::ApiKey::kJoinGroup;
    step.ask(std::move(question));
  }
  if (!decision.was_reconciled || decision.after.uses_classic_protocol()) return;
  if (decision.after.state == MemberState::kUnrevokedPartitions) {
    start_rebalance(step, group, decision.after);
  } else if (const auto at = group.timers.find(decision.after.id); at != group.timers.end()) {
    at->second.rebalance.reset();
  }
}

Result<Response> ConsumerProtocol::leave(Step& step, const Heartbeat& request) {
  MOLDAU_ASSIGN_OR_RETURN(FoundGroup found,
                          find_group(step.context, request.group_id.view(), false));
  auto& group = static_cast<ConsumerGroup&>(*groups_.find(request.group_id.view()));
  const std::string_view member_id = request.member_id.view();
  const ConsumerMember* member = nullptr;
  if (request.instance_id.is_null()) {
    member = group.member(member_id);
    if (member == nullptr) return unknown_member(group, member_id);
  } else {
    const std::string_view instance = request.instance_id.view();
    member = group.static_member(instance);
    if (member == nullptr) return unknown_instance(instance);
    if (member->id != member_id) return fenced_instance(*member, member_id, instance);
  }
  Response response;
  response.member_id = wire::Text::copy_of(member->id);
  response.member_epoch = request.member_epoch;
  if (request.member_epoch == kLeaveStaticEpoch && !request.instance_id.is_null()) {
    ConsumerMember away = *member;
    away.epoch = kLeaveStaticEpoch;
    away.revoking.clear();
    for (auto& [topic, partitions] : away.assigned) {
      for (auto& [partition, epoch] : partitions) epoch = 0;
    }
    auto record = consumer_current_record(group.id(), away);
    if (!step.has_room(record)) {
      return Error(ErrorCode::kUnknownServerError, "The record does not fit into the batch.");
    }
    step.write(std::move(record));
    return response;
  }
  if (!remove_members(step, group, {member->id})) {
    return Error(ErrorCode::kUnknownServerError, "The records do not fit into a batch.");
  }
  return response;
}

}  // namespace moldau::group
