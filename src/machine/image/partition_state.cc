// SPDX-License-Identifier: Apache-2.0
#include "machine/image/partition_state.h"

namespace moldau::image {
namespace {

void set(ReplicaList& list, const std::optional<std::vector<NodeId>>& change) {
  if (change) list = ReplicaList(*change);
}

}  // namespace

PartitionState merge(const PartitionState& state, const PartitionChange& change) {
  PartitionState next = state;
  set(next.replicas, change.replicas);
  set(next.isr, change.isr);
  set(next.removing_replicas, change.removing_replicas);
  set(next.adding_replicas, change.adding_replicas);
  set(next.elr, change.elr);
  set(next.last_known_elr, change.last_known_elr);
  if (change.directories) next.directories = *change.directories;
  // Records from before directories existed leave none; then nobody knows where a replica lies.
  if (next.directories.empty()) next.directories.assign(next.replicas.size(), kDirectoryMigrating);
  if (change.leader) {
    next.leader = *change.leader;
    ++next.leader_epoch;
  }
  if (change.recovery_state) next.recovery_state = *change.recovery_state;
  ++next.partition_epoch;
  return next;
}

}  // namespace moldau::image
