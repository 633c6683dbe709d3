// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "machine/group/classic_group.h"
#include "machine/group/group_counts.h"
#include "machine/group/group_effects.h"
#include "machine/group/group_settings.h"
#include "machine/group/group_table.h"
#include "machine/group/step.h"
#include "wire/heartbeat_request.h"
#include "wire/join_group_request.h"
#include "wire/leave_group_request.h"
#include "wire/sync_group_request.h"

namespace moldau::group {

/// The coordinator's side of the classic protocol.
///
/// Path     GroupMachine → this → ClassicGroup.
/// Owner    borrows the machine's table, settings and counts.
/// Thread   on the partition's shard.
/// Bounds   group.max.size, pending_members_max; sessions and rebalances end by tick.
/// Source   GroupMetadataManager.classicGroup…; KIP-62, 134, 345, 394, 559, 800, 814.
class ClassicProtocol {
 public:
  ClassicProtocol(GroupTable& groups, const GroupSettings& settings, GroupCounts& counts)
      : groups_(groups), settings_(settings), counts_(counts) {}

  // classic_join.cc
  void join(Step& step, const GroupCaller& caller, const wire::JoinGroupRequest& request);
  /// kNone, or why nobody may join any group with such a request.
  ErrorCode check_join(const GroupCaller& caller, const wire::JoinGroupRequest& request) const;
  // classic_sync.cc
  void sync(Step& step, const GroupCaller& caller, const wire::SyncGroupRequest& request);
  void heartbeat(Step& step, const GroupCaller& caller, const wire::HeartbeatRequest& request);
  /// The member has shown that it lives.
  void restart_session(const Step& step, ClassicGroup& group, ClassicMember& member);
  // classic_leave.cc
  void leave(Step& step, const GroupCaller& caller, const wire::LeaveGroupRequest& request);
  // classic_rebalance.cc
  /// The group is about to become another one: who waits gets the error.
  void give_up(Step& step, ClassicGroup& group, ErrorCode error);
  void prepare_rebalance(Step& step, ClassicGroup& group);
  /// Sessions of a group that was read from the log begin.
  void loaded(Step& step, ClassicGroup& group);
  /// Everything of the group that is due.
  void tick(Step& step, ClassicGroup& group);

 private:
  struct Joining;

  // classic_join.cc
  bool accepts(const ClassicGroup& group, std::string_view member_id) const;
  void join_new(Step& step, ClassicGroup& group, const Joining& joining);
  void join_existing(Step& step, ClassicGroup& group, const Joining& joining);
  void rejoin(Step& step, ClassicGroup& group, ClassicMember& member, const Joining& joining);
  void add_member(Step& step, ClassicGroup& group, std::string member_id, const Joining& joining);
  void update_member(Step& step, ClassicGroup& group, ClassicMember& member,
                     const Joining& joining);
  void replace_static(Step& step, ClassicGroup& group, std::string_view old_id, std::string new_id,
                      const Joining& joining);

  // classic_sync.cc
  void sync_of_leader(Step& step, ClassicGroup& group, const wire::SyncGroupRequest& request);
  /// Answers all syncs that wait, with the member's assignment or with the error.
  void propagate(Step& step, ClassicGroup& group, ErrorCode error);
  void synced(ClassicGroup& group, std::string_view member_id);

  // classic_leave.cc
  ErrorCode leave_one(Step& step, ClassicGroup& group, std::string_view member_id,
                      std::optional<std::string_view> instance_id);

  // classic_rebalance.cc
  /// Also answers what of the member waits.
  void remove_member(Step& step, ClassicGroup& group, std::string_view member_id, ErrorCode error);
  void rebalance_or_complete_join(Step& step, ClassicGroup& group);
  void maybe_complete_join(Step& step, ClassicGroup& group);
  void complete_join(Step& step, ClassicGroup& group);
  void begin_generation(Step& step, ClassicGroup& group);
  void await_joins(const Step& step, ClassicGroup& group, Millis span);
  void end_initial_delay(Step& step, ClassicGroup& group);
  void expire_pending(Step& step, ClassicGroup& group, std::string_view member_id);
  void expire_member(Step& step, ClassicGroup& group, std::string_view member_id);
  void expire_syncs(Step& step, ClassicGroup& group);
  void start_session(const Step& step, ClassicGroup& group, ClassicMember& member, Millis span);

  GroupTable& groups_;
  const GroupSettings& settings_;
  GroupCounts& counts_;
};

MemberProtocols protocols_of(const wire::JoinGroupRequest& request);
/// As Java prints a UUID.
std::string dashed(const Uuid& id);

// classic_responses.cc: each owns its bytes.
wire::JoinGroupResponse join_error(std::string_view member_id, ErrorCode error);
/// The generation as the member shall know it.
wire::JoinGroupResponse join_response(const ClassicGroup& group, std::string_view member_id,
                                      bool with_members);
wire::SyncGroupResponse sync_error(ErrorCode error);
wire::SyncGroupResponse sync_response(const ClassicGroup& group, const ClassicMember& member);

inline std::optional<std::string_view> optional_view(const wire::Text& text) {
  if (text.is_null()) return std::nullopt;
  return text.view();
}

}  // namespace moldau::group
