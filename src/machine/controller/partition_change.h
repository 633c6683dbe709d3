// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/types.h"
#include "machine/image/metadata_version.h"
#include "machine/image/partition_state.h"

namespace moldau::controller {

/// How a leader is looked for.
enum class Election {
  /// The first replica if it may lead, else whoever keeps the partition online.
  kPreferred,
  /// Whoever keeps the partition online without losing records.
  kOnline,
  /// Rather somebody outside the ISR than nobody.
  kUnclean,
};

/// What is wanted of a partition, and who may lead it: input of build_partition_change.
struct PartitionChangeWish {
  PartitionChangeWish() = default;

  Election election = Election::kOnline;
  bool elr_enabled = false;
  /// Never more than there are replicas.
  std::size_t min_isr = 1;
  image::MetadataVersion metadata_version{image::MetadataVersion::kLatest};
  /// Of the replicas: unfenced, not shutting down, their directory online.
  std::vector<NodeId> may_lead;
  /// Where a new replica goes; kDirectoryUnassigned if it is not listed.
  std::map<NodeId, DirectoryId> default_directories;

  /// What is empty stays as it is.
  std::optional<std::vector<NodeId>> isr;
  std::optional<std::vector<NodeId>> replicas;
  std::optional<std::vector<NodeId>> removing_replicas;
  std::optional<std::vector<NodeId>> adding_replicas;
  std::optional<image::LeaderRecoveryState> recovery_state;
  /// Came back without a clean shutdown: may have lost the end of its log.
  std::optional<NodeId> unclean_shutdown;
  std::optional<std::pair<NodeId, DirectoryId>> directory;
};

/// What must be written so that the partition becomes as wished: elects a leader where the old one
/// cannot stay, keeps the ELR, completes a reassignment whose replicas are all in sync.
/// Nothing if it is so already.
/// Source   PartitionChangeBuilder; KIP-455 (reassignment), KIP-704 (recovery state),
///          KIP-858 (directories), KIP-966 (ELR).
std::optional<image::PartitionChange> build_partition_change(const image::PartitionState& state,
                                                             const PartitionChangeWish& wish);

/// The replicas during a reassignment: the target first, then those to be removed.
struct Reassignment {
  Reassignment() = default;
  std::vector<NodeId> replicas;
  std::vector<NodeId> removing;
  std::vector<NodeId> adding;
};
Reassignment plan_reassignment(const std::vector<NodeId>& current,
                               const std::vector<NodeId>& target);

/// What a partition goes back to when its reassignment is cancelled.
struct ReassignmentRevert {
  ReassignmentRevert() = default;
  std::vector<NodeId> replicas;
  std::vector<NodeId> isr;
  /// All that is in sync is being added: going back would lose records.
  bool unclean = false;
};
ReassignmentRevert plan_revert(const image::PartitionState& state);

bool contains(const std::vector<NodeId>& ids, NodeId id);

}  // namespace moldau::controller
