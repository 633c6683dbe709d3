// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "machine/group/streams_member.h"

namespace moldau::group {

/// Who has a task now.
/// Thread   as the group that it is.
class StreamsOwners {
 public:
  StreamsOwners() = default;
  virtual ~StreamsOwners() = default;
  StreamsOwners(const StreamsOwners&) = delete;
  StreamsOwners& operator=(const StreamsOwners&) = delete;

  /// The process that has it as its active task, or still has to give it back.
  virtual std::optional<std::string_view> active_process(std::string_view subtopology,
                                                         std::int32_t partition) const = 0;
  /// Whether a member of the process has it as a standby or warm-up task.
  virtual bool is_replica_in(std::string_view process, std::string_view subtopology,
                             std::int32_t partition) const = 0;
};

/// Brings a member one step nearer to its target: it gives back what it is not to have, and gets
/// what nobody has any more. `owned` is what the member says that it has; nothing if it does not.
///
/// Thread   any thread; pure.
/// Errors   kFencedMemberEpoch: its state is from a later version of the protocol and it still has
///          tasks.
/// Source   CurrentAssignmentBuilder; KIP-1071.
Result<StreamsMember> reconcile_streams_member(const StreamsMember& member,
                                               std::int32_t target_epoch,
                                               const StreamsTarget& target,
                                               const std::optional<StreamsTarget>& owned,
                                               const StreamsOwners& owners);

}  // namespace moldau::group
