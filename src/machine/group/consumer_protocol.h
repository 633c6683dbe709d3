// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "machine/group/classic_protocol.h"
#include "machine/group/consumer_decision.h"
#include "machine/group/consumer_group.h"
#include "machine/group/group_counts.h"
#include "machine/group/group_settings.h"
#include "machine/group/group_table.h"
#include "machine/group/step.h"
#include "machine/group/topic_hash.h"
#include "machine/group/topic_regex.h"
#include "wire/consumer_group_describe_response.h"
#include "wire/consumer_group_heartbeat_request.h"
#include "wire/consumer_group_heartbeat_response.h"

namespace moldau::group {

/// The coordinator's side of the consumer protocol, and of the classic one towards members of
/// consumer groups.
///
/// Path     GroupMachine → this → ConsumerDecision → records.
/// Owner    borrows the machine's parts.
/// Thread   on the partition's shard.
/// Bounds   group.consumer.max.size; one question of regular expressions per group at a time.
/// Source   GroupMetadataManager.consumerGroup…; KIP-848, 1082, 1101, 1263.
class ConsumerProtocol {
 public:
  ConsumerProtocol(GroupTable& groups, ClassicProtocol& classic, TopicHashes& hashes,
                   const GroupSettings& settings, GroupCounts& counts)
      : groups_(groups), classic_(classic), hashes_(hashes), settings_(settings), counts_(counts) {}

  // consumer_heartbeat.cc
  void heartbeat(Step& step, const GroupCaller& caller,
                 const wire::ConsumerGroupHeartbeatRequest& request);
  // consumer_timers.cc
  void loaded(Step& step, ConsumerGroup& group);
  void tick(Step& step, ConsumerGroup& group);
  void regexes_resolved(Step& step, std::string_view group_id, const ResolvedRegexes& resolved);
  /// The image brought topics.
  void topics_created(Offset image) { new_topics_ = image; }

  // classic_members.cc: requests of the classic protocol to a group that is a consumer group.
  void join_classic(Step& step, const GroupCaller& caller, const wire::JoinGroupRequest& request,
                    ConsumerGroup& group);
  void sync_classic(Step& step, const GroupCaller& caller, const wire::SyncGroupRequest& request,
                    ConsumerGroup& group);
  void heartbeat_classic(Step& step, const GroupCaller& caller,
                         const wire::HeartbeatRequest& request, ConsumerGroup& group);
  void leave_classic(Step& step, const GroupCaller& caller, const wire::LeaveGroupRequest& request,
                     ConsumerGroup& group);

  // consumer_describe.cc
  wire::ConsumerGroupDescribeResponse::DescribedGroup describe(
      std::string_view group_id, const image::MetadataImage& image) const;

 private:
  using Heartbeat = wire::ConsumerGroupHeartbeatRequest;
  struct FoundGroup;

  // consumer_heartbeat.cc
  Result<void> check_request(const GroupCaller& caller, const Heartbeat& request) const;
  /// The group to join, made or converted if it must be.
  Result<FoundGroup> find_group(const GroupContext& context, std::string_view id, bool join);
  Result<wire::ConsumerGroupHeartbeatResponse> stay(Step& step, const GroupCaller& caller,
                                                    const Heartbeat& request);
  Result<wire::ConsumerGroupHeartbeatResponse> leave(Step& step, const Heartbeat& request);
  Result<void> find_member(ConsumerDecision& decision, std::string_view member_id,
                           const Heartbeat& request) const;
  /// Answers who still waits for what the group was before, then writes everything.
  Result<ConsumerGroup*> write(Step& step, FoundGroup& found, ConsumerDecision& decision);
  void apply_soft_state(Step& step, const GroupCaller& caller, ConsumerGroup& group,
                        const ConsumerDecision& decision);

  // consumer_timers.cc
  void start_session(const Step& step, ConsumerGroup& group, std::string_view member_id,
                     Millis span);
  Millis session_timeout(const Step& step, const ConsumerGroup& group,
                         const ConsumerMember& member) const;
  void start_rebalance(const Step& step, ConsumerGroup& group, const ConsumerMember& member);
  void start_join(const Step& step, ConsumerGroup& group, const ConsumerMember& member);
  /// False if the batch has no room for it.
  bool remove_members(Step& step, ConsumerGroup& group, const std::set<std::string>& ids);

  // classic_members.cc
  Result<wire::JoinGroupResponse> join_member(Step& step, const GroupCaller& caller,
                                              const wire::JoinGroupRequest& request,
                                              ConsumerGroup& group);
  Result<void> find_classic_member(ConsumerDecision& decision, std::string_view member_id,
                                   const wire::JoinGroupRequest& request) const;
  ErrorCode check_classic_sync(Step& step, const wire::SyncGroupRequest& request,
                               ConsumerGroup& group);
  bool is_full(const ConsumerGroup& group, std::string_view member_id) const;
  /// The group is a classic one from now on; `joining` replaces the static member of its instance.
  Result<void> downgrade(Step& step, const ConsumerGroup& group,
                         const std::set<std::string>& leaving, const ConsumerMember* joining,
                         bool rebalance, std::vector<record::KeyedRecord> records);
  bool may_downgrade(std::size_t members) const;

  GroupTable& groups_;
  ClassicProtocol& classic_;
  TopicHashes& hashes_;
  const GroupSettings& settings_;
  GroupCounts& counts_;
  Offset new_topics_{-1};
};

/// Of a request that a decision refuses.
wire::ConsumerGroupHeartbeatResponse heartbeat_error(const Error& error);

}  // namespace moldau::group
