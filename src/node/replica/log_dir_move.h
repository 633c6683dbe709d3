// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <limits>
#include <memory>
#include <string>

#include "env/task.h"
#include "log/future_log.h"
#include "node/replica/hosted_partition.h"

namespace moldau::replica {

/// What all moves of a node share: replica.alter.log.dirs.io.max.bytes.per.second, divided by
/// those that run.
/// Thread   any thread.
struct MoveRate {
  std::atomic<std::int64_t> bytes_per_second{std::numeric_limits<std::int64_t>::max()};
  std::atomic<std::int32_t> running{0};
};

/// One replica on its way into another log dir.
///
/// Owner    shared by node/broker and the tasks below.
/// Thread   `future` belongs to the task that runs, otherwise to shard 0; cancel() from any.
struct LogDirMove {
  LogDirMove(const TopicIdPartition& moved, std::uint32_t to, env::PoolId pool_of_to,
             std::string to_path, const MoveRate& shared_rate)
      : id(moved), directory(to), pool(pool_of_to), path(std::move(to_path)), rate(shared_rate) {}

  const TopicIdPartition id;
  const std::uint32_t directory;  // position in log.dirs
  const env::PoolId pool;
  const std::string path;  // of that directory
  const MoveRate& rate;
  std::unique_ptr<log::FutureLog> future;
  /// Name for the replaced log directory.
  std::string retired;
  std::atomic<bool> cancelled{false};
};

enum class MoveState {
  kCaughtUp,   // nothing is missing but what is appended right now
  kBehind,     // too much is missing to hold appends for it
  kSwitched,   // the partition is served from its new place
  kCancelled,  // LogDirMove::cancelled
  kGone,       // the partition is no longer hosted here
  kFailed,     // by the disk
};

struct MoveOutcome {
  MoveOutcome() : error(ErrorCode::kNone) {}
  MoveState state = MoveState::kGone;
  Error error;
  /// The log dir that failed is the one the replica was to go to.
  bool at_destination = false;
};

/// What the future log has so far. Thread: whoever has `future` at the moment.
FutureReplica status_of(const LogDirMove& move);

/// Copies until the future log ends where the log does, in steps of kMoveStepBytes on the pool of
/// the new log dir, within the rate. Pauses while that dir is full.
///
/// Path     broker::ReplicaAlterLogDirs → ReplicaHost::spawn → this → log::FutureLog.
/// Owner    shares the partition, which is not given away meanwhile (HostedPartition::quiet).
/// Thread   the partition's shard; appends and reads go on.
/// Durable  what was copied, when it ends with kCaughtUp.
env::Task<void> catch_up(std::shared_ptr<HostedPartition> partition,
                         std::shared_ptr<LogDirMove> move, std::shared_ptr<MoveOutcome> outcome);

/// Holds appends, copies the rest, renames, and goes on in the new place. Appends that come
/// meanwhile wait and are done there; reads of records wait during the renames only.
/// Thread   the partition's shard.
/// Durable  the move.
env::Task<void> switch_over(std::shared_ptr<HostedPartition> partition,
                            std::shared_ptr<LogDirMove> move, std::shared_ptr<MoveOutcome> outcome);

inline constexpr std::uint32_t kMoveStepBytes = 1 << 20;
/// Appends are not held for more than this to be copied.
inline constexpr std::int64_t kSwitchRoundsMax = 16;

}  // namespace moldau::replica
