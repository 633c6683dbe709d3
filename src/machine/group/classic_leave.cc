// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include "machine/group/classic_protocol.h"

namespace moldau::group {
namespace {

/// Before version 3 a request has one member, and its error is that of the response.
bool is_single(const GroupCaller& caller) {
  return caller.version < 3;
}

wire::LeaveGroupResponse respond_with(ErrorCode error) {
  wire::LeaveGroupResponse out;
  out.error_code = static_cast<std::int16_t>(error);
  return out;
}

void add_response(wire::LeaveGroupResponse& to,
                  const wire::LeaveGroupRequest::MemberIdentity& member, ErrorCode error) {
  auto& out = to.members.emplace_back();
  out.member_id = member.member_id.own();
  out.group_instance_id = member.group_instance_id.own();
  out.error_code = static_cast<std::int16_t>(error);
}

}  // namespace

void ClassicProtocol::leave(Step& step, const GroupCaller& caller,
                            const wire::LeaveGroupRequest& request) {
  if (request.group_id.size() == 0) {
    return step.answer(caller.answer, respond_with(ErrorCode::kInvalidGroupId));
  }
  Group* found = groups_.find(request.group_id.view());
  ClassicGroup* group = nullptr;
  if (found != nullptr && found->type() == GroupType::kClassic) {
    group = static_cast<ClassicGroup*>(found);
  }
  wire::LeaveGroupResponse response;
  bool any = false;
  const auto leave_as = [&](std::string_view id, std::optional<std::string_view> instance) {
    if (group == nullptr) return ErrorCode::kUnknownMemberId;
    const ErrorCode error = leave_one(step, *group, id, instance);
    if (error == ErrorCode::kNone) any = true;
    return error;
  };
  if (is_single(caller)) {
    response = respond_with(leave_as(request.member_id.view(), std::nullopt));
  } else {
    for (const auto& member : request.members) {
      const ErrorCode error =
          leave_as(member.member_id.view(), optional_view(member.group_instance_id));
      add_response(response, member, error);
    }
  }
  if (any && !group->is_empty()) rebalance_or_complete_join(step, *group);
  step.answer(caller.answer, std::move(response));
}

ErrorCode ClassicProtocol::leave_one(Step& step, ClassicGroup& group, std::string_view member_id,
                                     std::optional<std::string_view> instance_id) {
  if (member_id.empty()) {
    // An administrator removes a static member, whose id it does not know.
    const std::string* known = instance_id ? group.static_member_id(*instance_id) : nullptr;
    if (known == nullptr) return ErrorCode::kUnknownMemberId;
    remove_member(step, group, std::string(*known), ErrorCode::kUnknownMemberId);
    return ErrorCode::kNone;
  }
  const auto& pending = group.rebalance().pending_joins;
  if (const auto at = pending.find(member_id); at != pending.end()) {
    group.change_rebalance().pending_joins.erase(at);
    return ErrorCode::kNone;
  }
  const ErrorCode error = group.check_member(member_id, instance_id);
  if (error == ErrorCode::kNone) {
    remove_member(step, group, std::string(member_id), ErrorCode::kUnknownMemberId);
  }
  return error;
}

}  // namespace moldau::group
