// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moldau::assignor {

/// Subtopology id to the partitions of its tasks.
using StreamsTasks = std::map<std::string, std::set<std::int32_t>, std::less<>>;

/// A part of a topology, as far as its tasks are concerned.
struct StreamsSubtopologyTasks {
  StreamsSubtopologyTasks(std::string_view i, std::int32_t t, bool s)
      : id(i), tasks(t), is_stateful(s) {}
  std::string_view id;
  /// One task for each partition below this.
  std::int32_t tasks;
  /// Has a changelog: its tasks can have standbys.
  bool is_stateful;
};

/// A member and what it was to have last time.
struct StreamsMemberSpec {
  StreamsMemberSpec(std::string_view m, std::string_view p, const StreamsTasks& a,
                    const StreamsTasks& s)
      : member_id(m), process_id(p), active(a), standby(s) {}
  std::string_view member_id;
  /// Members of one process share its disk: none of them is a standby of another one's task.
  std::string_view process_id;
  const StreamsTasks& active;
  const StreamsTasks& standby;
};

struct StreamsMemberTasks {
  StreamsTasks active;
  StreamsTasks standby;
  bool operator==(const StreamsMemberTasks&) const = default;
};

/// The sticky task assignor: every active task to one member, each stateful one to
/// `standby_replicas` other processes if there are as many; what somebody had stays with him as
/// long as that is within his share, then the least loaded process takes what is left.
///
/// `members` in the order in which Apache would put them into its HashMap; the answer is in that
/// order, too.
/// Thread   any thread; pure.
/// Bounds   the caller's: time grows with tasks × replicas × log(processes).
/// Errors   none; without members nothing is assigned.
/// Source   StickyTaskAssignor, ProcessState; KIP-1071.
std::vector<StreamsMemberTasks> assign_streams_tasks(
    std::span<const StreamsMemberSpec> members,
    std::span<const StreamsSubtopologyTasks> subtopologies, std::int32_t standby_replicas);

}  // namespace moldau::assignor
