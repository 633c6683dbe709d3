// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "env/env.h"
#include "node/replica/hosted_partition.h"
#include "record/compression.h"

namespace moldau::replica {

/// A partition whose ISR its leader wants to change.
struct IsrWish {
  TopicIdPartition partition;
  partition::AlterIsr alter;
};

/// One read of a fetch; the answers of a shard come back in the same order.
struct ReadItem {
  TopicIdPartition id;  // `asked` may know the topic by name only
  FetchPartition asked;
  std::uint32_t bytes_max = 0;
};

struct HostLimits {
  /// Below this much free room a log directory takes no records, above twice as much it does
  /// again (moldau.log.dir.reserve.bytes).
  std::uint64_t reserve_bytes = 0;
};

/// The partitions of one shard.
///
/// Path     node/handler and node/broker (by message from other shards) → this → HostedPartition.
/// Owner    ReplicaSet; outlives all messages sent to it.
/// Thread   shard-bound.
/// Bounds   one HostedPartition per replica that the metadata assigns to this shard.
class ReplicaHost final : private env::TurnHook {
 public:
  ReplicaHost(env::Env& env, env::Shard& shard, NodeId self, std::uint32_t directories);
  ~ReplicaHost() override;

  env::Shard& shard() { return shard_; }
  NodeId self() const { return self_; }
  record::CompressionContext& compression() { return compression_; }
  env::Env& env() { return env_; }

  // --- life of partitions -------------------------------------------------------------------
  HostedPartition& add(HostedIdentity identity, std::unique_ptr<log::PartitionLog> log,
                       Offset high_watermark);
  /// nullptr if this shard does not host it.
  HostedPartition* find(const TopicIdPartition& id);
  /// A replica that is not hosted as its log dir is offline or its log cannot be opened: clients
  /// are told so until it is added.
  void set_out_of_reach(const TopicIdPartition& id) { out_of_reach_.insert(id); }
  void forget_out_of_reach(const TopicIdPartition& id) { out_of_reach_.erase(id); }
  /// What clients are told of a partition that find() does not know.
  ErrorCode error_of_absent(const TopicIdPartition& id) const {
    return out_of_reach_.contains(id) ? ErrorCode::kKafkaStorageError
                                      : ErrorCode::kNotLeaderOrFollower;
  }
  using Removed = UniqueFunction<void(std::unique_ptr<log::PartitionLog>)>;
  /// Answers those who wait with `code`, waits until nothing of it runs on the pool, and gives
  /// the log away on this shard; nullptr if the partition was not hosted.
  void remove(TopicIdPartition id, ErrorCode code, Removed done);
  template <class F>
  void for_each(F&& f) {
    for (auto& [id, partition] : partitions_) f(*partition);
  }
  std::size_t size() const { return partitions_.size(); }

  /// After `delay`, and then in each interval, flushes the logs whose last flush is flush.ms ago,
  /// one after the other so that the pool stays free for others. To be called once.
  /// Source   LogManager.flushDirtyLogs; log.flush.scheduler.interval.ms.
  void start_flushing(Millis delay, Millis interval) {
    tasks_.spawn(flush_in_intervals(delay, interval));
  }

  // --- requests -----------------------------------------------------------------------------
  void append(const std::shared_ptr<AppendPart>& part);
  std::vector<ReadOutcome> read(const std::vector<ReadItem>& items, const ReadAs& as,
                                const std::shared_ptr<park::Waiter>& waiter);

  // --- directories --------------------------------------------------------------------------
  /// False while the disk is nearly full or the directory is offline.
  bool directory_accepts(std::uint32_t directory) const { return accepts_[directory]; }
  void set_directory_accepts(std::uint32_t directory, bool accepts) {
    accepts_[directory] = accepts;
  }
  /// No partition of it is served any more, for good.
  void fail_directory(std::uint32_t directory);
  bool directory_failed(std::uint32_t directory) const { return failed_[directory]; }
  /// Called with the directory that failed; set by node/broker.
  void on_directory_failure(UniqueFunction<void(std::uint32_t, Error)> callback) {
    on_failure_ = std::move(callback);
  }
  void on_isr_wish(UniqueFunction<void(IsrWish)> callback) { on_isr_wish_ = std::move(callback); }
  void on_log_start(UniqueFunction<void()> callback) { on_log_start_ = std::move(callback); }

  // --- for HostedPartition ------------------------------------------------------------------
  void mark_dirty(std::shared_ptr<HostedPartition> partition);
  void want_flush(std::shared_ptr<HostedPartition> partition);
  void want_alter_isr(const TopicIdPartition& id, const partition::AlterIsr& alter);
  void note_write_error(HostedPartition& partition, const Error& error);
  void note_read_error(HostedPartition& partition, const Error& error);
  void note_directory_failure(std::uint32_t directory, const Error& error) {
    if (on_failure_) on_failure_(directory, error);
  }
  void note_log_start(HostedPartition&) {
    if (on_log_start_) on_log_start_();
  }
  /// Runs a task of a partition of this shard; it ends before the shard does.
  void spawn(env::Task<void> task) { tasks_.spawn(std::move(task)); }
  /// moldau.log.append.slow.ms: writes that take as long are counted, and logged now and then;
  /// then those to the same directory go through its pool until they are quick again.
  void set_slow_append(Millis limit) { slow_append_ = limit; }
  void note_append_time(const HostedPartition& partition, std::int64_t nanos);
  bool directory_is_slow(std::uint32_t directory) const {
    return slow_append_.value() == 0 || quick_until_trusted_[directory] > 0;
  }
  /// Becomes null with this host.
  const std::shared_ptr<ReplicaHost*>& alive() const { return alive_; }
  void count_appended(std::int32_t records, std::size_t bytes);
  void count_read(std::size_t bytes) { bytes_out_.add(bytes); }
  void count_cold_read() { cold_reads_.add(); }
  void run_job(log::LogJob job, env::PoolId pool, Callback done);
  /// Jobs with a delay do not keep the order of the partition.
  void run_later(log::LogJob job, env::PoolId pool);

 private:
  void on_turn_end() override;
  env::Task<void> finish_removal(std::shared_ptr<HostedPartition> partition, Removed done);
  void start_flush_round(std::uint32_t directory);
  env::Task<void> flush_in_intervals(Millis delay, Millis interval);
  env::Task<void> flush_alone(std::shared_ptr<HostedPartition> partition);

  env::Env& env_;
  env::Shard& shard_;
  NodeId self_;
  record::CompressionContext compression_;
  std::unordered_map<TopicIdPartition, std::shared_ptr<HostedPartition>> partitions_;
  std::unordered_set<TopicIdPartition> out_of_reach_;
  std::vector<std::shared_ptr<HostedPartition>> dirty_;
  struct FlushQueue {
    std::vector<std::shared_ptr<HostedPartition>> waiting;
    bool running = false;
  };
  std::vector<FlushQueue> flushes_;  // per log directory: one round at a time is group commit
  std::vector<bool> accepts_;
  std::vector<bool> failed_;
  UniqueFunction<void(std::uint32_t, Error)> on_failure_;
  UniqueFunction<void(IsrWish)> on_isr_wish_;
  Callback on_log_start_;
  env::Counter& records_in_;
  env::Counter& bytes_in_;
  env::Counter& bytes_out_;
  env::Counter& failed_produce_;
  env::Counter& slow_appends_;
  env::Counter& cold_reads_;
  Millis slow_append_{5};
  /// Per directory: so many quick writes on the pool until the shard writes itself again.
  std::vector<std::uint32_t> quick_until_trusted_;
  MonoTime slow_append_told_{0};
  std::uint64_t slow_appends_untold_ = 0;
  env::Gauge& partition_count_;
  std::shared_ptr<ReplicaHost*> alive_;
  env::TaskScope tasks_;
};

/// All hosts of a node, and who owns which partition.
/// Thread   immutable once built; hosts on their own shards.
class ReplicaSet {
 public:
  ReplicaSet(env::Env& env, NodeId self, std::uint32_t directories);

  std::uint32_t owner_index(const TopicIdPartition& id) const {
    return static_cast<std::uint32_t>(std::hash<TopicIdPartition>()(id) % hosts_.size());
  }
  ReplicaHost& host(std::uint32_t shard) { return *hosts_[shard]; }
  ReplicaHost& owner(const TopicIdPartition& id) { return host(owner_index(id)); }
  std::uint32_t size() const { return static_cast<std::uint32_t>(hosts_.size()); }

 private:
  std::vector<std::unique_ptr<ReplicaHost>> hosts_;
};

}  // namespace moldau::replica
