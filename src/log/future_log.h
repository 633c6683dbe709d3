// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "log/partition_log.h"

namespace moldau::log {

/// What one step of a copy did.
struct CopyStep {
  std::uint64_t bytes = 0;
  /// The future log ends where the view does.
  bool caught_up = false;
};

/// A replica on its way into another log dir: the log that is being filled there.
///
/// Path     node/replica/log_dir_move → copy() again and again → flush() → promote(), then
///          PartitionLog::take_over on the shard.
/// Owner    the move; `disk` outlives it.
/// Thread   one thread at a time. Calls marked *blocking* run on the pool.
/// Bounds   one buffer of `bytes_max`, or of the largest batch.
/// Durable  what was copied, when flush() returns. A crash leaves either the log in its old place
///          and a future one beside it, or (between the two renames) only a complete future one,
///          or the log in its new place.
/// Errors   kKafkaStorageError; kCorruptMessage: the log that is copied makes no sense;
///          kInconsistentTopicId from open().
/// Source   KIP-113; ReplicaAlterLogDirsThread, LogManager.replaceCurrentWithFutureLog.
class FutureLog {
 public:
  /// *Blocking.* Opens what an earlier run left, or makes a new one.
  static Result<std::unique_ptr<FutureLog>> open(env::Disk& disk,
                                                 PartitionLog::OpenOptions options);

  const std::string& directory() const { return log_->directory(); }
  const PartitionLog& log() const { return *log_; }
  Offset log_end_offset() const { return log_->log_end_offset(); }

  /// *Blocking.* Forgets records at and behind `offset`.
  Result<void> truncate_to(Offset offset, Timestamp now);
  /// *Blocking.* Appends what `from` has behind our end, about `bytes_max` of it. A view of
  /// another generation than the last one begins anew. Nothing may compact the log meanwhile.
  Result<CopyStep> copy(const LogView& from, std::uint32_t bytes_max, const LogConfig& config,
                        Timestamp now);
  /// *Blocking.* Everything copied is on disk afterwards.
  Result<void> flush();
  /// *Blocking.* After flush(), and with `current` where nobody touches it any more: renames the
  /// directory `current` to `retired` (in the same log dir), then ours to the name of a log that
  /// is served. What went wrong halfway is undone; if that cannot be, `stranded` is set and only
  /// a start puts the names in order (find_promotable in log_directory.h).
  Result<void> promote(const std::string& current, const std::string& retired, bool& stranded);
  /// Whose disk or records were at fault in the last call that failed: those of the log that is
  /// copied, or ours.
  bool failed_at_source() const { return failed_at_source_; }
  /// *Blocking.* Everything to disk; a later open() goes on from there.
  Result<void> close() { return log_->close(); }
  std::unique_ptr<PartitionLog> take() { return std::move(log_); }

 private:
  FutureLog(env::Disk& disk, std::unique_ptr<PartitionLog> log)
      : disk_(disk), log_(std::move(log)) {}
  Result<void> meet(const LogView& from, Timestamp now);
  Result<void> append(Slice bytes, const LogConfig& config, Timestamp now);
  Result<void> follow_log_start(Offset log_start);
  Result<Slice> read_from(const LogView& from, std::uint32_t bytes_max);
  /// Remembers where it was tried.
  template <class T>
  Result<T> at_source(Result<T> result) {
    failed_at_source_ = !result.ok();
    return result;
  }
  Result<void> run_jobs();

  env::Disk& disk_;
  std::unique_ptr<PartitionLog> log_;
  std::optional<std::uint64_t> generation_;  // of the log that is copied
  bool failed_at_source_ = false;
};

}  // namespace moldau::log
