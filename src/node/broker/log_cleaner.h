// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "config/broker_config.h"
#include "env/env.h"
#include "node/broker/log_directories.h"
#include "node/replica/compaction_run.h"
#include "node/replica/replica_host.h"

namespace moldau::broker {

/// Keeps compacted partitions clean: the dirtiest first, as many at once as there are workers.
///
/// Path     the node starts it → each worker asks all shards how dirty their logs are →
///          run_compaction.
/// Owner    the node.
/// Thread   shard 0.
/// Bounds   log.cleaner.threads passes at once, one per partition, whose offset maps share
///          log.cleaner.dedupe.buffer.size and whose IO shares log.cleaner.io.max.bytes.per.second;
///          a worker looks again after log.cleaner.backoff.ms when there is nothing to do.
/// Errors   a log that cannot be cleaned is left alone until the next start, all others go on.
/// Source   LogCleaner, LogCleanerManager.
class LogCleaner {
 public:
  using ConfigOf = UniqueFunction<std::shared_ptr<const config::BrokerConfig>()>;

  LogCleaner(env::Env& env, LogDirectories& directories, replica::ReplicaSet& replicas,
             ConfigOf config);

  void start(env::TaskScope& tasks);
  /// The configuration is another one. For more workers the passes under way are broken off, as
  /// in Apache, for their maps are too large; fewer workers end after their passes.
  void configure();
  /// No new pass begins; those under way end with their partitions.
  void stop() { stopping_ = true; }
  /// A replica is new in its log dir: its next pass begins at the log start.
  void forget(const TopicPartition& name);

 private:
  struct Candidate {
    Candidate() = default;
    TopicIdPartition id;
    TopicPartition name;
    std::uint32_t directory = 0;
    double ratio = 0;
    bool worth_it = false;
  };
  using Candidates = std::vector<Candidate>;
  using Offsets = std::map<TopicPartition, Offset>;

  std::size_t workers_wanted();
  env::Task<void> run();
  enum class Turn { kNothingToDo, kMapsAreTooLarge, kCleaned };
  env::Task<Turn> clean_dirtiest();
  void break_off_passes();
  std::size_t map_bytes_of_a_pass();
  /// Chooses among what was gathered; nothing if there is nothing worth it.
  std::optional<Candidate> choose(Candidates candidates) const;
  env::Task<Candidates> gather();
  static Candidates candidates_of(replica::ReplicaHost& host, const std::vector<Offsets>& offsets);
  env::Task<void> clean(const TopicIdPartition* id,
                        std::shared_ptr<const replica::CompactionOrder> order,
                        std::shared_ptr<replica::CompactionOutcome> outcome);
  env::Task<void> note(const Candidate* candidate, const replica::CompactionOutcome* outcome);
  std::shared_ptr<replica::CompactionOrder> order_for(const Candidate& candidate);
  env::Task<void> write_offsets(std::uint32_t directory);
  env::Task<void> write_offsets_alone(std::uint32_t directory);

  env::Env& env_;
  env::Shard& shard_;
  LogDirectories& directories_;
  replica::ReplicaSet& replicas_;
  ConfigOf config_;
  std::vector<Offsets> offsets_;  // per log directory, as cleaner-offset-checkpoint
  std::set<TopicIdPartition> uncleanable_;
  std::set<TopicIdPartition> cleaning_;
  std::set<std::uint32_t> unwritten_;  // directories whose offsets have changed
  bool writing_ = false;
  std::shared_ptr<replica::CleanerPace> pace_ = std::make_shared<replica::CleanerPace>();
  std::size_t map_bytes_ = 0;  // of the passes under way
  std::size_t workers_ = 0;
  env::TaskScope* tasks_ = nullptr;
  env::Counter& passes_;
  env::Gauge& uncleanable_count_;
  bool stopping_ = false;
};

}  // namespace moldau::broker
