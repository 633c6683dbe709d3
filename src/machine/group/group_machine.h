// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "machine/group/deleted_topic.h"
#include "machine/group/group_counts.h"
#include "machine/group/group_effects.h"
#include "machine/group/group_settings.h"
#include "machine/group/topic_regex.h"
#include "wire/alter_share_group_offsets_request.h"
#include "wire/consumer_group_describe_response.h"
#include "wire/consumer_group_heartbeat_request.h"
#include "wire/delete_share_group_offsets_request.h"
#include "wire/describe_groups_response.h"
#include "wire/heartbeat_request.h"
#include "wire/join_group_request.h"
#include "wire/leave_group_request.h"
#include "wire/list_groups_request.h"
#include "wire/list_groups_response.h"
#include "wire/offset_commit_request.h"
#include "wire/offset_delete_request.h"
#include "wire/offset_fetch_request.h"
#include "wire/offset_fetch_response.h"
#include "wire/share_group_describe_response.h"
#include "wire/share_group_heartbeat_request.h"
#include "wire/streams_group_describe_response.h"
#include "wire/streams_group_heartbeat_request.h"
#include "wire/sync_group_request.h"
#include "wire/txn_offset_commit_request.h"

namespace moldau::group {

/// The coordinator of the groups in one partition of `__consumer_offsets`.
///
/// Every request is answered through effects, at once or later, exactly once; when the host drops
/// the machine it answers those that still wait. A request whose records would not fit into one
/// batch changes nothing and is answered UNKNOWN_SERVER_ERROR, as by Apache.
/// Path     node/coordinator → this → Group, OffsetStore.
/// Owner    all state; requests are borrowed for the call, responses own their bytes.
/// Thread   a value of the partition's shard.
/// Bounds   GroupSettings; one batch ≤ batch_bytes_max per call; a tick looks at a bounded number
///          of groups, and next_deadline is at once while there is more to do.
/// Errors   in the responses, as Apache's coordinator answers; authorisation and the existence of
///          topics and partitions are the caller's.
/// Source   GroupMetadataManager, OffsetMetadataManager, ClassicGroup; KIP-345, 394, 447, 496, 848.
class GroupMachine {
 public:
  explicit GroupMachine(const GroupSettings& settings);
  ~GroupMachine();
  GroupMachine(GroupMachine&&) noexcept;
  GroupMachine& operator=(GroupMachine&&) noexcept;

  /// One record of the log, in the log's order. The only writer of hard state: what the machine
  /// decides it replays itself. A damaged record or one of an unknown type is counted and skipped.
  void replay(ByteView key, std::optional<ByteView> value);
  /// A record of a transactional batch: takes effect at the end of its transaction.
  void replay_transactional(ProducerId producer_id, ProducerEpoch producer_epoch, ByteView key,
                            std::optional<ByteView> value);
  /// The marker of a transaction, read from the log or just appended.
  void end_transaction(ProducerId producer_id, bool commit);
  /// Once, when the log is replayed to its end: sessions and timers start.
  GroupEffects loaded(const GroupContext& context);

  /// What time has brought about. Call it at next_deadline at the latest.
  GroupEffects tick(const GroupContext& context);
  /// Nothing before loaded().
  std::optional<MonoTime> next_deadline() const;

  GroupEffects join(const GroupContext& context, const GroupCaller& caller,
                    const wire::JoinGroupRequest& request);
  GroupEffects sync(const GroupContext& context, const GroupCaller& caller,
                    const wire::SyncGroupRequest& request);
  GroupEffects heartbeat(const GroupContext& context, const GroupCaller& caller,
                         const wire::HeartbeatRequest& request);
  GroupEffects leave(const GroupContext& context, const GroupCaller& caller,
                     const wire::LeaveGroupRequest& request);

  GroupEffects streams_heartbeat(const GroupContext& context, const GroupCaller& caller,
                                 const wire::StreamsGroupHeartbeatRequest& request);
  // group_machine_consumer.cc
  GroupEffects consumer_heartbeat(const GroupContext& context, const GroupCaller& caller,
                                  const wire::ConsumerGroupHeartbeatRequest& request);
  /// The answer to a RegexQuestion.
  GroupEffects regexes_resolved(const GroupContext& context, std::string_view group_id,
                                const ResolvedRegexes& resolved);
  /// One group of a ConsumerGroupDescribe request.
  wire::ConsumerGroupDescribeResponse::DescribedGroup describe_consumer(
      std::string_view group_id, const image::MetadataImage& image) const;

  /// A topic without a name is looked up by its id: UNKNOWN_TOPIC_ID if the image has none.
  GroupEffects commit_offsets(const GroupContext& context, const GroupCaller& caller,
                              const wire::OffsetCommitRequest& request);
  /// The host has verified that the group's partition takes part in the transaction.
  GroupEffects commit_transactional_offsets(const GroupContext& context, const GroupCaller& caller,
                                            const wire::TxnOffsetCommitRequest& request);
  GroupEffects delete_offsets(const GroupContext& context, const GroupCaller& caller,
                              const wire::OffsetDeleteRequest& request);
  GroupEffects share_heartbeat(const GroupContext& context, const GroupCaller& caller,
                               const wire::ShareGroupHeartbeatRequest& request);
  GroupEffects alter_share_offsets(const GroupContext& context, const GroupCaller& caller,
                                   const wire::AlterShareGroupOffsetsRequest& request);
  GroupEffects delete_share_offsets(const GroupContext& context, const GroupCaller& caller,
                                    const wire::DeleteShareGroupOffsetsRequest& request);
  /// Before delete_group(): answers ShareOffsetsDeleted with the state that is to be removed, none
  /// if it is no share group without members.
  GroupEffects begin_share_delete(const GroupContext& context, const GroupCaller& caller,
                                  std::string_view group_id);
  /// What the share coordinator has done of what one of these answers asked for.
  GroupEffects settle_share(const GroupContext& context, AnswerId answer,
                            const ShareSettlement& what);
  /// One group of a DeleteGroups request.
  GroupEffects delete_group(const GroupContext& context, const GroupCaller& caller,
                            std::string_view group_id);
  /// Their offsets are removed, some now and the rest in the ticks that follow.
  GroupEffects topics_deleted(const GroupContext& context, std::span<const DeletedTopic> topics);
  /// New topics, and those with other partitions or replicas; `image`: the one that brought new
  /// ones, if there are any.
  void topics_changed(std::span<const std::string> names, std::optional<Offset> image);
  /// Settings have changed while the node runs.
  void reconfigure(const GroupSettings& settings);

  /// One group of an OffsetFetch request; for versions below 8 the caller makes it one. Topics
  /// without a name are looked up by their id. Of all topics (null), those the image does not know
  /// have no id.
  wire::OffsetFetchResponse::OffsetFetchResponseGroup fetch_offsets(
      const wire::OffsetFetchRequest::OffsetFetchRequestGroup& request, bool require_stable,
      const image::MetadataImage& image) const;
  /// `version` of the DescribeGroups request: from 6 on an unknown group is an error.
  wire::DescribeGroupsResponse::DescribedGroup describe(std::string_view group_id,
                                                        std::int16_t version) const;
  wire::StreamsGroupDescribeResponse::DescribedGroup describe_streams(
      std::string_view group_id) const;
  wire::ShareGroupDescribeResponse::DescribedGroup describe_share(
      std::string_view group_id, const image::MetadataImage& image) const;
  /// Partitions of a share group whose state has begun; none if it is no share group.
  std::vector<ShareStart> share_initialized(std::string_view group_id) const;
  /// Those of this partition, by name.
  std::vector<wire::ListGroupsResponse::ListedGroup> list(
      const wire::ListGroupsRequest& request) const;
  GroupCounts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moldau::group
