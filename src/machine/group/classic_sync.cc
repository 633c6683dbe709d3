// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <utility>

#include "machine/group/classic_protocol.h"

namespace moldau::group {
namespace {

bool differs(const wire::Text& asked, std::string_view has) {
  return !asked.is_null() && asked.view() != has;
}

ErrorCode check_sync(const ClassicGroup& group, const wire::SyncGroupRequest& request) {
  const ErrorCode error =
      group.check_member(request.member_id.view(), optional_view(request.group_instance_id));
  if (error != ErrorCode::kNone) return error;
  if (request.generation_id != group.generation()) return ErrorCode::kIllegalGeneration;
  const bool has_protocol = group.protocol().has_value();
  if (differs(request.protocol_type, group.protocol_type()) ||
      (has_protocol && differs(request.protocol_name, *group.protocol()))) {
    return ErrorCode::kInconsistentGroupProtocol;
  }
  return ErrorCode::kNone;
}

}  // namespace

void ClassicProtocol::sync(Step& step, const GroupCaller& caller,
                           const wire::SyncGroupRequest& request) {
  const auto refuse = [&](ErrorCode error) { step.answer(caller.answer, sync_error(error)); };
  // KIP-559: from version 5 on both must be there.
  if (caller.version >= 5 && (request.protocol_type.is_null() || request.protocol_name.is_null())) {
    return refuse(ErrorCode::kInconsistentGroupProtocol);
  }
  if (request.group_id.size() == 0) return refuse(ErrorCode::kInvalidGroupId);
  Group* found = groups_.find(request.group_id.view());
  if (found == nullptr || found->is_empty() || found->type() != GroupType::kClassic) {
    return refuse(ErrorCode::kUnknownMemberId);
  }
  auto& group = static_cast<ClassicGroup&>(*found);
  const ErrorCode error = check_sync(group, request);
  if (error != ErrorCode::kNone) return refuse(error);
  if (group.state() == ClassicState::kPreparingRebalance) {
    return refuse(ErrorCode::kRebalanceInProgress);
  }
  ClassicMember& member = *group.member(request.member_id.view());
  synced(group, member.id);
  if (group.state() == ClassicState::kStable) {
    return step.answer(caller.answer, sync_response(group, member));
  }
  // The older request came over a connection that its client has given up.
  if (member.awaiting_sync) {
    step.answer(*member.awaiting_sync, sync_error(ErrorCode::kRebalanceInProgress));
  }
  member.awaiting_sync = caller.answer;
  if (group.is_leader(member.id)) sync_of_leader(step, group, request);
}

void ClassicProtocol::synced(ClassicGroup& group, std::string_view member_id) {
  ClassicRebalance& rebalance = group.change_rebalance();
  const auto at = rebalance.pending_syncs.find(member_id);
  if (at != rebalance.pending_syncs.end()) rebalance.pending_syncs.erase(at);
  if (rebalance.pending_syncs.empty()) rebalance.sync_deadline.reset();
}

void ClassicProtocol::sync_of_leader(Step& step, ClassicGroup& group,
                                     const wire::SyncGroupRequest& request) {
  std::map<std::string_view, ByteView> assignments;
  for (const auto& assignment : request.assignments) {
    assignments.insert_or_assign(assignment.member_id.view(), assignment.assignment.view());
  }
  auto record = group_metadata_record(group, &assignments);
  if (!step.has_room(record)) {
    for (auto& [id, member] : group.members()) member.assignment.clear();
    propagate(step, group, ErrorCode::kUnknownServerError);
    return rebalance_or_complete_join(step, group);
  }
  // Its replay gives the members their assignments and makes the group stable.
  step.write(std::move(record));
  ++counts_.completed_rebalances;
  propagate(step, group, ErrorCode::kNone);
}

void ClassicProtocol::propagate(Step& step, ClassicGroup& group, ErrorCode error) {
  for (auto& [id, member] : group.members()) {
    if (!member.awaiting_sync) continue;
    step.answer(*member.awaiting_sync,
                error == ErrorCode::kNone ? sync_response(group, member) : sync_error(error));
    member.awaiting_sync.reset();
    // While it waited its session was not watched.
    restart_session(step, group, member);
  }
}

void ClassicProtocol::heartbeat(Step& step, const GroupCaller& caller,
                                const wire::HeartbeatRequest& request) {
  const auto respond = [&](ErrorCode error) {
    wire::HeartbeatResponse response;
    response.error_code = static_cast<std::int16_t>(error);
    step.answer(caller.answer, std::move(response));
  };
  if (request.group_id.size() == 0) return respond(ErrorCode::kInvalidGroupId);
  Group* found = groups_.find(request.group_id.view());
  if (found == nullptr || found->type() != GroupType::kClassic) {
    return respond(ErrorCode::kUnknownMemberId);
  }
  auto& group = static_cast<ClassicGroup&>(*found);
  const ErrorCode error =
      group.check_member(request.member_id.view(), optional_view(request.group_instance_id));
  if (error != ErrorCode::kNone) return respond(error);
  if (request.generation_id != group.generation()) return respond(ErrorCode::kIllegalGeneration);
  restart_session(step, group, *group.member(request.member_id.view()));
  respond(group.state() == ClassicState::kPreparingRebalance ? ErrorCode::kRebalanceInProgress
                                                             : ErrorCode::kNone);
}

}  // namespace moldau::group
