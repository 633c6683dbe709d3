// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "machine/group/group_settings.h"
#include "machine/group/group_table.h"
#include "machine/group/share_group.h"
#include "machine/group/step.h"
#include "machine/group/topic_hash.h"
#include "wire/alter_share_group_offsets_request.h"
#include "wire/delete_share_group_offsets_request.h"
#include "wire/share_group_describe_response.h"
#include "wire/share_group_heartbeat_request.h"

namespace moldau::group {

/// Decides what members of share groups ask for, and what time does to them.
///
/// State of partitions is begun in three steps: a heartbeat notes that it begins and asks the node
/// for it (ShareHeartbeat::initialize), the node has the share coordinator do it, and settle()
/// notes what came of that. Only then the partition is assigned.
/// Path     GroupMachine → this → ShareGroup, assign_simple.
/// Owner    borrows the machine's parts.
/// Thread   a value of the partition's shard.
/// Bounds   group.share.max.size members; records of one step fit into one batch.
/// Errors   in the responses.
/// Source   GroupMetadataManager.shareGroupHeartbeat; KIP-932.
class ShareGroupProtocol {
 public:
  ShareGroupProtocol(GroupTable& groups, TopicSubscribers& subscribers, TopicHashes& hashes,
                     const GroupSettings& settings)
      : groups_(groups), subscribers_(subscribers), hashes_(hashes), settings_(settings) {}

  void loaded(Step& step, ShareGroup& group);
  void tick(Step& step, ShareGroup& group);
  void heartbeat(Step& step, const GroupCaller& caller,
                 const wire::ShareGroupHeartbeatRequest& request);
  /// The share coordinator has begun, or ended, or not, the state of these partitions.
  void settle(Step& step, AnswerId answer, const ShareSettlement& what);
  void alter_offsets(Step& step, const GroupCaller& caller,
                     const wire::AlterShareGroupOffsetsRequest& request);
  void delete_offsets(Step& step, const GroupCaller& caller,
                      const wire::DeleteShareGroupOffsetsRequest& request);
  /// The state of a group without members is to go before the group does.
  void begin_delete(Step& step, const GroupCaller& caller, std::string_view group_id);
  /// Their state is gone with them.
  void topic_deleted(Step& step, const TopicId& topic);

 private:
  struct Beat;
  using Request = wire::ShareGroupHeartbeatRequest;

  Result<ShareHeartbeat> decide(Step& step, const GroupCaller& caller, const Request& request);
  Result<ShareHeartbeat> leave(Step& step, const Request& request);
  Result<void> find_group(Beat& beat);
  Result<void> take_member(const GroupCaller& caller, Beat& beat);
  void raise_epoch(const Step& step, Beat& beat);
  Result<void> assign(const Step& step, Beat& beat);
  void reconcile(const Step& step, Beat& beat);
  void begin_states(const Step& step, Beat& beat);
  bool is_assignment_pending(const ShareGroup& group) const;
  bool fence(Step& step, ShareGroup& group, const std::string& member_id);

  GroupTable& groups_;
  TopicSubscribers& subscribers_;
  TopicHashes& hashes_;
  const GroupSettings& settings_;
};

/// GROUP_ID_NOT_FOUND in it, if the group is none of these.
wire::ShareGroupDescribeResponse::DescribedGroup describe_share_group(
    const GroupTable& groups, std::string_view group_id, const image::MetadataImage& image);

}  // namespace moldau::group
