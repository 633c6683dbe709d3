// SPDX-License-Identifier: Apache-2.0
#include "machine/group/streams_reconcile.h"

#include <algorithm>
#include <string>
#include <utility>

namespace moldau::group {
namespace {

/// Whether `has` and `wanted` have a task in common.
template <class Assigned>
bool overlap(const StreamsTasks& has, const Assigned& wanted) {
  return std::any_of(has.begin(), has.end(), [&](const auto& entry) {
    const auto at = wanted.find(entry.first);
    return at != wanted.end() &&
           std::any_of(entry.second.begin(), entry.second.end(),
                       [&](std::int32_t partition) { return at->second.contains(partition); });
  });
}

bool contains_any(const StreamsTarget& owned, const StreamsAssignment& tasks) {
  return overlap(owned.active, tasks.active) || overlap(owned.standby, tasks.standby) ||
         overlap(owned.warmup, tasks.warmup);
}

bool has_task(const StreamsTasks& tasks, std::string_view subtopology, std::int32_t partition) {
  const auto at = tasks.find(subtopology);
  return at != tasks.end() && at->second.contains(partition);
}

/// What becomes of a member's tasks in one step.
struct Steps {
  StreamsAssignment kept;
  StreamsAssignment revoked;
  StreamsAssignment added;
  bool has_unreleased = false;
};

/// Tasks without epochs.
template <class IsHeld>
void compare(const StreamsTasks& has, const StreamsTasks& wanted, StreamsTasks& kept,
             StreamsTasks& revoked, StreamsTasks& added, bool& has_unreleased, IsHeld is_held) {
  for (const auto& [subtopology, partitions] : has) {
    for (const std::int32_t partition : partitions) {
      (has_task(wanted, subtopology, partition) ? kept : revoked)[subtopology].insert(partition);
    }
  }
  for (const auto& [subtopology, partitions] : wanted) {
    for (const std::int32_t partition : partitions) {
      if (has_task(has, subtopology, partition)) continue;
      if (is_held(subtopology, partition)) {
        has_unreleased = true;
      } else {
        added[subtopology].insert(partition);
      }
    }
  }
}

class Reconciler {
 public:
  Reconciler(const StreamsMember& m, std::int32_t e, const StreamsTarget& t,
             const std::optional<StreamsTarget>& o, const StreamsOwners& w)
      : member_(m), target_epoch_(e), target_(t), owned_(o), owners_(w) {}

  StreamsMember step(std::int32_t epoch) const {
    Steps steps = steps_of(member_.assigned);
    return next(epoch, steps);
  }

 private:
  Steps steps_of(const StreamsAssignment& has) const;
  void compare_active(const StreamsAssignment& has, Steps& steps) const;
  StreamsMember next(std::int32_t epoch, Steps& steps) const;

  const StreamsMember& member_;
  const std::int32_t target_epoch_;
  const StreamsTarget& target_;
  const std::optional<StreamsTarget>& owned_;
  const StreamsOwners& owners_;
};

void Reconciler::compare_active(const StreamsAssignment& has, Steps& steps) const {
  for (const auto& [subtopology, partitions] : has.active) {
    for (const auto& [partition, epoch] : partitions) {
      const bool stays = has_task(target_.active, subtopology, partition);
      (stays ? steps.kept : steps.revoked).active[subtopology][partition] = epoch;
    }
  }
  for (const auto& [subtopology, partitions] : target_.active) {
    const auto own = has.active.find(subtopology);
    for (const std::int32_t partition : partitions) {
      if (own != has.active.end() && own->second.contains(partition)) continue;
      if (owners_.active_process(subtopology, partition) ||
          owners_.is_replica_in(member_.process_id, subtopology, partition)) {
        steps.has_unreleased = true;
      } else {
        steps.added.active[subtopology][partition] = target_epoch_;
      }
    }
  }
}

Steps Reconciler::steps_of(const StreamsAssignment& has) const {
  Steps steps;
  compare_active(has, steps);
  // Two tasks with the same state cannot share the disk of a process.
  const auto is_in_process = [&](std::string_view subtopology, std::int32_t partition) {
    return owners_.active_process(subtopology, partition) == member_.process_id ||
           owners_.is_replica_in(member_.process_id, subtopology, partition);
  };
  compare(has.standby, target_.standby, steps.kept.standby, steps.revoked.standby,
          steps.added.standby, steps.has_unreleased, is_in_process);
  compare(has.warmup, target_.warmup, steps.kept.warmup, steps.revoked.warmup, steps.added.warmup,
          steps.has_unreleased, is_in_process);
  return steps;
}

void merge(StreamsTasks& into, const StreamsTasks& from) {
  for (const auto& [subtopology, partitions] : from) {
    into[subtopology].insert(partitions.begin(), partitions.end());
  }
}

StreamsMember Reconciler::next(std::int32_t epoch, Steps& steps) const {
  StreamsMember out = member_;
  out.previous_epoch = member_.epoch;
  const bool must_revoke =
      !steps.revoked.is_empty() && (!owned_ || contains_any(*owned_, steps.revoked));
  out.assigned = std::move(steps.kept);
  if (must_revoke) {
    out.state = StreamsMemberState::kUnrevokedTasks;
    out.epoch = epoch;
    out.pending_revocation = std::move(steps.revoked);
    return out;
  }
  out.state =
      steps.has_unreleased ? StreamsMemberState::kUnreleasedTasks : StreamsMemberState::kStable;
  out.epoch = target_epoch_;
  for (const auto& [subtopology, partitions] : steps.added.active) {
    for (const auto& [partition, since] : partitions) {
      out.assigned.active[subtopology][partition] = since;
    }
  }
  merge(out.assigned.standby, steps.added.standby);
  merge(out.assigned.warmup, steps.added.warmup);
  out.pending_revocation = StreamsAssignment();
  return out;
}

}  // namespace

Result<StreamsMember> reconcile_streams_member(const StreamsMember& member,
                                               std::int32_t target_epoch,
                                               const StreamsTarget& target,
                                               const std::optional<StreamsTarget>& owned,
                                               const StreamsOwners& owners) {
  const Reconciler reconciler(member, target_epoch, target, owned, owners);
  switch (member.state) {
    case StreamsMemberState::kStable:
      if (member.epoch == target_epoch) return member;
      return reconciler.step(member.epoch);
    case StreamsMemberState::kUnrevokedTasks:
      if (!owned || contains_any(*owned, member.pending_revocation)) return member;
      // All is given back: it may enter the epoch after the one in which it was asked to.
      return reconciler.step(
          static_cast<std::int32_t>(static_cast<std::uint32_t>(member.epoch) + 1));
    case StreamsMemberState::kUnreleasedTasks:
      return reconciler.step(member.epoch);
    case StreamsMemberState::kUnknown:
      break;
  }
  if (!owned || !owned->is_empty()) {
    return Error(ErrorCode::kFencedMemberEpoch,
                 "The streams group member is in a unknown state. The member must abandon all its "
                 "tasks and rejoin.");
  }
  return reconciler.step(target_epoch);
}

}  // namespace moldau::group
