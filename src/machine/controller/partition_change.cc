// SPDX-License-Identifier: Apache-2.0
#include "machine/controller/partition_change.h"

#include <algorithm>

namespace moldau::controller {
namespace {

using image::LeaderRecoveryState;
using image::PartitionChange;
using image::PartitionState;

using Ids = std::vector<NodeId>;

bool same(const image::ReplicaList& list, const Ids& ids) {
  return std::equal(list.begin(), list.end(), ids.begin(), ids.end());
}

Ids without(const Ids& ids, const Ids& gone) {
  Ids rest;
  for (NodeId id : ids) {
    if (!contains(gone, id)) rest.push_back(id);
  }
  return rest;
}

bool contains_all(const Ids& ids, std::span<const NodeId> wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](NodeId id) { return contains(ids, id); });
}

class Builder {
 public:
  Builder(const PartitionState& state, const PartitionChangeWish& wish)
      : state_(state),
        wish_(wish),
        isr_(wish.isr.value_or(state.isr.to_vector())),
        replicas_(wish.replicas.value_or(state.replicas.to_vector())),
        removing_(wish.removing_replicas.value_or(state.removing_replicas.to_vector())),
        adding_(wish.adding_replicas.value_or(state.adding_replicas.to_vector())),
        elr_(state.elr.to_vector()) {}

  std::optional<PartitionChange> build() {
    complete_reassignment();
    populate_elr();
    elect();
    bump_leader_epoch_if_replicas_leave();
    record_elr();
    if (!change_.isr && (!isr_.empty() || wish_.elr_enabled) && !same(state_.isr, isr_)) {
      change_.isr = isr_;
    }
    bump_leader_epoch_if_isr_shrinks();
    record_last_known_leader();
    record_assignment();
    const LeaderRecoveryState recovery = wish_.recovery_state.value_or(state_.recovery_state);
    if (recovery != state_.recovery_state) change_.recovery_state = recovery;
    if (change_.is_nothing()) return std::nullopt;
    return std::move(change_);
  }

 private:
  void complete_reassignment() {
    if (removing_.empty() && adding_.empty()) return;
    const Ids isr = without(isr_, removing_);
    const Ids replicas = without(replicas_, removing_);
    if (!removing_.empty() && (isr.empty() || replicas.empty())) return;
    if (!contains_all(isr, adding_)) return;
    // Where fewer come than go, those that stay must make up for it.
    if (adding_.size() < removing_.size() && !contains_all(isr, replicas)) return;
    isr_ = isr;
    replicas_ = replicas;
    removing_.clear();
    adding_.clear();
  }

  /// Below the min ISR the high watermark stands still, so whoever was in the ISR then still holds
  /// all that is committed: it stays eligible.
  void populate_elr() {
    if (!wish_.elr_enabled) return;
    if (isr_.size() >= wish_.min_isr) {
      elr_.clear();
      return;
    }
    Ids eligible = elr_;
    for (NodeId id : state_.isr) {
      if (!contains(eligible, id)) eligible.push_back(id);
    }
    elr_.clear();
    for (NodeId id : eligible) {
      if (!contains(isr_, id) && id != wish_.unclean_shutdown) elr_.push_back(id);
    }
    std::sort(elr_.begin(), elr_.end());
  }

  bool is_valid_leader(NodeId id) const {
    const bool holds_all = contains(isr_, id) || (isr_.empty() && contains(elr_, id));
    return holds_all && contains(wish_.may_lead, id);
  }
  bool can_elect_last_known_leader() const {
    return wish_.elr_enabled && elr_.empty() && isr_.empty() && state_.last_known_elr.size() == 1 &&
           contains(wish_.may_lead, state_.last_known_elr.front());
  }

  struct Elected {
    NodeId leader = image::kNoLeader;
    bool unclean = false;
  };
  Elected choose() const {
    if (wish_.election == Election::kPreferred && !replicas_.empty() &&
        is_valid_leader(replicas_.front())) {
      return {replicas_.front(), false};
    }
    if (is_valid_leader(state_.leader)) return {state_.leader, false};
    for (NodeId id : replicas_) {
      if (is_valid_leader(id)) return {id, false};
    }
    if (can_elect_last_known_leader()) return {state_.last_known_elr.front(), true};
    if (wish_.election == Election::kUnclean) {
      for (NodeId id : replicas_) {
        if (contains(wish_.may_lead, id)) return {id, true};
      }
    }
    return {};
  }

  void elect() {
    const Elected elected = choose();
    if (elected.leader == state_.leader) return;
    if (contains(elr_, elected.leader)) {
      isr_ = {elected.leader};
      elr_ = without(elr_, isr_);
    }
    change_.leader = elected.leader;
    if (!elected.unclean) return;
    // Others may hold records that this one has not: they must truncate to it.
    change_.isr = Ids{elected.leader};
    if (state_.recovery_state != LeaderRecoveryState::kRecovering) {
      change_.recovery_state = LeaderRecoveryState::kRecovering;
    }
  }

  void bump_leader_epoch_if_replicas_leave() {
    if (!change_.leader && !contains_all(replicas_, state_.replicas)) {
      change_.leader = state_.leader;
    }
  }
  void bump_leader_epoch_if_isr_shrinks() {
    if (!wish_.metadata_version.bumps_leader_epoch_on_isr_shrink()) return;
    if (!change_.leader && change_.isr && !contains_all(*change_.isr, state_.isr)) {
      change_.leader = state_.leader;
    }
  }

  void record_elr() {
    // After an unclean election nobody is eligible any more.
    if (change_.isr || !wish_.elr_enabled) elr_.clear();
    if (!same(state_.elr, elr_)) change_.elr = elr_;
  }

  void record_last_known_leader() {
    if (!wish_.elr_enabled || !change_.leader) return;
    if (*change_.leader != image::kNoLeader) {
      if (!state_.last_known_elr.empty()) change_.last_known_elr = Ids{};
    } else if (state_.has_leader() && state_.last_known_elr.empty()) {
      change_.last_known_elr = Ids{state_.leader};
    }
  }

  void record_assignment() {
    if (!replicas_.empty()) {
      if (wish_.metadata_version.has_directory_assignment()) record_directories();
      if (!same(state_.replicas, replicas_)) change_.replicas = replicas_;
    }
    if (!same(state_.removing_replicas, removing_)) change_.removing_replicas = removing_;
    if (!same(state_.adding_replicas, adding_)) change_.adding_replicas = adding_;
  }
  void record_directories() {
    std::vector<DirectoryId> directories;
    for (NodeId id : replicas_) {
      if (wish_.directory && wish_.directory->first == id) {
        directories.push_back(wish_.directory->second);
      } else if (state_.replicas.contains(id)) {
        directories.push_back(state_.directory_of(id));
      } else {
        const auto it = wish_.default_directories.find(id);
        directories.push_back(it == wish_.default_directories.end() ? kDirectoryUnassigned
                                                                    : it->second);
      }
    }
    if (directories != state_.directories) change_.directories = std::move(directories);
  }

  const PartitionState& state_;
  const PartitionChangeWish& wish_;
  Ids isr_;
  Ids replicas_;
  Ids removing_;
  Ids adding_;
  Ids elr_;
  PartitionChange change_;
};

}  // namespace

bool contains(const std::vector<NodeId>& ids, NodeId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

std::optional<PartitionChange> build_partition_change(const PartitionState& state,
                                                      const PartitionChangeWish& wish) {
  return Builder(state, wish).build();
}

Reassignment plan_reassignment(const std::vector<NodeId>& current,
                               const std::vector<NodeId>& target) {
  Reassignment plan;
  plan.removing = without(current, target);
  plan.adding = without(target, current);
  std::sort(plan.removing.begin(), plan.removing.end());
  std::sort(plan.adding.begin(), plan.adding.end());
  plan.replicas = target;
  plan.replicas.insert(plan.replicas.end(), plan.removing.begin(), plan.removing.end());
  return plan;
}

ReassignmentRevert plan_revert(const PartitionState& state) {
  ReassignmentRevert revert;
  const Ids adding = state.adding_replicas.to_vector();
  revert.replicas = without(state.replicas.to_vector(), adding);
  revert.isr = without(state.isr.to_vector(), adding);
  if (revert.isr.empty() && !revert.replicas.empty()) {
    revert.isr.push_back(revert.replicas.front());
    revert.unclean = true;
  }
  return revert;
}

}  // namespace moldau::controller
