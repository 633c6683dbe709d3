// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "env/env.h"
#include "log/compaction.h"
#include "log/partition_log.h"
#include "machine/partition/partition_machine.h"
#include "node/park/waiter.h"
#include "node/replica/append_part.h"
#include "node/replica/fetch_session.h"
#include "record/validate.h"

namespace moldau::replica {

class ReplicaHost;

/// Who reads: a consumer sees committed records only, a follower everything.
struct ReadAs {
  bool read_committed = false;
  NodeId follower{-1};
  BrokerEpoch follower_epoch{-1};
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
};

/// What stays the same while a partition is hosted here.
struct HostedIdentity {
  TopicIdPartition id;
  TopicPartition name;
  env::PoolId pool;             // of its log directory
  std::uint32_t directory = 0;  // position in log.dirs
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
  ReplicaHost& host() { return host_; }
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
  /// No further request is served; those that wait get `code`.
  void stop(ErrorCode code);
  /// After stop(): the log, to be closed or deleted.
  std::unique_ptr<log::PartitionLog> take_log() { return std::move(log_); }
  /// Nothing of this partition runs on the pool.
  bool quiet() const { return !job_running_ && !flushing_ && !compaction_; }
  bool stopped() const { return stopped_; }
  /// The pass that is under way (compaction_run.h), cancelled by stop(); nullptr: it is over.
  void set_compaction(std::shared_ptr<log::Compaction> pass) { compaction_ = std::move(pass); }
  bool compacting() const { return compaction_ != nullptr; }

 private:
  friend class ReplicaHost;
  struct Staged {
    std::shared_ptr<AppendPart> part;
    std::size_t index;
    AppendOutcome outcome;
    Offset end;
  };

  void note_dirty();
  void settle(Staged staged, Offset log_end, const std::optional<Error>& error);
  void perform(const partition::PartitionEffects& effects);
  void release_waiting();
  void expire_waiting(MonoTime now);
  AppendOutcome rejected(record::RejectedBatch&& batch) const;
  AppendOutcome not_leader(ErrorCode code) const;
  void start_next_job();

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
  std::shared_ptr<log::Compaction> compaction_;
  bool dirty_ = false;
  bool stopped_ = false;
  env::TimerId expiry_timer_{0};
  bool expiry_set_ = false;
};

}  // namespace moldau::replica
