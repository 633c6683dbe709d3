// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "config/broker_config.h"
#include "env/env.h"
#include "machine/image/image.h"
#include "node/broker/directory_assigner.h"
#include "node/broker/log_cleaner.h"
#include "node/broker/log_directories.h"
#include "node/broker/metadata_applier.h"
#include "node/replica/log_dir_move.h"

namespace moldau::broker {

/// Moves replicas between the log dirs of this node while they are served.
///
/// A move goes: make the future replica (answer the request) → copy → tell the controller, and
/// wait until it is committed → copy the rest, rename both, serve from the new place → the old one
/// goes after file.delete.delay.ms. A stop at any moment leaves one log to be served: the old one
/// with a future replica beside it, with which resume() goes on, or the new one, or (between the
/// renames) only the complete future one, which MetadataApplier then gives its name.
///
/// Path     handler/alter_replica_log_dirs → alter(); node/assembly → resume() once the logs are
///          open.
/// Owner    node/assembly.
/// Thread   shard 0; copies on the partitions' shards and the pools.
/// Bounds   num.replica.alter.log.dirs.threads moves run at a time (one per log dir by default),
///          the others stand in a queue of at most one move per hosted replica.
/// Durable  see above; the answer of alter() promises nothing after a crash, as Apache's does not,
///          but the future directory is found again once anything was synced in it.
/// Errors   of alter(): kInvalidTopicException: the name is too long; kLogDirNotFound;
///          kKafkaStorageError: a directory or this replica is offline; kReplicaNotAvailable: not
///          here yet, and will be made in that directory; kInvalidReplicaAssignment: cordoned.
/// Source   KIP-113, KIP-858; ReplicaManager.alterReplicaLogDirs, ReplicaAlterLogDirsThread.
class ReplicaAlterLogDirs {
 public:
  struct Parts {
    Parts(env::Env& e, LogDirectories& d, replica::ReplicaSet& r, MetadataApplier& a, LogCleaner& c,
          DirectoryAssigner& g)
        : env(e), directories(d), replicas(r), applier(a), cleaner(c), assigner(g) {}
    env::Env& env;
    LogDirectories& directories;
    replica::ReplicaSet& replicas;
    MetadataApplier& applier;
    LogCleaner& cleaner;
    DirectoryAssigner& assigner;
  };

  explicit ReplicaAlterLogDirs(Parts parts);

  /// Limits with dynamic values in force.
  void configure(const config::BrokerConfig& config);
  /// One replica of a request; `image` knows its topic, or not.
  env::Task<ErrorCode> alter(std::string topic, PartitionId partition, std::string path,
                             image::ImagePtr image);
  /// Runs a request's task; it ends before this does.
  void spawn(env::Task<void> task) { tasks_.spawn(std::move(task)); }
  /// Goes on with the moves that the last run left, removes those that make no sense.
  void resume();
  /// Ends all moves where they are; the next start goes on with them.
  env::Task<void> stop();

 private:
  struct Move {
    Move() = default;
    TopicPartition name;
    TopicIdPartition id;
    std::uint32_t from = 0;
    std::shared_ptr<replica::LogDirMove> work;
    bool assigned = false;
    bool running = false;
  };
  using MovePtr = std::shared_ptr<Move>;
  using Step = env::Task<void> (*)(std::shared_ptr<replica::HostedPartition>,
                                   std::shared_ptr<replica::LogDirMove>,
                                   std::shared_ptr<replica::MoveOutcome>);

  env::Task<ErrorCode> alter_hosted(TopicIdPartition id, std::uint32_t to);
  ErrorCode check(const TopicPartition& name, const std::string& path, std::uint32_t* to) const;
  env::Task<Result<MovePtr>> create(TopicIdPartition id, std::uint32_t to, std::string directory);
  env::Task<void> cancel(TopicIdPartition id);
  env::Task<void> resume_one(TopicIdPartition id, std::uint32_t to, std::string directory);
  env::Task<void> remove_leftover(std::uint32_t at, std::string directory);
  void enqueue(MovePtr move);
  void start_next();
  env::Task<void> run(MovePtr move);
  env::Task<void> run_step(MovePtr move, Step step, std::shared_ptr<replica::MoveOutcome> outcome);
  env::Task<bool> assign(MovePtr move);
  env::Task<void> finish(MovePtr move, std::shared_ptr<replica::MoveOutcome> outcome);
  env::Task<void> discard(MovePtr move);
  void forget(const Move& move);
  std::size_t running_max() const;
  std::string unique_name(const TopicPartition& name, log::ReplicaKind kind);

  env::Env& env_;
  env::Shard& shard_;
  LogDirectories& directories_;
  replica::ReplicaSet& replicas_;
  MetadataApplier& applier_;
  LogCleaner& cleaner_;
  DirectoryAssigner& assigner_;
  replica::MoveRate rate_;
  std::optional<std::int32_t> threads_;
  std::map<TopicIdPartition, MovePtr> moves_;
  std::deque<MovePtr> waiting_;
  std::size_t running_ = 0;
  bool altering_ = false;  // one alter() at a time
  bool stopping_ = false;
  env::TaskScope tasks_;
};

}  // namespace moldau::broker
