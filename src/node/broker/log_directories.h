// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/broker_config.h"
#include "env/env.h"
#include "log/log_directory.h"
#include "node/replica/replica_host.h"

namespace moldau::broker {

/// All log.dirs of this node: opened, watched for room, checkpointed, closed.
///
/// Path     node/assembly opens them; BrokerHost asks where partitions live.
/// Owner    the node.
/// Thread   shard 0; its blocking parts run on the pools.
/// Bounds   one LogDirectory per entry of log.dirs.
/// Errors   kInvalidConfig, kKafkaStorageError with the path.
/// Source   LogManager.
class LogDirectories {
 public:
  struct Entry {
    std::string path;
    std::unique_ptr<log::LogDirectory> directory;  // nullptr: could not be opened
    bool metadata_only = false;
    bool offline = false;
    bool full = false;
    bool close_failed = false;
    std::uint32_t partitions = 0;
  };

  LogDirectories(env::Env& env, replica::ReplicaSet& replicas, std::uint64_t reserve_bytes);

  /// *Blocking.* Opens and locks all; those that fail are offline, unless all do. The directory
  /// of the metadata log may be one of its own, which takes no replicas.
  Result<void> open(const std::vector<std::string>& paths, const std::string& metadata_path);

  std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }
  Entry& entry(std::uint32_t index) { return entries_[index]; }
  env::PoolId pool(std::uint32_t index) const { return env::PoolId(index); }
  std::optional<std::uint32_t> index_of(DirectoryId id) const;
  /// Where a replica with a directory of this name lies already.
  std::optional<std::uint32_t> find_replica(const TopicPartition& name) const;
  /// For a new replica: the online directory with the fewest.
  std::optional<std::uint32_t> choose() const;
  /// Ids of all that are online, sorted as registrations have them.
  std::vector<DirectoryId> online_ids() const;
  /// The epoch of the last clean shutdown if all directories agree on it, else -1.
  BrokerEpoch previous_broker_epoch() const;

  /// No replica of it is served any more. False if none is left.
  bool set_offline(std::uint32_t index, const Error& why);

  /// Watches for room and writes the checkpoints, each in its interval, until the node stops.
  void start(env::TaskScope& tasks, const config::BrokerConfig& config);
  /// One at a time. The first error, logged already; the other directories are written all the
  /// same.
  env::Task<Result<void>> write_checkpoints(bool recovery_points, bool log_starts,
                                            bool high_watermarks);
  /// Calls back once the log starts as they are now are on disk. Who asks while they are written
  /// shares the next round.
  using Saved = UniqueFunction<void(const Result<void>&)>;
  void save_log_starts(Saved saved);
  /// The last checkpoints, of closed logs, then the mark of a clean shutdown and the lock.
  env::Task<void> close_cleanly(std::map<std::uint32_t, std::vector<log::ReplicaCheckpoint>> rows,
                                BrokerEpoch broker_epoch);

 private:
  struct Rows;
  env::Task<void> save_waiting();
  env::Task<void> write_alone();
  env::Task<void> watch_space();
  env::Task<void> checkpoint_every(Millis interval, bool recovery_points, bool log_starts,
                                   bool high_watermarks);
  void note_space(std::uint32_t index, const Result<env::DiskSpace>& space);

  env::Env& env_;
  env::Shard& shard_;
  replica::ReplicaSet& replicas_;
  std::uint64_t reserve_bytes_;
  std::vector<Entry> entries_;
  bool stopping_ = false;
  bool writing_ = false;
  bool saving_ = false;
  std::vector<Saved> waiting_;  // for their log starts to be saved
  env::TaskScope tasks_;
};

}  // namespace moldau::broker
