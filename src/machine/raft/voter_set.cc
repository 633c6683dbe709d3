// SPDX-License-Identifier: Apache-2.0
#include "machine/raft/voter_set.h"

namespace moldau::raft {

VoterSet::VoterSet(std::vector<Voter> voters) {
  for (Voter& voter : voters) put(std::move(voter));
}

const Voter* VoterSet::find(NodeId id) const {
  const auto it = voters_.find(id);
  return it == voters_.end() ? nullptr : &it->second;
}

bool VoterSet::contains(const ReplicaKey& key) const {
  const Voter* voter = find(key.id);
  return voter && (voter->key.directory.is_zero() || voter->key.directory == key.directory);
}

}  // namespace moldau::raft
