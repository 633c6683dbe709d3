// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "machine/group/modern_group.h"

namespace moldau::group {

/// A member of a share group, as two records say it.
/// Thread   a value of the partition's shard.
/// Source   ShareGroupMember.
struct ShareGroupMember {
  std::string id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  /// Rising, each once.
  std::vector<std::string> topics;

  std::int32_t epoch = 0;
  std::int32_t previous_epoch = -1;
  std::int8_t state = 0;
  assignor::Assignment assigned;

  bool operator==(const ShareGroupMember&) const = default;
  bool same_subscription(const ShareGroupMember& other) const {
    return rack_id == other.rack_id && client_id == other.client_id &&
           client_host == other.client_host && topics == other.topics;
  }
};

/// A topic whose state is with the share coordinator, or is on its way there.
struct ShareTopic {
  std::string name;
  std::set<PartitionId> partitions;
  /// Soft: when it was last written.
  Timestamp since{0};
};
using ShareTopics = std::map<TopicId, ShareTopic>;

/// What of a group has state. Only what is initialized is assigned.
struct ShareTopicStates {
  ShareTopics initializing;
  ShareTopics initialized;
  /// With their names.
  std::map<TopicId, std::string> deleting;
};

/// A group whose members share the records of partitions.
///
/// Path     ShareGroupProtocol decides on it; share_group_replay.cc writes it.
/// Owner    the GroupTable.
/// Thread   a value of the partition's shard.
/// Source   ShareGroup; KIP-932.
class ShareGroup final : public ModernGroup {
 public:
  using Members = std::map<std::string, ShareGroupMember, std::less<>>;

  using ModernGroup::ModernGroup;

  GroupType type() const override { return GroupType::kShare; }
  std::string_view state_name() const override { return is_empty() ? "Empty" : "Stable"; }
  std::string_view protocol_type() const override { return "share"; }
  bool is_empty() const override { return members_.empty(); }
  std::size_t member_count() const override { return members_.size(); }
  ErrorCode check_offset_commit(const Committer&) const override {
    return ErrorCode::kGroupIdNotFound;
  }
  ErrorCode check_offset_fetch(std::optional<std::string_view>, std::int32_t) const override {
    return ErrorCode::kGroupIdNotFound;
  }
  ErrorCode check_offset_delete() const override { return ErrorCode::kGroupIdNotFound; }
  ErrorCode check_delete() const override {
    return is_empty() ? ErrorCode::kNone : ErrorCode::kNonEmptyGroup;
  }
  /// Offsets of a share group are not committed ones.
  std::optional<Timestamp> expires_from(Timestamp) const override { return std::nullopt; }
  void append_tombstones(std::vector<record::KeyedRecord>& records) const override;
  std::optional<MonoTime> next_deadline() const override;

  const Members& members() const { return members_; }
  const ShareGroupMember* member(std::string_view id) const;
  const ShareTopicStates& topics() const { return topics_; }
  /// A record says so, be it that there are none.
  bool has_topics() const { return has_topics_; }
  bool has_topic_states() const { return has_topic_states_; }

  // Hard state, as the records say.
  void replay_member(ShareGroupMember member);
  void remove_member(std::string_view id);
  void replay_topics(ShareTopicStates topics);
  void remove_topics();
  /// Soft: the state of the topic is being begun since then.
  void note_begun(const TopicId& topic, Timestamp since) {
    const auto at = topics_.initializing.find(topic);
    if (at != topics_.initializing.end()) at->second.since = since;
  }

  /// Soft: when a member that is silent is removed.
  std::map<std::string, MonoTime, std::less<>> sessions;

 private:
  Members members_;
  ShareTopicStates topics_;
  bool has_topics_ = false;
  bool has_topic_states_ = false;
};

// share_group_records.cc
record::KeyedRecord share_member_record(std::string_view group_id, const ShareGroupMember& member);
record::KeyedRecord share_member_tombstone(std::string_view group_id, std::string_view member_id);
record::KeyedRecord share_epoch_record(std::string_view group_id, std::int32_t epoch,
                                       std::int64_t metadata_hash);
record::KeyedRecord share_epoch_tombstone(std::string_view group_id);
record::KeyedRecord share_target_record(std::string_view group_id, std::string_view member_id,
                                        const assignor::Assignment& target);
record::KeyedRecord share_target_tombstone(std::string_view group_id, std::string_view member_id);
record::KeyedRecord share_target_epoch_record(std::string_view group_id, std::int32_t epoch,
                                              Timestamp timestamp);
record::KeyedRecord share_target_epoch_tombstone(std::string_view group_id);
record::KeyedRecord share_current_record(std::string_view group_id, const ShareGroupMember& member);
record::KeyedRecord share_current_tombstone(std::string_view group_id, std::string_view member_id);
record::KeyedRecord share_topics_record(std::string_view group_id, const ShareTopicStates& topics);
record::KeyedRecord share_topics_tombstone(std::string_view group_id);

}  // namespace moldau::group
