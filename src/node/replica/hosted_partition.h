// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/env.h"
#include "log/compaction.h"
#include "log/log_directory.h"
#include "log/partition_log.h"
#include "machine/partition/partition_machine.h"
#include "node/park/waiter.h"
#include "node/replica/append_part.h"
#include "node/replica/cold_read.h"
#include "node/replica/fetch_session.h"
#include "record/validate.h"

namespace moldau::replica {

class ReplicaHost;

/// Who reads: a consumer sees committed records only, a follower everything.
struct ReadAs {
  bool read_committed = false;
  NodeId follower{-1};
  BrokerEpoch follower_epoch{-1};
  /// kForDevice: read at once, whatever it takes.
  env::Wait wait = env::Wait::kNever;
  bool is_follower() const { return follower.value() >= 0; }
};

/// What a fetch found in one partition.
struct ReadOutcome {
  ErrorCode error = ErrorCode::kNone;
  Offset high_watermark{-1};
  Offset last_stable_offset{-1};
  Offset log_start_offset{-1};
  log::FileRange range;
  std::vector<log::AbortedTransaction> aborted;
  /// Set if the reader's log and ours have parted.
  std::optional<partition::EpochEndOffset> diverging;
  NodeId leader{-1};
  LeaderEpoch leader_epoch{-1};
  /// There is something, but its files are being renamed: to be asked for again in a moment.
  bool renaming = false;
  /// There is something, but not in memory: to be asked for again once this was warmed.
  std::shared_ptr<const ColdRead> cold;
};

/// What a partition is called and where it lies; only a move to another log dir changes that.
struct HostedIdentity {
  TopicIdPartition id;
  TopicPartition name;
  env::PoolId pool;             // of its log directory
  std::uint32_t directory = 0;  // position in log.dirs
};

/// The copy of a replica that is being made in another log dir (log_dir_move.h).
struct FutureReplica {
  std::uint32_t directory = 0;
  Offset log_end{0};
  std::uint64_t bytes = 0;
  log::ReplicaCheckpoint checkpoint;
};

/// One partition on its shard: the log and the machine, and who waits for what.
///
/// Path     ReplicaHost → this → log and machine/partition.
/// Owner    its ReplicaHost, shared with work on the pool that will come back to it.
/// Thread   shard-bound.
/// Bounds   waiting appends are bounded by the requests in flight; fetch waiters by WaitList.
/// Durable  outcomes of acks=all (and of acks=1 where acks are durable) come after the fsync if
///          flush.messages is 1; otherwise after the write.
/// Errors   in AppendOutcome and ReadOutcome, Kafka's.
/// Source   kafka.cluster.Partition, ReplicaManager.
class HostedPartition : public std::enable_shared_from_this<HostedPartition> {
 public:
  HostedPartition(ReplicaHost& host, HostedIdentity identity,
                  std::unique_ptr<log::PartitionLog> log, NodeId self);

  const HostedIdentity& identity() const { return identity_; }
  ReplicaHost& host() const { return host_; }
  log::PartitionLog& log() { return *log_; }
  const partition::PartitionMachine& machine() const { return machine_; }
  void restore_high_watermark(Offset checkpointed);

  void apply(const partition::PartitionAssignment& assignment);
  void set_config(const log::LogConfig& log_config, const record::ValidateOptions& validation);

  /// Judges and stages item `index`; its outcome comes now or after a later turn end.
  void append(const std::shared_ptr<AppendPart>& part, std::size_t index);
  /// At the end of a turn: one write for all that was staged.
  void write_staged();
  /// The pool has synced what `point` covers.
  void flushed(const log::FlushPoint& point, const Result<void>& result);
  bool wants_flush() const;
  /// Records have waited for longer than flush.ms allows.
  bool flush_is_due(MonoTime now) const;
  bool has_staged() const { return !staged_.empty(); }

  /// Reads; if `waiter` is given it stands in the list for new data afterwards.
  ReadOutcome read(const FetchPartition& asked, const ReadAs& as, std::uint32_t bytes_max,
                   const std::shared_ptr<park::Waiter>& waiter);
  /// kNone if this node leads and the caller's epoch fits.
  ErrorCode check_leader(LeaderEpoch callers_epoch) const;

  /// DeleteRecords up to `offset`, -1 for the high watermark. Gives the new log start.
  Result<Offset> delete_records(Offset offset);
  /// Retention and rolling by age; called now and then.
  void maintain(Timestamp now);
  void expire_producers(Timestamp now);
  /// Hands work that the log asks for to the pool, in order.
  void run_jobs();
  /// Its log dir is offline: KAFKA_STORAGE_ERROR for everybody, until the next start.
  void fail();
  /// No further request is served; those that wait get `code`.
  void stop(ErrorCode code);
  /// After stop(): the log, to be closed or deleted.
  std::unique_ptr<log::PartitionLog> take_log() { return std::move(log_); }
  /// Nothing of this partition runs on the pool.
  bool quiet() const { return quiet_but_for_move() && !moving_; }
  bool quiet_but_for_move() const {
    return !job_running_ && !flushing_ && !compaction_ && pool_step_ == PoolStep::kNone;
  }
  bool stopped() const { return stopped_; }
  /// The pass that is under way (compaction_run.h), cancelled by stop(); nullptr: it is over.
  void set_compaction(std::shared_ptr<log::Compaction> pass) { compaction_ = std::move(pass); }
  bool compacting() const { return compaction_ != nullptr; }
  void cancel_compaction() const {
    if (compaction_) compaction_->cancel();
  }

  // --- for log_dir_move.h -------------------------------------------------------------------
  /// Where the log ended when it was opened: what an earlier run copied agrees up to here.
  Offset opened_end() const { return opened_end_; }
  /// Set while the replica moves to another log dir.
  const std::optional<FutureReplica>& future() const { return future_; }
  void set_future(std::optional<FutureReplica> future) { future_ = std::move(future); }
  /// A task of the move is under way.
  void set_moving(bool moving) { moving_ = moving; }
  /// Appends, jobs and retention wait until release_appends(). What was staged is written, or
  /// will be by the time it is quiet_but_for_move().
  void hold_appends();
  void release_appends();
  /// Between these the log's files have no name: reads find nothing and are woken afterwards.
  void begin_renames() { renaming_ = true; }
  void end_renames();
  bool renaming() const { return renaming_; }
  /// `log` is the log from now on, in that log dir.
  void take_over(std::unique_ptr<log::PartitionLog> log, std::uint32_t directory, env::PoolId pool);

 private:
  friend class ReplicaHost;
  struct Staged {
    std::shared_ptr<AppendPart> part;
    std::size_t index;
    AppendOutcome outcome;
    Offset end;
  };

  bool was_just_written(const log::ReadRequest& request, const log::ReadResult& found) const;
  bool is_cold(const log::ReadRequest& request, const Result<log::ReadResult>& found) const;
  void read_log(const log::ReadRequest& request, ReadOutcome& outcome);
  /// An append that waits until it may be staged.
  struct Held {
    std::shared_ptr<AppendPart> part;
    std::size_t index;
    /// Checked already, it only met the end of a segment.
    Slice judged;
    std::int32_t record_count = 0;
    Timestamp judged_at{0};
  };

  /// What the pool does for appends while they are held.
  enum class PoolStep : std::uint8_t { kNone, kOpen, kWrite, kRoll };

  bool holds_appends() const { return holding_ || roll_wanted_ || pool_step_ != PoolStep::kNone; }
  AppendOutcome refusal_of_append(const AppendPart& part) const;
  bool judge(Held& append);
  AppendOutcome ask_for_verification(const Held& append);
  bool append_now(Held& append);
  void begin_epoch(LeaderEpoch epoch);
  void run_step(PoolStep step, log::PartitionLog::Work work,
                UniqueFunction<void(HostedPartition&, Result<void>)> done);
  bool write_on_pool();
  void open_on_pool();
  void roll_on_pool();
  void finish_write(std::vector<Staged> staged, const log::WriteOutcome& written);
  void go_on_appending();
  void note_dirty();
  void settle(Staged staged, Offset log_end, const std::optional<Error>& error);
  void perform(const partition::PartitionEffects& effects);
  void release_waiting();
  void expire_waiting(MonoTime now);
  Offset told_log_start(ErrorCode error) const;
  AppendOutcome rejected(record::RejectedBatch&& batch) const;
  AppendOutcome not_leader(ErrorCode code) const;
  void start_next_job();
  void refuse_held(ErrorCode code);
  void refuse_waiting(const std::string& why);

  ReplicaHost& host_;
  HostedIdentity identity_;
  std::string name_text_;
  std::unique_ptr<log::PartitionLog> log_;
  partition::PartitionMachine machine_;
  record::ValidateOptions validation_;
  std::vector<Staged> staged_;
  std::deque<Staged> waiting_commit_;  // acks=all, by offset
  std::deque<Staged> waiting_flush_;   // acks=1 where acks are durable, by offset
  park::WaitList fetchers_;
  std::deque<log::LogJob> jobs_;
  bool job_running_ = false;
  bool flushing_ = false;
  MonoTime flushed_at_;  // the last flush, at first when this was made
  std::shared_ptr<log::Compaction> compaction_;
  Offset opened_end_{0};
  std::optional<FutureReplica> future_;
  bool moving_ = false;
  bool holding_ = false;
  bool renaming_ = false;
  PoolStep pool_step_ = PoolStep::kNone;
  bool roll_wanted_ = false;
  std::optional<LeaderEpoch> epoch_to_begin_;  // once the pool has written
  std::deque<Held> held_;                      // while holds_appends()
  bool dirty_ = false;
  bool stopped_ = false;
  env::TimerId expiry_timer_{0};
  bool expiry_set_ = false;
};

}  // namespace moldau::replica
