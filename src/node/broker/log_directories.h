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
    bool cordoned = false;
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
  /// An entry of log.dirs by the path that DescribeLogDirs shows.
  std::optional<std::uint32_t> index_of_path(const std::string& path) const;
  /// Where a replica with a directory of this name lies already.
  std::optional<std::uint32_t> find_replica(const TopicPartition& name) const;
  /// A current replica of this name lies in that log dir.
  bool holds(std::uint32_t index, const TopicPartition& name) const;
  /// Where a move that a crash stopped between its two renames left the only copy: a future
  /// replica in the directory that the metadata names, and no current one anywhere.
  std::optional<log::FoundReplica> find_promotable(const TopicPartition& name, TopicId topic_id,
                                                   DirectoryId assigned) const;
  /// What the checkpoints say of a replica that is to be opened.
  struct CheckpointRow {
    Offset recovery_point{0};
    Offset log_start{0};
    Offset high_watermark{0};
  };
  /// Of a replica that `at` has on disk; zeros for a new one, whatever an older topic of the same
  /// name has left. A promotable one takes what its old directory says, too.
  CheckpointRow checkpoint_of(const TopicPartition& name, TopicId topic_id, std::uint32_t at,
                              bool promoted) const;
  /// The log dir in which a replica's directory lies.
  std::optional<std::uint32_t> index_of_replica(const std::string& replica_path) const;
  /// For a new replica: the online directory with the fewest, cordoned ones only if all are.
  std::optional<std::uint32_t> choose() const;
  /// AlterReplicaLogDirs for a replica that does not exist yet: where it is to be made.
  void prefer(const TopicPartition& name, std::uint32_t index);
  std::optional<std::uint32_t> take_preferred(const TopicPartition& name);
  bool any_offline() const;
  /// cordoned.log.dirs: those take no new replicas.
  void set_cordoned(const std::vector<std::string>& paths);
  /// Ids of all that are online, sorted as registrations have them.
  std::vector<DirectoryId> online_ids() const;
  /// Of those that went offline since the start, for the heartbeats.
  std::vector<DirectoryId> offline_ids() const;
  std::vector<DirectoryId> cordoned_ids() const;
  /// The replica may lie in a log dir that is offline: it must not be made anew in another one.
  /// `is_start`: no replica can be new, as the first image is being applied.
  bool is_out_of_reach(const TopicPartition& name, DirectoryId assigned, bool is_start) const;
  /// The epoch of the last clean shutdown if all directories agree on it, else -1.
  BrokerEpoch previous_broker_epoch() const;

  /// No replica of it is served any more: the hosts are told. False if none is left.
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
  static constexpr std::size_t kPreferredMax = 100'000;

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
  std::map<TopicPartition, std::uint32_t> preferred_;  // at most kPreferredMax
  bool stopping_ = false;
  bool writing_ = false;
  bool saving_ = false;
  std::vector<Saved> waiting_;  // for their log starts to be saved
  env::TaskScope tasks_;
};

}  // namespace moldau::broker
