// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/types.h"
#include "machine/image/replica_list.h"

namespace moldau::image {

inline constexpr NodeId kNoLeader{-1};

/// Whether the leader may have lost records in an unclean election. The numbers are on disk.
enum class LeaderRecoveryState : std::int8_t { kRecovered = 0, kRecovering = 1 };

/// All the metadata log says of one partition.
/// Thread   a value.
/// Source   PartitionRegistration of Apache Kafka; KIP-858 (directories), KIP-966 (ELR).
struct PartitionState {
  PartitionState() = default;

  ReplicaList replicas;
  ReplicaList isr;
  ReplicaList removing_replicas;
  ReplicaList adding_replicas;
  ReplicaList elr;
  ReplicaList last_known_elr;
  /// One for each replica, in the same order.
  std::vector<DirectoryId> directories;
  NodeId leader = kNoLeader;
  LeaderEpoch leader_epoch{0};
  PartitionEpoch partition_epoch{0};
  LeaderRecoveryState recovery_state = LeaderRecoveryState::kRecovered;

  bool has_leader() const { return leader != kNoLeader; }
  NodeId preferred_replica() const { return replicas.empty() ? kNoLeader : replicas.front(); }
  bool has_preferred_leader() const { return leader == preferred_replica(); }
  bool is_reassigning() const { return !removing_replicas.empty() || !adding_replicas.empty(); }
  /// The directory of a replica; kDirectoryMigrating if it is none of ours.
  DirectoryId directory_of(NodeId replica) const {
    for (std::size_t i = 0; i < replicas.size() && i < directories.size(); ++i) {
      if (replicas[i] == replica) return directories[i];
    }
    return kDirectoryMigrating;
  }
  bool operator==(const PartitionState&) const = default;
};

/// What a PartitionChangeRecord changes; what is empty stays as it is.
struct PartitionChange {
  PartitionChange() = default;

  std::optional<std::vector<NodeId>> isr;
  /// kNoLeader leaves the partition without; naming the old leader again still bumps its epoch.
  std::optional<NodeId> leader;
  std::optional<std::vector<NodeId>> replicas;
  std::optional<std::vector<NodeId>> removing_replicas;
  std::optional<std::vector<NodeId>> adding_replicas;
  std::optional<LeaderRecoveryState> recovery_state;
  std::optional<std::vector<DirectoryId>> directories;
  std::optional<std::vector<NodeId>> elr;
  std::optional<std::vector<NodeId>> last_known_elr;

  bool is_nothing() const {
    return !isr && !leader && !replicas && !removing_replicas && !adding_replicas &&
           !recovery_state && !directories && !elr && !last_known_elr;
  }
};

/// The state after a change: the partition epoch rises by one, the leader epoch if a leader is set.
PartitionState merge(const PartitionState& state, const PartitionChange& change);

}  // namespace moldau::image
