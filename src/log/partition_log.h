// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "base/types.h"
#include "env/disk.h"
#include "log/compaction_plan.h"
#include "log/flush_point.h"
#include "log/log_config.h"
#include "log/log_job.h"
#include "log/log_view.h"
#include "log/segment.h"
#include "machine/partition/leader_epochs.h"
#include "machine/partition/producer_state.h"

namespace moldau::record {
class BatchView;
}

namespace moldau::log {

class Compaction;
using partition::AppendOrigin;

inline constexpr const char* kEpochCheckpointName = "leader-epoch-checkpoint";

/// Who begins a new segment if an append does not fit into the active one.
enum class Roll : std::uint8_t {
  kAtOnce,
  kByHost  // StagedAppend::must_roll tells it to
};

/// Batches to be appended, checked by record/validate before.
struct AppendInput {
  AppendInput(Slice bytes, AppendOrigin from, LeaderEpoch epoch, Timestamp wall_now)
      : records(std::move(bytes)), origin(from), leader_epoch(epoch), now(wall_now) {}

  /// Whole batches. kClient and kCoordinator: base offset and leader epoch are patched in place.
  /// kReplication and kRaftLeader: they are taken as they are.
  Slice records;
  AppendOrigin origin;
  /// Of the leader; not used for kReplication.
  LeaderEpoch leader_epoch;
  Timestamp now;
  Roll roll = Roll::kAtOnce;
  partition::TransactionClaim claim;
};

/// What an append will be once it is written.
struct StagedAppend {
  Offset base_offset{-1};
  Offset last_offset{-1};
  Offset log_start_offset{-1};
  /// We have this batch already, at these offsets.
  bool is_duplicate = false;
  /// Of a duplicate: the max timestamp of the batch we have.
  Timestamp duplicate_timestamp{-1};
  /// Nothing is staged: begin_roll() first (Roll::kByHost).
  bool must_roll = false;
};

/// What became of the appends staged since the last write_staged().
struct WriteOutcome {
  /// Appends (and duplicates) with a last offset below this are in the log; the others are not,
  /// and have left no trace.
  Offset log_end_offset{0};
  /// Why, if some are not: kKafkaStorageError with os_error (ENOSPC heals by itself).
  std::optional<Error> error;
};

/// Who syncs what closing a log has written.
enum class CloseSync : std::uint8_t { kAlone, kTogether };

/// The log of one partition replica: segments, indexes, producer state, leader epochs.
///
/// Path     node/replica and node/quorum: stage() for each request, write_staged() once a turn
///          (one vectored write), then answers; read() gives file ranges for sendfile.
/// Owner    the host of the partition; `disk` outlives it.
/// Thread   one thread at a time: the partition's shard. Calls marked *blocking* touch the disk
///          beyond the page cache: the host runs them on the pool while the shard leaves the log
///          alone. Views and flush points are values for any thread, and overlap with appends.
/// Bounds   about 2 KiB per idle log with one segment (release_idle()), 1 KiB per further one.
/// Durable  nothing before mark_flushed(): acks=all relies on replicas, as in Kafka. With durable
///          acks the host answers when flushed_end_offset() passes the append.
/// Errors   kKafkaStorageError: a disk error. After one that could not be undone the log has
///          failed (failed()): it refuses everything until it is opened again.
/// Source   UnifiedLog, LocalLog; KIP-101 (epochs), KIP-98 (producers, aborted transactions).
class PartitionLog {
 public:
  struct OpenOptions {
    OpenOptions(std::string path, TopicPartition partition, LogConfig log_config);

    /// <log dir>/<topic>-<partition>
    std::string directory;
    TopicPartition topic_partition;
    LogConfig config;
    /// Zero: take what partition.metadata says; otherwise it is written or must agree.
    TopicId topic_id;
    /// All from the checkpoint files; the markers of a clean shutdown.
    bool was_clean = false;
    Offset recovery_point{0};
    Offset log_start_offset{0};
    Timestamp now{0};
    /// For segment.jitter.ms.
    std::uint64_t seed = 1;
    /// After each recovered segment: how many remain. May be empty.
    UniqueFunction<void(std::size_t segments_remaining)> progress;
  };

  /// What opening did, for the log.
  struct RecoveryReport {
    std::size_t segments_recovered = 0;
    std::size_t indexes_rebuilt = 0;
    std::uint64_t bytes_scanned = 0;
    std::uint64_t bytes_truncated = 0;
    std::size_t segments_deleted = 0;
  };

  /// *Blocking.* Opens the log, creating directory and first segment if there is none. Recovers
  /// what is behind the recovery point unless the shutdown was clean; missing or damaged indexes
  /// are rebuilt in any case.
  /// Errors   kKafkaStorageError; kInconsistentTopicId.
  static Result<std::unique_ptr<PartitionLog>> open(env::Disk& disk, OpenOptions options);
  ~PartitionLog();
  PartitionLog(const PartitionLog&) = delete;
  PartitionLog& operator=(const PartitionLog&) = delete;

  // --- what it is -------------------------------------------------------------------------
  const TopicPartition& topic_partition() const { return topic_partition_; }
  TopicId topic_id() const { return topic_id_; }
  const std::string& directory() const { return *directory_; }
  const LogConfig& config() const { return config_; }
  /// Takes effect with the next append, roll or retention pass.
  void set_config(const LogConfig& config) { config_ = config; }
  const RecoveryReport& recovery_report() const { return report_; }
  bool failed() const { return failed_; }

  Offset log_start_offset() const { return log_start_offset_; }
  /// Behind the last written record; what is staged only is not in it.
  Offset log_end_offset() const { return log_end_offset_; }
  /// Everything below survives a power cut: what durable acks wait for.
  Offset flushed_end_offset() const { return flushed_end_offset_; }
  /// Where the next start begins to check after a crash; never above flushed_end_offset().
  Offset recovery_point() const { return recovery_point_; }
  std::int64_t unflushed_messages() const { return log_end_offset_ - flushed_end_offset_; }
  std::uint64_t size_bytes() const;
  std::size_t segment_count() const { return segments_.size(); }
  /// The names on disk alone do not say where the log begins: it begins behind the base offset of
  /// its first segment (DeleteRecords), or segments before it are not renamed yet.
  bool starts_inside_segment() const {
    return log_start_offset_ > segments_.front()->base_offset() || !retiring_.empty();
  }
  Offset active_segment_base_offset() const { return active().base_offset(); }
  std::uint32_t active_segment_size() const { return active().size(); }
  /// Changes whenever an older LogView may mislead: after each truncation and swap.
  std::uint64_t generation() const { return generation_; }

  // --- append -----------------------------------------------------------------------------
  /// Checks sizes and producers, gives offsets. Visible to nobody before write_staged(). Rolls
  /// the segment if need be, which writes what was staged before.
  /// Errors   kMessageTooLarge, kRecordListTooLarge, kOutOfOrderSequenceNumber,
  ///          kInvalidProducerEpoch, kInvalidTxnState, kTransactionCoordinatorFenced,
  ///          kCorruptMessage; kOffsetOutOfRange for given offsets below the log end;
  ///          kKafkaStorageError.
  Result<StagedAppend> stage(AppendInput input);
  bool has_staged() const { return !staged_.empty() || staged_error_.has_value(); }
  /// The offset the next staged record gets.
  Offset staged_end_offset() const { return staged_end_offset_; }
  WriteOutcome write_staged();

  // The same in three steps, for a host that keeps slow devices from its shard: each gives the
  // work for the pool. Between begin and end nothing else may be appended, rolled or truncated.
  using Work = UniqueFunction<Result<void>()>;
  /// Nothing if there are no bytes to be written: write_staged() then.
  std::optional<Work> begin_write();
  WriteOutcome end_write(Result<void> written);
  /// Makes the files of the segment that begins at the log end. What was staged must be written.
  Work begin_roll(Timestamp now);
  Result<void> finish_roll(const Result<void>& made);
  /// After release_idle() the next write would open the file first.
  bool is_open() const { return active().log()->opened() != nullptr; }
  Work begin_open() const;

  // --- read -------------------------------------------------------------------------------
  /// Where the records from an offset on lie. Short if the files are in the page cache; with
  /// Wait::kNever it fails with env::is_cold() where it would not be.
  /// Errors   kOffsetOutOfRange, kKafkaStorageError, kCorruptMessage.
  Result<ReadResult> read(const ReadRequest& request) const;
  /// For reads that may be cold and for searches: the same and more, on any thread.
  LogView view() const;
  /// The same without the segments before `offset`.
  LogView view_from(Offset offset) const;

  // --- offsets and epochs -------------------------------------------------------------------
  /// The host's high watermark: retention and transactions depend on it.
  void set_high_watermark(Offset high_watermark);
  Offset high_watermark() const { return high_watermark_; }
  /// What read_committed may see.
  Offset last_stable_offset() const;
  const partition::LeaderEpochs& leader_epochs() const { return epochs_; }
  /// A new leader epoch begins here (a leader notes it before its first append).
  void assign_epoch_start(LeaderEpoch epoch, Offset start);
  partition::EpochEndOffset end_offset_for_epoch(LeaderEpoch epoch) const {
    return epochs_.end_offset_for(epoch, log_end_offset_);
  }
  const partition::ProducerState& producers() const { return producers_; }
  /// See ProducerState.
  Result<std::optional<partition::VerificationGuard>> begin_verification(
      const partition::ProducerBatch& batch, bool adds_itself, Timestamp now) {
    return producers_.begin_verification(batch, adds_itself, now);
  }
  /// The same; `records` are those of the AppendInput to come.
  Result<std::optional<partition::VerificationGuard>> begin_verification(ByteView records,
                                                                         bool adds_itself,
                                                                         Timestamp now);
  /// Does nothing while appends are staged.
  std::size_t remove_expired_producers(Timestamp now) {
    return has_staged() ? 0 : producers_.remove_expired(now, config_.producer_id_expiration_ms);
  }

  // --- flush ------------------------------------------------------------------------------
  /// What must be synced so that everything written so far is durable. Then, on the pool,
  /// FlushPoint::sync(), then mark_flushed() here.
  Result<FlushPoint> flush_point();
  void mark_flushed(const FlushPoint& point);
  /// A sync failed: what the disk holds is unknown, so the log has failed.
  void mark_failed() { failed_ = true; }

  // --- delete and truncate ------------------------------------------------------------------
  /// DeleteRecords: the log begins at `offset` (not above the high watermark). True if moved.
  /// Errors   kOffsetOutOfRange.
  Result<bool> increment_log_start_offset(Offset offset);
  /// One pass of retention: by log start, size and time. Gives the number of segments deleted.
  Result<std::size_t> delete_old_segments(Timestamp now);
  /// Begins a new segment at the log end if the active one has bytes.
  Result<void> roll(Timestamp now);
  /// True if the active segment is older than segment.ms (asked now and then; compaction and
  /// retention need it for quiet partitions).
  Result<bool> must_roll_by_time(Timestamp now);
  /// *Blocking.* Drops everything from `offset` on. False if there was nothing to drop.
  Result<bool> truncate_to(Offset offset, Timestamp now);
  /// *Blocking.* Drops everything; the log begins and ends at `offset`.
  Result<void> truncate_fully_and_start_at(Offset offset, Timestamp now);
  /// *Blocking.* The log ends at `offset` from now on without a record up to there: for a copy of
  /// a log that ends in offsets which compaction has emptied.
  Result<void> advance_end_to(Offset offset, Timestamp now);

  // --- compaction ---------------------------------------------------------------------------
  /// How dirty the log is. `checkpoint` is what cleaner-offset-checkpoint says.
  Result<CompactionPlan> plan_compaction(std::optional<Offset> checkpoint, Timestamp now);
  /// `seed` should be random: it guards the offset map against made-up collisions.
  std::unique_ptr<Compaction> begin_compaction(const CompactionPlan& plan, Timestamp now,
                                               std::uint64_t seed, const CleanerLimits& limits);
  /// Before Compaction::publish. Until finish_swap nothing is deleted.
  /// Errors   kRequestTimedOut: the segments have changed, discard; kKafkaStorageError.
  Result<void> begin_swap(const Compaction& compaction);
  /// After Compaction::publish, with its result: the cleaned segment takes its place.
  Result<void> finish_swap(Compaction& compaction, const Result<void>& published);

  // --- life ---------------------------------------------------------------------------------
  /// Work for the pool that has come up; see LogJob.
  std::vector<LogJob> take_jobs();
  /// Closes descriptors and gives back buffers of a log that has been quiet.
  Result<void> release_idle();
  /// *Blocking.* Producer snapshot, files cut to their content, all of it synced; with kTogether
  /// LogDirectory::sync() does that for many logs at once. Nothing works afterwards.
  Result<void> close(CloseSync sync = CloseSync::kAlone);
  /// *Blocking.* Renames the directory within its log dir; `name` as log_directory.h makes it
  /// (…-delete, …-stray, or the plain name when a future replica takes over).
  Result<void> rename_directory(const std::string& name);
  /// *Blocking.* Writes partition.metadata. Errors kInconsistentTopicId.
  Result<void> assign_topic_id(TopicId topic_id);
  /// This log, a complete copy of `current` (see FutureLog), goes on in its place with all that
  /// the records alone do not tell: producers, epochs, log start, configuration. `current` is good
  /// for nothing afterwards.
  void take_over(PartitionLog& current);

 private:
  friend class LogLoader;

  struct StagedBatch {
    BatchPosition batch;
    std::optional<AbortedTransaction> aborted;
  };

  PartitionLog(env::Disk& disk, OpenOptions& options);

  Segment& active() { return *segments_.back(); }
  const Segment& active() const { return *segments_.back(); }
  /// Index of the segment that `offset` belongs to.
  std::size_t segment_index_of(Offset offset) const;
  Offset end_of_segment(std::size_t index) const;
  Error storage_error() const;
  Result<void> close_dirty(CloseSync sync);
  Result<void> write_last_snapshot();

  // partition_log_append.cc
  Result<std::vector<StagedBatch>> place_batches(const AppendInput& input,
                                                 std::size_t& bytes_used) const;
  Result<void> place_batch(const AppendInput& input, const record::BatchView& batch,
                           MutableBytes bytes, Offset& next) const;
  Result<std::optional<partition::BatchMetadata>> stage_producers(
      const AppendInput& input, std::size_t bytes, std::vector<StagedBatch>& batches);
  Result<void> write_pending();
  Result<void> settle_write(Result<void> written);
  Result<void> write_aborted();
  void undo_write(const Error& cause, std::uint32_t txn_entries_before);
  void publish_staged();
  void drop_staged();
  void remember(const BatchPosition& batch);

  // partition_log_roll.cc
  Result<bool> must_roll(const std::vector<StagedBatch>& batches, std::size_t bytes, Timestamp now);
  Result<void> roll_at(Offset base_offset, Timestamp now);
  std::unique_ptr<Segment> make_segment(Offset base_offset, Timestamp now) const;
  Result<void> begin_segment(std::unique_ptr<Segment> next);

  // partition_log_read.cc
  const BatchPosition* recall(Offset offset) const;
  Result<std::optional<BatchPosition>> find_batch(std::size_t index, Offset offset,
                                                  env::Wait wait) const;
  Result<std::uint32_t> visible_end(std::size_t index, Offset upper_bound, env::Wait wait) const;
  Result<std::optional<ReadResult>> read_segment(std::size_t index, const ReadRequest& request,
                                                 Offset upper_bound) const;
  Result<void> add_aborted(std::size_t index, const ReadRequest& request, ReadResult& out) const;
  LogView view_of(std::size_t first_segment) const;

  // partition_log_flush.cc
  void want_producer_snapshot(Offset offset);
  void want_epoch_checkpoint(Offset unsaved_from);
  void advance_recovery_point();
  void run_jobs_now(Result<void>& result);

  // partition_log_delete.cc
  std::size_t deletable_by_start() const;
  std::size_t deletable_by_size() const;
  std::size_t deletable_by_time(Timestamp now) const;
  template <class Predicate>
  std::size_t count_deletable(Predicate predicate) const;
  Result<void> delete_first_segments(std::size_t count, Timestamp now);
  Result<void> retire(std::unique_ptr<Segment> segment);
  void retire_later(std::vector<std::unique_ptr<Segment>> segments);
  void remove_after_delay(std::vector<std::string> paths);
  void retire_snapshots(Offset from, Offset to);
  void start_at(Offset log_start);

  // partition_log_compact.cc
  std::optional<std::size_t> compaction_source_begin(const Compaction& compaction) const;

  // log_loader.cc
  Result<void> rebuild_producers(Offset end, Timestamp now);

  env::Disk& disk_;
  TopicPartition topic_partition_;
  TopicId topic_id_;
  std::shared_ptr<const std::string> directory_;
  LogConfig config_;
  RecoveryReport report_;
  bool failed_ = false;
  bool closed_ = false;

  std::deque<std::unique_ptr<Segment>> segments_;  // by base offset; never empty once open
  Offset log_start_offset_{0};
  Offset log_end_offset_{0};
  Offset flushed_end_offset_{0};
  Offset recovery_point_{0};
  Offset high_watermark_{0};
  std::uint64_t generation_ = 0;
  std::uint64_t truncations_ = 0;
  bool swapping_ = false;
  std::uint64_t random_state_;
  Millis active_jitter_{0};

  partition::LeaderEpochs epochs_;
  /// Start of the first epoch that leader-epoch-checkpoint does not hold yet: the recovery point
  /// stays below, so that a crash finds the epoch in the records.
  std::optional<Offset> epochs_unsaved_from_;
  std::uint64_t epochs_version_ = 0;
  partition::ProducerState producers_;
  std::vector<Offset> snapshots_;  // of *.snapshot files, rising
  std::shared_ptr<env::File> snapshot_unsynced_;

  std::vector<StagedBatch> staged_;
  std::vector<Slice> staged_bytes_;
  std::uint64_t staged_size_ = 0;
  Offset staged_end_offset_{0};
  std::optional<Error> staged_error_;
  bool writing_ = false;           // between begin_write() and end_write()
  std::unique_ptr<Segment> next_;  // between begin_roll() and finish_roll()
  Timestamp staged_now_{0};

  /// The last batches of the active segment, so that tail reads need no look into index or file.
  static constexpr std::size_t kRecentBatches = 16;
  std::unique_ptr<std::array<BatchPosition, kRecentBatches>> recent_;
  std::size_t recent_count_ = 0;

  /// Base offset of the first segment whose files were not all synced since they were closed.
  Offset unflushed_from_{0};
  /// The directory is new: its name and partition.metadata are not on disk for good.
  bool born_unsynced_ = false;
  /// Something happened that close() must bring to disk.
  bool is_dirty_ = false;
  std::uint64_t directory_changes_ = 0;
  std::uint64_t directory_changes_synced_ = 0;
  std::vector<Offset> retiring_;  // base offsets of segments whose files a job is renaming
  std::vector<LogJob> jobs_;
  std::shared_ptr<PartitionLog*> self_;  // for `done` of jobs: null once the log is gone
};

}  // namespace moldau::log
