// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "machine/group/group.h"
#include "machine/group/streams_member.h"
#include "machine/group/streams_reconcile.h"
#include "machine/group/streams_topics.h"
#include "machine/group/streams_topology.h"

namespace moldau::group {

enum class StreamsGroupState : std::uint8_t {
  kEmpty,
  /// The topics that the topology needs are not there.
  kNotReady,
  kAssigning,
  kReconciling,
  kStable,
};

/// A group of the streams protocol: the threads of one application, which get tasks.
///
/// Path     StreamsProtocol decides on it; streams_replay.cc writes it.
/// Owner    the GroupTable.
/// Thread   a value of the partition's shard.
/// Source   StreamsGroup; KIP-1071.
class StreamsGroup final : public Group, public StreamsOwners {
 public:
  using Members = std::map<std::string, StreamsMember, std::less<>>;
  using Targets = std::map<std::string, StreamsTarget, std::less<>>;
  using Configs = std::map<std::string, std::string, std::less<>>;

  using Group::Group;

  GroupType type() const override { return GroupType::kStreams; }
  std::string_view state_name() const override;
  std::string_view protocol_type() const override { return "streams"; }
  bool is_empty() const override { return members_.empty(); }
  ErrorCode check_offset_commit(const Committer& committer) const override;
  ErrorCode check_partition_commit(const Committer& committer, std::string_view topic,
                                   const TopicId& topic_id, PartitionId partition) const override;
  ErrorCode check_offset_fetch(std::optional<std::string_view> member_id,
                               std::int32_t member_epoch) const override;
  ErrorCode check_offset_delete() const override { return ErrorCode::kNone; }
  ErrorCode check_delete() const override;
  bool is_subscribed_to(std::string_view topic) const override;
  std::optional<Timestamp> expires_from(Timestamp commit) const override { return commit; }
  void append_tombstones(std::vector<record::KeyedRecord>& records) const override;
  std::optional<MonoTime> next_deadline() const override;

  StreamsGroupState state() const;
  const Members& members() const { return members_; }
  const StreamsMember* member(std::string_view id) const;
  std::int32_t epoch() const { return epoch_; }
  /// Of the topics when the epoch was last raised.
  std::int64_t metadata_hash() const { return metadata_hash_; }
  /// Of the topology that was ready for tasks; -1 if it was not.
  std::int32_t validated_topology_epoch() const { return validated_topology_epoch_; }
  const Configs& last_assignment_configs() const { return last_assignment_configs_; }
  std::int32_t assignment_epoch() const { return assignment_epoch_; }
  Timestamp assignment_timestamp() const { return assignment_timestamp_; }
  const Targets& targets() const { return targets_; }
  /// Empty if there is none.
  const StreamsTarget& target(std::string_view member_id) const;
  const std::optional<StreamsTopology>& topology() const { return topology_; }

  std::optional<std::string_view> active_process(std::string_view subtopology,
                                                 std::int32_t partition) const override;
  bool is_replica_in(std::string_view process, std::string_view subtopology,
                     std::int32_t partition) const override;

  // Hard state, as the records say.
  void replay_epoch(std::int32_t epoch, std::int64_t metadata_hash,
                    std::int32_t validated_topology_epoch, Configs assignment_configs);
  void replay_topology(std::optional<StreamsTopology> topology);
  void replay_member(StreamsMember member);
  void remove_member(std::string_view id);
  void replay_target_metadata(std::int32_t epoch, Timestamp timestamp);
  void replay_target(std::string_view member_id, StreamsTarget target);
  void remove_target(std::string_view member_id);

  /// The same hard state.
  bool same_state(const StreamsGroup& other) const;

  // Soft state, StreamsProtocol's own.
  std::map<std::string, StreamsMemberTimers, std::less<>> timers;
  /// The topology as it was last measured, and the image it was measured with.
  std::optional<ConfiguredStreamsTopology> configured;
  std::optional<Offset> measured_at;
  /// Until then no tasks are given, so that more members may come.
  std::optional<MonoTime> initial_rebalance_end;
  /// Who has asked all members to shut down; forgotten when the group is empty.
  std::optional<std::string> shutdown_member_id;
  /// Rises when members get other tasks: those who know a lower one are told who has what.
  std::int32_t endpoint_information_epoch = 0;

 private:
  void count_tasks(const StreamsMember& member, bool add);
  void count_active(const StreamsTasksWithEpochs& tasks, const std::string& process, bool add);

  /// Partition to the process that has the task.
  using ActiveOwners = std::map<std::int32_t, std::string>;
  using ReplicaOwners = std::map<std::int32_t, std::set<std::string, std::less<>>>;
  using AllReplicaOwners = std::map<std::string, ReplicaOwners, std::less<>>;
  static void count_replicas(AllReplicaOwners& owners, const StreamsTasks& tasks,
                             const std::string& process, bool add);

  std::int32_t epoch_ = 1;
  std::int64_t metadata_hash_ = 0;
  std::int32_t validated_topology_epoch_ = 0;
  Configs last_assignment_configs_;
  std::int32_t assignment_epoch_ = 1;
  Timestamp assignment_timestamp_{0};
  Members members_;
  Targets targets_;
  std::optional<StreamsTopology> topology_;
  /// Topics that tasks read, and their subtopologies.
  std::map<std::string, std::string, std::less<>> readers_;
  std::map<std::string, ActiveOwners, std::less<>> active_;
  AllReplicaOwners standby_;
  AllReplicaOwners warmup_;
};

}  // namespace moldau::group
