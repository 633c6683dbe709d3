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

/// Keeps compacted partitions clean: the dirtiest first, one at a time.
///
/// Path     the node starts it → asks all shards how dirty their logs are → run_compaction.
/// Owner    the node.
/// Thread   shard 0.
/// Bounds   one pass at a time (so one offset map of log.cleaner.dedupe.buffer.size at most);
///          looks again after log.cleaner.backoff.ms when there is nothing to do.
/// Errors   a log that cannot be cleaned is left alone until the next start, all others go on.
/// Source   LogCleaner, LogCleanerManager.
class LogCleaner {
 public:
  using ConfigOf = UniqueFunction<std::shared_ptr<const config::BrokerConfig>()>;

  LogCleaner(env::Env& env, LogDirectories& directories, replica::ReplicaSet& replicas,
             ConfigOf config);

  void start(env::TaskScope& tasks);
  /// No new pass begins; the one under way ends with its partition.
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

  env::Task<void> run();
  /// True if a log was cleaned.
  env::Task<bool> clean_dirtiest();
  env::Task<Candidates> gather();
  static Candidates candidates_of(replica::ReplicaHost& host, const std::vector<Offsets>& offsets);
  env::Task<void> clean(Candidate candidate, std::shared_ptr<replica::CompactionOutcome> outcome);
  env::Task<void> note(const Candidate* candidate, const replica::CompactionOutcome* outcome);
  std::shared_ptr<replica::CompactionOrder> order_for(const Candidate& candidate);

  env::Env& env_;
  env::Shard& shard_;
  LogDirectories& directories_;
  replica::ReplicaSet& replicas_;
  ConfigOf config_;
  std::vector<Offsets> offsets_;  // per log directory, as cleaner-offset-checkpoint
  std::set<TopicIdPartition> uncleanable_;
  env::Counter& passes_;
  env::Gauge& uncleanable_count_;
  bool stopping_ = false;
};

}  // namespace moldau::broker
