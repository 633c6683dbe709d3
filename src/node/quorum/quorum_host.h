// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "base/unique_function.h"
#include "env/env.h"
#include "env/shard.h"
#include "env/task.h"
#include "log/partition_log.h"
#include "machine/controller/controller_machine.h"
#include "machine/image/loader.h"
#include "machine/raft/raft_machine.h"
#include "node/quorum/event_performance.h"
#include "node/quorum/metadata_store.h"
#include "node/quorum/quorum.h"

namespace moldau::quorum {

/// Drives the raft and controller machines of one node over its metadata log.
///
/// Every input becomes a step of raft; its effects are done in the order of RaftEffects before
/// the next input is taken. Appends are staged at once and written once a turn; one fsync serves
/// all that was written before it began.
///
///   proposal → decide → batch → raft.append → stage → (turn end) write → fsync → raft.flushed
///            → high watermark → loader → publish → answers
///
/// Path     Quorum → this → RaftMachine, ControllerMachine, PartitionLog, MetadataStore.
/// Owner    Quorum; borrows its Env and publishes through it.
/// Thread   shard 0.
/// Bounds   Quorum::kProposalsMax waiting answers; kReplayBytes of the log in memory at a time.
/// Durable  as Quorum says.
/// Errors   after a failed fsync or an unreadable log the host has failed: every answer is
///          kKafkaStorageError, `on_failure` is called once.
class QuorumHost final : public env::TurnHook {
 public:
  QuorumHost(Quorum& quorum, env::Env& env, QuorumConfig config);
  ~QuorumHost() override;

  env::Task<Result<void>> start();
  env::Task<Result<void>> stop();

  void propose(Quorum::Propose decide, std::shared_ptr<Quorum::Answer> answer);
  raft::QuorumDescription describe();
  void configure(std::shared_ptr<const config::BrokerConfig> broker_config);

  static constexpr std::uint32_t kReplayBytes = std::uint32_t{8} << 20;
  static constexpr Millis kPersistRetry{1000};
  static constexpr Millis kSnapshotCheck{1000};
  static constexpr Millis kCleanInterval{60'000};

 private:
  using EffectsList = std::vector<raft::RaftEffects>;
  using Step = UniqueFunction<EffectsList()>;

  /// A batch of this leader that is not committed yet.
  struct PendingBatch {
    Offset base{0};
    Offset end{0};
    LeaderEpoch epoch{0};
    Timestamp timestamp{0};
    std::size_t bytes = 0;
    std::vector<image::MetadataRecord> records;
  };
  struct PendingAnswer {
    Offset end{0};
    std::shared_ptr<Quorum::Answer> answer;
  };

  // quorum_host.cc: start, stop, steps and their effects
  env::Task<Result<void>> load();
  Result<raft::LogState> scan_log(const StoredMetadata& stored);
  Result<void> align_log_with_snapshot(const StoredMetadata& stored);
  void step(Step input);
  void pump();
  void step_with(raft::RaftEffects effects);
  env::Task<void> perform_slowly(EffectsList list, std::size_t from);
  env::Task<void> persist(raft::ElectionState state);
  env::Task<void> truncate(Offset to);
  void perform_rest(raft::RaftEffects effects);
  void stage(const Slice& batch);
  void on_turn_end() override;
  env::Task<void> flush(raft::FlushMark mark);
  void write_failed(const Error& error);
  void fail(const Error& error);
  void arm_timer();
  void on_timer();
  void take_log_jobs();
  env::Task<void> run_log_jobs();
  env::Task<void> run_delayed_job(std::unique_ptr<log::LogJob> job);
  bool is_quiet() const;
  void maybe_started();
  raft::Now now() const;

  // quorum_host_controller.cc: decisions
  void follow_leadership();
  void maybe_activate();
  void deactivate();
  EffectsList decide(Quorum::Propose& decide, const std::shared_ptr<Quorum::Answer>& answer);
  EffectsList tick_controller();
  controller::RequestContext context();
  /// Appends the records of a decision and replays them.
  Result<void> write(const image::RecordList& records, bool atomic, EffectsList& out);
  Result<void> write_batch(std::vector<image::MetadataRecord> records, EffectsList& out);
  void release_answers();
  void fail_answers(ErrorCode code, const std::string& detail);
  static void deliver(Quorum::Answer& answer, Result<void> outcome);

  // quorum_host_loading.cc: what is committed becomes images and snapshots
  void catch_up();
  env::Task<void> replay_from_log();
  Result<void> replay_batches(ByteView bytes);
  void publish();
  void maybe_snapshot();
  env::Task<void> make_snapshot(image::ImagePtr image);
  env::Task<void> clean_snapshots();

  Quorum& quorum_;
  env::Env& env_;
  env::Shard& shard_;
  const QuorumConfig config_;
  MetadataStore store_;
  std::unique_ptr<log::PartitionLog> log_;
  std::unique_ptr<raft::RaftMachine> raft_;
  std::optional<controller::ControllerMachine> controller_;
  image::ImageLoader loader_;
  image::MetadataImage bootstrap_;
  std::shared_ptr<const config::BrokerConfig> broker_config_;
  EventPerformance events_;

  // Steps: one after the other, while `busy_` an effect is being awaited.
  std::deque<Step> steps_;
  bool busy_ = false;
  bool pumping_ = false;
  bool stopping_ = false;
  env::TimerId timer_{0};
  bool timer_set_ = false;
  MonoTime timer_at_{0};

  // Flush: at most one at a time; the next takes the newest mark.
  std::optional<raft::FlushMark> flush_wanted_;
  bool flushing_ = false;

  // Committed and replayed up to here; batches and answers beyond wait.
  Offset replayed_end_{0};
  bool replaying_ = false;
  std::deque<PendingBatch> batches_;
  std::deque<PendingAnswer> answers_;
  bool activating_ = false;  // the controller stands, its first records are about to be written

  // Snapshots
  image::ImagePtr published_;
  SnapshotSizes snapshots_;
  std::int64_t bytes_since_snapshot_ = 0;
  MonoTime snapshot_at_{0};
  MonoTime snapshot_check_at_{0};
  MonoTime clean_at_{0};
  bool snapshotting_ = false;

  std::deque<log::LogJob> jobs_;
  bool running_jobs_ = false;
  std::shared_ptr<env::OneShot<bool>> started_;  // start() waits until the node may go on
  std::optional<Error> failure_;
  env::TaskScope tasks_;
};

}  // namespace moldau::quorum
