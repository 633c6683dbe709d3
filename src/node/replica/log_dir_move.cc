// SPDX-License-Identifier: Apache-2.0
#include "node/replica/log_dir_move.h"

#include <algorithm>
#include <cerrno>

#include "node/replica/replica_host.h"

namespace moldau::replica {
namespace {

constexpr std::uint64_t kFlushEvery = std::uint64_t{64} << 20;
constexpr Millis kFullPause{1'000};
constexpr int kVanishedMax = 100;

bool is_full(const Error& error) {
  return error.os_error == ENOSPC || error.os_error == EDQUOT;
}

/// Set if the move is to end now.
std::optional<MoveState> interrupted(const HostedPartition& partition, const LogDirMove& move) {
  if (move.cancelled.load()) return MoveState::kCancelled;
  if (partition.stopped()) return MoveState::kGone;
  if (partition.host().directory_failed(move.directory)) return MoveState::kFailed;
  if (partition.host().directory_failed(partition.identity().directory)) return MoveState::kFailed;
  return std::nullopt;
}

/// Sleeps as long as `bytes` take at this move's part of the rate, which may change meanwhile.
env::Task<void> keep_to_rate(env::Shard* shard, const HostedPartition* partition, LogDirMove* move,
                             std::uint64_t bytes) {
  constexpr double kSlice = 0.1;
  double owed = static_cast<double>(bytes);
  while (owed > 0 && !interrupted(*partition, *move)) {
    const std::int64_t total = move->rate.bytes_per_second.load();
    const double share = static_cast<double>(total) / std::max(1, move->rate.running.load());
    // Such a rate no disk reaches.
    if (share > 1e12) co_return;
    const double seconds = share > 0 ? std::min(owed / share, kSlice) : kSlice;
    owed -= share * kSlice;
    const MonoTime next = shard->now() + Millis(static_cast<std::int64_t>(seconds * 1000.0) + 1);
    co_await env::sleep_until(*shard, next);
  }
}

/// One step of the copy, on the pool.
env::Task<Result<log::CopyStep>> copy_step(HostedPartition* partition,
                                           std::shared_ptr<LogDirMove> move) {
  env::Shard& shard = partition->host().shard();
  const env::PoolId pool = move->pool;
  auto view = std::make_shared<const log::LogView>(partition->log().view());
  auto copy = [move, view, config = partition->log().config(), now = shard.wall_now()] {
    return move->future->copy(*view, kMoveStepBytes, config, now);
  };
  Result<log::CopyStep> step = co_await env::blocking(shard, pool, std::move(copy));
  partition->set_future(status_of(*move));
  co_return step;
}

env::Task<Result<void>> flush(HostedPartition* partition, std::shared_ptr<LogDirMove> move) {
  env::Shard& shard = partition->host().shard();
  const env::PoolId pool = move->pool;
  auto work = [move] { return move->future->flush(); };
  Result<void> flushed = co_await env::blocking(shard, pool, std::move(work));
  partition->set_future(status_of(*move));
  co_return flushed;
}

/// Ends a move whose disk has failed, and tells whose disk it is.
void fail(HostedPartition& partition, const LogDirMove& move, const Error& error,
          MoveOutcome& outcome) {
  outcome.state = MoveState::kFailed;
  outcome.error = error;
  outcome.at_destination = move.future == nullptr || !move.future->failed_at_source();
  if (!outcome.at_destination) return partition.host().note_read_error(partition, error);
  if (error.code == ErrorCode::kKafkaStorageError && !is_full(error))
    partition.host().note_directory_failure(move.directory, error);
}

/// What a failed step asks for. True: try again.
bool may_try_again(HostedPartition& partition, const LogDirMove& move, const Error& error,
                   int& vanished, MoveOutcome& outcome) {
  if (is_full(error) && !move.future->log().failed()) return true;
  // Retention may take a segment away while it is copied; the next view does not have it.
  if (error.os_error == ENOENT && !move.future->log().failed() && ++vanished < kVanishedMax)
    return true;
  fail(partition, move, error, outcome);
  return false;
}

env::Task<void> end_compaction(HostedPartition* partition) {
  env::Shard& shard = partition->host().shard();
  partition->cancel_compaction();
  while (partition->compacting()) {
    const MonoTime soon = shard.now() + Millis(1);
    co_await env::sleep_until(shard, soon);
  }
}

env::Task<void> copy_until_caught_up(HostedPartition* partition, std::shared_ptr<LogDirMove> move,
                                     MoveOutcome* outcome) {
  env::Shard& shard = partition->host().shard();
  int vanished = 0;
  std::uint64_t unflushed = 0;
  for (;;) {
    if (const auto end = interrupted(*partition, *move)) {
      outcome->state = *end;
      co_return;
    }
    bool wait = !partition->host().directory_accepts(move->directory);
    std::uint64_t bytes = 0;
    if (!wait) {
      const Result<log::CopyStep> step = co_await copy_step(partition, move);
      if (!step.ok()) {
        if (!may_try_again(*partition, *move, step.error(), vanished, *outcome)) co_return;
        wait = is_full(step.error());
      } else {
        vanished = 0;
        bytes = step->bytes;
        unflushed += bytes;
      }
      const bool caught_up = step.ok() && step->caught_up;
      if (caught_up || unflushed >= kFlushEvery) {
        const Result<void> flushed = co_await flush(partition, move);
        unflushed = 0;
        if (!flushed.ok()) {
          fail(*partition, *move, flushed.error(), *outcome);
          co_return;
        }
      }
      if (caught_up) {
        outcome->state = MoveState::kCaughtUp;
        co_return;
      }
    }
    const MonoTime later = shard.now() + kFullPause;
    if (wait) co_await env::sleep_until(shard, later);
    co_await keep_to_rate(&shard, partition, move.get(), bytes);
  }
}

/// With appends held: copies what is left and syncs it. True if both logs are equal now.
env::Task<bool> copy_rest(HostedPartition* partition, std::shared_ptr<LogDirMove> move,
                          MoveOutcome* outcome) {
  int vanished = 0;
  for (std::int64_t round = 0; round < kSwitchRoundsMax; ++round) {
    if (const auto end = interrupted(*partition, *move)) {
      outcome->state = *end;
      co_return false;
    }
    const Result<log::CopyStep> step = co_await copy_step(partition, move);
    if (!step.ok()) {
      const bool again = may_try_again(*partition, *move, step.error(), vanished, *outcome);
      if (again) outcome->state = MoveState::kBehind;
      if (!again || is_full(step.error())) co_return false;
      continue;
    }
    if (!step->caught_up) continue;
    const Result<void> flushed = co_await flush(partition, move);
    if (!flushed.ok()) fail(*partition, *move, flushed.error(), *outcome);
    co_return flushed.ok();
  }
  outcome->state = MoveState::kBehind;
  co_return false;
}

/// The renames, and the partition's new life.
env::Task<void> rename_and_take_over(HostedPartition* partition, std::shared_ptr<LogDirMove> move,
                                     MoveOutcome* outcome) {
  env::Shard& shard = partition->host().shard();
  const env::PoolId pool = move->pool;
  auto stranded = std::make_shared<bool>(false);
  auto promote = [move, stranded, current = partition->log().directory()] {
    return move->future->promote(current, move->retired, *stranded);
  };
  partition->begin_renames();
  const Result<void> promoted = co_await env::blocking(shard, pool, std::move(promote));
  if (promoted.ok()) {
    partition->take_over(move->future->take(), move->directory, move->pool);
    outcome->state = MoveState::kSwitched;
  } else {
    fail(*partition, *move, promoted.error(), *outcome);
    if (*stranded) partition->log().mark_failed();
  }
  partition->end_renames();
}

}  // namespace

FutureReplica status_of(const LogDirMove& move) {
  const log::PartitionLog& log = move.future->log();
  FutureReplica status;
  status.directory = move.directory;
  status.log_end = log.log_end_offset();
  status.bytes = log.size_bytes();
  status.checkpoint.topic_partition = log.topic_partition();
  status.checkpoint.recovery_point = log.recovery_point();
  status.checkpoint.log_start_offset = log.log_start_offset();
  status.checkpoint.starts_inside_segment = log.starts_inside_segment();
  status.checkpoint.high_watermark = log.log_start_offset();
  return status;
}

env::Task<void> catch_up(std::shared_ptr<HostedPartition> partition,
                         std::shared_ptr<LogDirMove> move, std::shared_ptr<MoveOutcome> outcome) {
  partition->set_moving(true);
  partition->set_future(status_of(*move));
  co_await end_compaction(partition.get());
  co_await copy_until_caught_up(partition.get(), move, outcome.get());
  partition->set_moving(false);
}

env::Task<void> switch_over(std::shared_ptr<HostedPartition> partition,
                            std::shared_ptr<LogDirMove> move,
                            std::shared_ptr<MoveOutcome> outcome) {
  env::Shard& shard = partition->host().shard();
  partition->set_moving(true);
  partition->hold_appends();
  while (!partition->quiet_but_for_move()) {
    const MonoTime soon = shard.now() + Millis(1);
    co_await env::sleep_until(shard, soon);
  }
  const bool equal = co_await copy_rest(partition.get(), move, outcome.get());
  if (equal) co_await rename_and_take_over(partition.get(), move, outcome.get());
  partition->release_appends();
  partition->set_moving(false);
}

}  // namespace moldau::replica
