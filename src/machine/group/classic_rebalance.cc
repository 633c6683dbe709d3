// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "machine/group/classic_protocol.h"

namespace moldau::group {
namespace {

/// When to try again what did not fit into the batch of this step.
constexpr Millis kNoRoomDelay(1'000);

enum class DueKind : std::uint8_t { kPendingJoin, kSession, kJoin, kSync };

/// A deadline of the group that has passed.
struct Due {
  Due(MonoTime a, DueKind k, std::string i) : at(a), kind(k), member_id(std::move(i)) {}
  MonoTime at;
  DueKind kind;
  std::string member_id;
  auto operator<=>(const Due&) const = default;
};

/// In the order of time, as timers would fire.
std::vector<Due> due_of(const ClassicGroup& group, MonoTime now) {
  std::vector<Due> out;
  const ClassicRebalance& rebalance = group.rebalance();
  for (const auto& [id, deadline] : rebalance.pending_joins) {
    if (deadline <= now) out.emplace_back(deadline, DueKind::kPendingJoin, id);
  }
  for (const auto& [id, member] : group.members()) {
    if (member.heartbeat_deadline && *member.heartbeat_deadline <= now) {
      out.emplace_back(*member.heartbeat_deadline, DueKind::kSession, id);
    }
  }
  if (rebalance.join_deadline && *rebalance.join_deadline <= now) {
    out.emplace_back(*rebalance.join_deadline, DueKind::kJoin, "");
  }
  if (rebalance.sync_deadline && *rebalance.sync_deadline <= now) {
    out.emplace_back(*rebalance.sync_deadline, DueKind::kSync, "");
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool is_due(const std::optional<MonoTime>& deadline, MonoTime now) {
  return deadline && *deadline <= now;
}

}  // namespace

void ClassicProtocol::give_up(Step& step, ClassicGroup& group, ErrorCode error) {
  for (auto& [id, member] : group.members()) {
    if (member.awaiting_join) step.answer(*member.awaiting_join, join_error(id, error));
    if (member.awaiting_sync) step.answer(*member.awaiting_sync, sync_error(error));
    group.set_awaiting_join(member, std::nullopt);
    member.awaiting_sync.reset();
  }
}

void ClassicProtocol::loaded(Step& step, ClassicGroup& group) {
  if (!group.has_members()) return;
  for (auto& [id, member] : group.members()) restart_session(step, group, member);
  // The limit may be lower than it was: members get the chance to commit before some must go.
  if (group.members().size() > static_cast<std::size_t>(settings_.group_size_max)) {
    prepare_rebalance(step, group);
  }
}

void ClassicProtocol::tick(Step& step, ClassicGroup& group) {
  const MonoTime now = step.context.now;
  // What one of them brings about may have moved another.
  for (const Due& due : due_of(group, now)) {
    switch (due.kind) {
      case DueKind::kPendingJoin:
        expire_pending(step, group, due.member_id);
        break;
      case DueKind::kSession:
        expire_member(step, group, due.member_id);
        break;
      case DueKind::kJoin:
        if (!is_due(group.rebalance().join_deadline, now)) break;
        if (group.rebalance().is_initial_delay) {
          end_initial_delay(step, group);
        } else {
          complete_join(step, group);
        }
        break;
      case DueKind::kSync:
        if (is_due(group.rebalance().sync_deadline, now)) expire_syncs(step, group);
        break;
    }
  }
}

void ClassicProtocol::start_session(const Step& step, ClassicGroup& group, ClassicMember& member,
                                    Millis span) {
  const MonoTime deadline = step.context.now + span;
  member.heartbeat_deadline = deadline;
  groups_.wake_by(group, deadline);
}

void ClassicProtocol::restart_session(const Step& step, ClassicGroup& group,
                                      ClassicMember& member) {
  start_session(step, group, member, member.session_timeout);
}

void ClassicProtocol::remove_member(Step& step, ClassicGroup& group, std::string_view member_id,
                                    ErrorCode error) {
  if (const ClassicMember* member = group.member(member_id)) {
    if (member->awaiting_join) step.answer(*member->awaiting_join, join_error("", error));
    if (member->awaiting_sync) step.answer(*member->awaiting_sync, sync_error(error));
  }
  group.remove(member_id);
}

void ClassicProtocol::rebalance_or_complete_join(Step& step, ClassicGroup& group) {
  if (group.can_rebalance()) return prepare_rebalance(step, group);
  maybe_complete_join(step, group);
}

void ClassicProtocol::prepare_rebalance(Step& step, ClassicGroup& group) {
  if (group.state() == ClassicState::kCompletingRebalance) {
    for (auto& [id, member] : group.members()) member.assignment.clear();
    propagate(step, group, ErrorCode::kRebalanceInProgress);
  }
  ClassicRebalance& rebalance = group.change_rebalance();
  rebalance.pending_syncs.clear();
  rebalance.sync_deadline.reset();
  if (group.is_empty()) {
    // More time for the first members: most of them start together.
    rebalance.is_initial_delay = true;
    rebalance.new_member_added = false;
    rebalance.initial_delay = settings_.initial_rebalance_delay;
    rebalance.initial_left = Millis(
        std::max<std::int64_t>(group.rebalance_timeout() - settings_.initial_rebalance_delay, 0));
    group.transition(ClassicState::kPreparingRebalance, step.context.wall);
    return await_joins(step, group, settings_.initial_rebalance_delay);
  }
  rebalance.is_initial_delay = false;
  group.transition(ClassicState::kPreparingRebalance, step.context.wall);
  if (group.have_all_joined()) return complete_join(step, group);
  await_joins(step, group, group.rebalance_timeout());
}

void ClassicProtocol::await_joins(const Step& step, ClassicGroup& group, Millis span) {
  group.change_rebalance().join_deadline = step.context.now + span;
  groups_.wake_by(group, *group.rebalance().join_deadline);
}

void ClassicProtocol::end_initial_delay(Step& step, ClassicGroup& group) {
  ClassicRebalance& rebalance = group.change_rebalance();
  if (!rebalance.new_member_added || rebalance.initial_left == Millis(0)) {
    return complete_join(step, group);
  }
  rebalance.new_member_added = false;
  const Millis delay = std::min(settings_.initial_rebalance_delay, rebalance.initial_left);
  rebalance.initial_left =
      Millis(std::max<std::int64_t>(rebalance.initial_left - rebalance.initial_delay, 0));
  rebalance.initial_delay = delay;
  await_joins(step, group, delay);
}

void ClassicProtocol::maybe_complete_join(Step& step, ClassicGroup& group) {
  if (group.state() != ClassicState::kPreparingRebalance) return;
  // The initial delay is always waited for.
  if (group.previous_state() == ClassicState::kEmpty) return;
  if (group.have_all_joined()) complete_join(step, group);
}

void ClassicProtocol::complete_join(Step& step, ClassicGroup& group) {
  group.change_rebalance().join_deadline.reset();
  group.change_rebalance().is_initial_delay = false;
  std::vector<std::string> gone;
  for (const auto& [id, member] : group.members()) {
    if (!member.awaiting_join && !member.is_static()) gone.push_back(id);
  }
  for (const std::string& id : gone) {
    remove_member(step, group, id, ErrorCode::kUnknownMemberId);
  }
  if (group.members().empty()) {
    auto record = emptied_group_record(group, step.context.wall);
    if (!step.has_room(record)) return await_joins(step, group, kNoRoomDelay);
    group.change_rebalance().pending_syncs.clear();
    return step.write(std::move(record));
  }
  if (!group.elect_joined_leader()) {
    // Only static members are left, and none has come back: their sessions decide.
    return await_joins(step, group, group.rebalance_timeout());
  }
  begin_generation(step, group);
}

void ClassicProtocol::begin_generation(Step& step, ClassicGroup& group) {
  group.begin_generation(step.context.wall);
  for (auto& [id, member] : group.members()) {
    if (member.awaiting_join) {
      step.answer(*member.awaiting_join, join_response(group, id, group.is_leader(id)));
      group.set_awaiting_join(member, std::nullopt);
    }
    restart_session(step, group, member);
    member.is_new = false;
    group.change_rebalance().pending_syncs.insert(id);
  }
  group.change_rebalance().sync_deadline = step.context.now + group.rebalance_timeout();
  groups_.wake_by(group, *group.rebalance().sync_deadline);
}

void ClassicProtocol::expire_pending(Step& step, ClassicGroup& group, std::string_view member_id) {
  auto& pending = group.change_rebalance().pending_joins;
  const auto at = pending.find(member_id);
  if (at == pending.end() || at->second > step.context.now) return;
  pending.erase(at);
  ++counts_.expired_members;
  if (group.state() == ClassicState::kPreparingRebalance && group.have_all_joined()) {
    complete_join(step, group);
  }
}

void ClassicProtocol::expire_member(Step& step, ClassicGroup& group, std::string_view member_id) {
  ClassicMember* member = group.member(member_id);
  if (member == nullptr || !is_due(member->heartbeat_deadline, step.context.now)) return;
  member->heartbeat_deadline.reset();
  if (member->has_satisfied_heartbeat()) return;
  ++counts_.expired_members;
  remove_member(step, group, member_id, ErrorCode::kUnknownMemberId);
  switch (group.state()) {
    case ClassicState::kStable:
    case ClassicState::kCompletingRebalance:
      return rebalance_or_complete_join(step, group);
    case ClassicState::kPreparingRebalance:
      if (group.have_all_joined()) complete_join(step, group);
      return;
    case ClassicState::kEmpty:
      return;
  }
}

void ClassicProtocol::expire_syncs(Step& step, ClassicGroup& group) {
  group.change_rebalance().sync_deadline.reset();
  if (group.can_rebalance() && !group.is_empty() && !group.rebalance().pending_syncs.empty()) {
    const auto late = group.rebalance().pending_syncs;
    for (const std::string& id : late) {
      remove_member(step, group, id, ErrorCode::kUnknownMemberId);
    }
    counts_.expired_members += static_cast<std::int64_t>(late.size());
    prepare_rebalance(step, group);
  }
}

}  // namespace moldau::group
