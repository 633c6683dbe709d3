// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/types.h"
#include "machine/assignor/streams_assignor.h"

namespace moldau::group {

/// Subtopology id to partitions.
using StreamsTasks = assignor::StreamsTasks;
/// The same with the epoch at which the member got each: older commits are refused.
using StreamsTasksWithEpochs =
    std::map<std::string, std::map<std::int32_t, std::int32_t>, std::less<>>;

/// What a member is to have, or says that it has.
/// Source   TasksTuple.
struct StreamsTarget {
  StreamsTasks active;
  StreamsTasks standby;
  StreamsTasks warmup;
  bool is_empty() const { return active.empty() && standby.empty() && warmup.empty(); }
  bool operator==(const StreamsTarget&) const = default;
};

/// What a member has.
/// Source   TasksTupleWithEpochs.
struct StreamsAssignment {
  StreamsTasksWithEpochs active;
  StreamsTasks standby;
  StreamsTasks warmup;
  bool is_empty() const { return active.empty() && standby.empty() && warmup.empty(); }
  bool operator==(const StreamsAssignment&) const = default;
};

/// The numbers are in records.
enum class StreamsMemberState : std::int8_t {
  kStable = 1,
  /// Must give back tasks before it moves on to the next epoch.
  kUnrevokedTasks = 2,
  /// Waits for tasks that others still have.
  kUnreleasedTasks = 3,
  kUnknown = 127,
};

struct StreamsEndpoint {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const StreamsEndpoint&) const = default;
};

/// A thread of a streams application.
/// Thread   a value.
/// Source   StreamsGroupMember.
struct StreamsMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout_ms = -1;
  std::int32_t topology_epoch = -1;
  std::string process_id;
  std::optional<StreamsEndpoint> user_endpoint;
  std::map<std::string, std::string, std::less<>> client_tags;

  std::int32_t epoch = 0;
  std::int32_t previous_epoch = 0;
  StreamsMemberState state = StreamsMemberState::kStable;
  StreamsAssignment assigned;
  StreamsAssignment pending_revocation;

  bool operator==(const StreamsMember&) const = default;
  bool is_reconciled_to(std::int32_t target_epoch) const {
    return state == StreamsMemberState::kStable && epoch == target_epoch;
  }
};

/// Soft state of a member.
struct StreamsMemberTimers {
  /// The end of its session.
  std::optional<MonoTime> session_end;
  /// Until then it must have given back tasks and left the epoch.
  std::optional<MonoTime> rebalance_end;
  std::int32_t rebalance_epoch = 0;
};

}  // namespace moldau::group
