// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include "machine/group/classic_protocol.h"

namespace moldau::group {
namespace {

/// A member id ends so: "-" and a UUID.
constexpr std::size_t kMemberIdSuffix = 37;

/// Whether all that the group's record will hold of the request can be in it.
bool fits_record(const GroupCaller& caller, const wire::JoinGroupRequest& request) {
  return caller.client_id.size() + kMemberIdSuffix <= kStringBytesMax &&
         caller.client_host.size() <= kStringBytesMax &&
         request.group_instance_id.size() + kMemberIdSuffix <= kStringBytesMax &&
         request.protocol_type.size() <= kStringBytesMax &&
         std::all_of(request.protocols.begin(), request.protocols.end(),
                     [](const auto& protocol) { return protocol.name.size() <= kStringBytesMax; });
}

}  // namespace

MemberProtocols protocols_of(const wire::JoinGroupRequest& request) {
  MemberProtocols out;
  out.reserve(request.protocols.size());
  std::set<std::string_view> names;
  for (const auto& protocol : request.protocols) {
    if (!names.insert(protocol.name.view()).second) continue;
    const ByteView metadata = protocol.metadata.view();
    out.push_back({protocol.name.str(), {metadata.begin(), metadata.end()}});
  }
  return out;
}

std::string dashed(const Uuid& id) {
  std::string hex = id.hex();
  for (const std::size_t at : {20, 16, 12, 8}) hex.insert(at, 1, '-');
  return hex;
}

/// A JoinGroup request with what follows from it.
struct ClassicProtocol::Joining {
  Joining(const GroupCaller& c, const wire::JoinGroupRequest& r)
      : caller(c),
        request(r),
        instance(optional_view(r.group_instance_id)),
        protocols(protocols_of(r)),
        // Version 0 has one timeout for both.
        rebalance_timeout(c.version == 0 ? r.session_timeout_ms : r.rebalance_timeout_ms),
        session_timeout(r.session_timeout_ms) {}

  const GroupCaller& caller;
  const wire::JoinGroupRequest& request;
  std::optional<std::string_view> instance;
  MemberProtocols protocols;
  Millis rebalance_timeout;
  Millis session_timeout;
};

void ClassicProtocol::join(Step& step, const GroupCaller& caller,
                           const wire::JoinGroupRequest& request) {
  const std::string_view member_id = request.member_id.view();
  const auto refuse = [&](std::string_view id, ErrorCode error) {
    step.answer(caller.answer, join_error(id, error));
  };
  const ErrorCode invalid = check_join(caller, request);
  if (invalid != ErrorCode::kNone) return refuse(member_id, invalid);
  Group* found = groups_.find(request.group_id.view());
  std::vector<record::KeyedRecord> records;
  if (found != nullptr && found->type() != GroupType::kClassic) {
    const bool gives_way = found->is_empty() && found->type() != GroupType::kShare;
    if (!gives_way) return refuse("", ErrorCode::kInconsistentGroupProtocol);
    found->append_tombstones(records);
    found = nullptr;
  }
  if (found == nullptr) {
    if (!member_id.empty()) return refuse(member_id, ErrorCode::kUnknownMemberId);
    records.push_back(empty_group_record(request.group_id.view(), step.context.wall));
    if (!step.has_room(records)) return refuse(member_id, ErrorCode::kUnknownServerError);
    step.write(std::move(records));
    found = groups_.find(request.group_id.view());
    MOLDAU_CHECK(found != nullptr, "a record makes its group");
  }
  auto& group = static_cast<ClassicGroup&>(*found);
  if (!accepts(group, member_id)) {
    remove_member(step, group, member_id, ErrorCode::kUnknownMemberId);
    return refuse("", ErrorCode::kGroupMaxSizeReached);
  }
  const Joining joining(caller, request);
  if (!group.supports(request.protocol_type.view(), joining.protocols)) {
    return refuse(member_id, ErrorCode::kInconsistentGroupProtocol);
  }
  if (member_id.empty()) return join_new(step, group, joining);
  join_existing(step, group, joining);
}

ErrorCode ClassicProtocol::check_join(const GroupCaller& caller,
                                      const wire::JoinGroupRequest& request) const {
  if (request.group_id.size() == 0 || request.group_id.size() > kStringBytesMax) {
    return ErrorCode::kInvalidGroupId;
  }
  const Millis session(request.session_timeout_ms);
  if (session < settings_.session_timeout_min || session > settings_.session_timeout_max) {
    return ErrorCode::kInvalidSessionTimeout;
  }
  return fits_record(caller, request) ? ErrorCode::kNone : ErrorCode::kInvalidRequest;
}

bool ClassicProtocol::accepts(const ClassicGroup& group, std::string_view member_id) const {
  const auto most = static_cast<std::size_t>(settings_.group_size_max);
  const ClassicMember* member = group.member(member_id);
  switch (group.state()) {
    case ClassicState::kEmpty:
      return true;
    case ClassicState::kPreparingRebalance:
      // The limit may have been lowered: who joins again last is not let in.
      return (member != nullptr && member->awaiting_join) || group.awaiting_joins() < most;
    case ClassicState::kCompletingRebalance:
    case ClassicState::kStable:
      return member != nullptr || group.members().size() < most;
  }
  return false;
}

void ClassicProtocol::join_new(Step& step, ClassicGroup& group, const Joining& joining) {
  const std::string_view prefix = joining.instance.value_or(joining.caller.client_id);
  std::string id = std::string(prefix) + "-" + dashed(step.context.fresh_id);
  if (joining.instance) {
    const std::string* known = group.static_member_id(*joining.instance);
    if (known != nullptr) {
      return replace_static(step, group, std::string(*known), std::move(id), joining);
    }
    return add_member(step, group, std::move(id), joining);
  }
  if (joining.caller.version < 4) return add_member(step, group, std::move(id), joining);

  // KIP-394: whose answer gets lost comes again under the same id, not as another member.
  if (group.rebalance().pending_joins.size() >= settings_.pending_members_max) {
    return step.answer(joining.caller.answer, join_error("", ErrorCode::kGroupMaxSizeReached));
  }
  const MonoTime deadline = step.context.now + joining.session_timeout;
  step.answer(joining.caller.answer, join_error(id, ErrorCode::kMemberIdRequired));
  group.change_rebalance().pending_joins.insert_or_assign(std::move(id), deadline);
  groups_.wake_by(group, deadline);
}

void ClassicProtocol::join_existing(Step& step, ClassicGroup& group, const Joining& joining) {
  const std::string_view id = joining.request.member_id.view();
  const auto refuse = [&](ErrorCode error) {
    step.answer(joining.caller.answer, join_error(id, error));
  };
  if (group.rebalance().pending_joins.contains(id)) {
    // Static members get no id ahead.
    if (joining.instance) return refuse(ErrorCode::kUnknownServerError);
    return add_member(step, group, std::string(id), joining);
  }
  const ErrorCode error = group.check_member(id, joining.instance);
  if (error != ErrorCode::kNone) return refuse(error);
  rejoin(step, group, *group.member(id), joining);
}

void ClassicProtocol::rejoin(Step& step, ClassicGroup& group, ClassicMember& member,
                             const Joining& joining) {
  const bool changed = member.protocols != joining.protocols;
  const bool is_leader = group.is_leader(member.id);
  const auto as_it_is = [&](bool with_members) {
    step.answer(joining.caller.answer, join_response(group, member.id, with_members));
  };
  switch (group.state()) {
    case ClassicState::kPreparingRebalance:
      return update_member(step, group, member, joining);
    case ClassicState::kCompletingRebalance:
      // Perhaps the answer to its first join was lost.
      if (!changed) return as_it_is(is_leader);
      return update_member(step, group, member, joining);
    case ClassicState::kStable:
      // A leader joins again to have the assignment made anew.
      if (!changed && !is_leader) return as_it_is(false);
      return update_member(step, group, member, joining);
    case ClassicState::kEmpty:
      return step.answer(joining.caller.answer, join_error(member.id, ErrorCode::kUnknownMemberId));
  }
}

void ClassicProtocol::add_member(Step& step, ClassicGroup& group, std::string member_id,
                                 const Joining& joining) {
  ClassicMember member;
  member.id = std::move(member_id);
  if (joining.instance) member.group_instance_id = std::string(*joining.instance);
  member.client_id = joining.caller.client_id;
  member.client_host = joining.caller.client_host;
  member.rebalance_timeout = joining.rebalance_timeout;
  member.session_timeout = joining.session_timeout;
  member.protocols = joining.protocols;
  member.is_new = true;
  if (group.state() == ClassicState::kPreparingRebalance &&
      group.previous_state() == ClassicState::kEmpty) {
    group.change_rebalance().new_member_added = true;
  }
  ClassicMember& added = group.add(std::move(member), joining.request.protocol_type.view());
  group.set_awaiting_join(added, joining.caller.answer);
  // It does not know its id, so it sends no heartbeats; one that is gone must not stay for ever.
  start_session(step, group, added, settings_.new_member_join_timeout);
  rebalance_or_complete_join(step, group);
}

void ClassicProtocol::update_member(Step& step, ClassicGroup& group, ClassicMember& member,
                                    const Joining& joining) {
  group.set_protocols(member, joining.protocols);
  member.rebalance_timeout = joining.rebalance_timeout;
  member.session_timeout = joining.session_timeout;
  // The older request came over a connection that its client has given up.
  if (member.awaiting_join) {
    step.answer(*member.awaiting_join, join_error(member.id, ErrorCode::kRebalanceInProgress));
  }
  group.set_awaiting_join(member, joining.caller.answer);
  rebalance_or_complete_join(step, group);
}

void ClassicProtocol::replace_static(Step& step, ClassicGroup& group, std::string_view old_id,
                                     std::string new_id, const Joining& joining) {
  const std::string old_leader = group.leader().value_or("");
  const ClassicMember& old_member = *group.member(old_id);
  if (old_member.awaiting_join) {
    step.answer(*old_member.awaiting_join, join_error(old_id, ErrorCode::kFencedInstanceId));
  }
  if (old_member.awaiting_sync) {
    step.answer(*old_member.awaiting_sync, sync_error(ErrorCode::kFencedInstanceId));
  }
  ClassicMember& member = group.replace_static(old_id, std::move(new_id));
  group.set_protocols(member, joining.protocols);
  member.rebalance_timeout = joining.rebalance_timeout;
  member.session_timeout = joining.session_timeout;
  group.set_awaiting_join(member, joining.caller.answer);
  restart_session(step, group, member);

  if (group.state() == ClassicState::kPreparingRebalance) return maybe_complete_join(step, group);
  // While assignments are awaited the leader may count on the old id.
  if (group.state() != ClassicState::kStable) return prepare_rebalance(step, group);
  if (group.protocol() != group.select_protocol()) return rebalance_or_complete_join(step, group);
  auto record = group_metadata_record(group, nullptr);
  if (!step.has_room(record)) return rebalance_or_complete_join(step, group);
  step.write(std::move(record));

  const bool is_leader = group.is_leader(member.id);
  const bool can_skip = joining.caller.version >= 9;
  auto response = join_response(group, member.id, can_skip && is_leader);
  response.skip_assignment = can_skip && is_leader;
  // An older client that saw itself as leader would assign anew (KIP-814).
  if (!can_skip) response.leader = old_leader;
  group.set_awaiting_join(member, std::nullopt);
  step.answer(joining.caller.answer, std::move(response));
}

}  // namespace moldau::group
