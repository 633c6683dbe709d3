// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "env/disk.h"
#include "log/checkpoints.h"
#include "log/meta_properties.h"

namespace moldau::log {

/// What the name of a directory in a log dir says.
enum class ReplicaKind : std::uint8_t {
  kCurrent,  // <topic>-<partition>
  kFuture,   // <topic>-<partition>.<32 hex>-future: being moved here from another log dir
  kDeleted,  // <topic cut>-<partition>.<32 hex>-delete: goes after file.delete.delay.ms
  kStray,    // <topic cut>-<partition>.<32 hex>-stray: metadata does not know it; never deleted
};

/// A directory that holds a replica.
struct FoundReplica {
  std::string name;
  TopicPartition topic_partition;
  ReplicaKind kind = ReplicaKind::kCurrent;
  /// Of partition.metadata; zero if there is none.
  TopicId topic_id;
};

/// Names of the directories; `unique` is a fresh UUID. Never longer than 255 bytes.
std::string directory_name(const TopicPartition& topic_partition);
std::string directory_name(const TopicPartition& topic_partition, ReplicaKind kind, Uuid unique);
/// The other way round; nothing for a name that no replica has.
std::optional<FoundReplica> parse_directory_name(std::string_view name);

inline constexpr const char* kPartitionMetadataName = "partition.metadata";
/// The content of partition.metadata.
std::string serialize_partition_metadata(TopicId topic_id);
Result<TopicId> parse_partition_metadata(std::string_view text);

/// Rows of the three checkpoint files of a directory, as the host gathers them from its shards.
struct ReplicaCheckpoint {
  TopicPartition topic_partition;
  Offset recovery_point{0};
  Offset log_start_offset{0};
  /// log-start-offset-checkpoint lists only replicas that begin within their first segment.
  bool starts_inside_segment = false;
  Offset high_watermark{0};
};

/// One of log.dirs: lock, identity, checkpoints, the replicas in it.
///
/// Path     node/assembly opens all of them at start; node/replica asks where each partition
///          left off and opens its PartitionLog.
/// Owner    the node; `disk` outlives it. Holds the lock until it is destroyed.
/// Thread   calls that block: the pool, one at a time. find_…, replicas(), note_…, forget…, settle
///          and unsettled: one thread once open() returned.
/// Durable  checkpoint files as write_small_file.
/// Errors   kKafkaStorageError: the directory is to go offline. kInvalidConfig: locked by another
///          process, not formatted, or of another cluster or node.
/// Source   LogManager, BrokerMetadataCheckpoint, CleanShutdownFileHandler.
class LogDirectory {
 public:
  /// Locks, reads meta.properties and the checkpoints, notes and removes the mark of a clean
  /// shutdown. A damaged checkpoint counts as empty (everything is recovered) and is reported in
  /// warnings().
  static Result<std::unique_ptr<LogDirectory>> open(env::Disk& disk, std::string path);

  const std::string& path() const { return path_; }
  const MetaProperties& meta() const { return meta_; }
  DirectoryId directory_id() const { return meta_.directory_id; }
  bool was_clean() const { return was_clean_; }
  /// Of the clean shutdown; -1 if there was none (or by an old version).
  BrokerEpoch previous_broker_epoch() const { return previous_broker_epoch_; }
  /// All, by partition.
  std::vector<FoundReplica> replicas() const;
  /// Those of one partition.
  std::vector<FoundReplica> find_replicas(const TopicPartition& partition) const;
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// What the checkpoints say; nothing if they do not name the partition.
  std::optional<Offset> find_recovery_point(const TopicPartition& partition) const;
  std::optional<Offset> find_log_start_offset(const TopicPartition& partition) const;
  std::optional<Offset> find_high_watermark(const TopicPartition& partition) const;
  /// Keeps replicas() and find_…() right while replicas come and go (the thread that reads them).
  void note_added(FoundReplica replica);
  void note_removed(const std::string& replica_directory);
  /// The replica is open: what the checkpoints said of it is used up.
  void settle(const TopicPartition& partition);
  /// As settle, of a replica that is not here any more.
  void forget(const TopicPartition& partition);
  /// Forgets what the checkpoints say of replicas that are not here; false if they say nothing.
  bool forget_missing();
  /// What was loaded and is not settled: rows to be kept when the checkpoints are written.
  std::vector<ReplicaCheckpoint> unsettled() const;
  std::string path_of(const std::string& replica_directory) const {
    return path_ + "/" + replica_directory;
  }

  /// Of several rows of one replica the last counts.
  Result<void> write_recovery_points(const std::vector<ReplicaCheckpoint>& rows);
  Result<void> write_log_start_offsets(const std::vector<ReplicaCheckpoint>& rows);
  Result<void> write_high_watermarks(const std::vector<ReplicaCheckpoint>& rows);

  /// cleaner-offset-checkpoint: first dirty offsets of compacted partitions.
  const OffsetCheckpoint& cleaner_offsets() const { return cleaner_; }
  Result<void> set_cleaner_offset(const TopicPartition& partition, std::optional<Offset> offset);
  Result<void> write_cleaner_offsets(OffsetCheckpoint offsets);

  /// Everything in the directory is on disk for good then: after PartitionLog::close(kTogether)
  /// of its logs, before their recovery points are written.
  Result<void> sync() { return disk_.sync_file_system(path_); }
  /// Removes a -delete directory with its content.
  Result<void> remove_replica(const std::string& replica_directory);
  Result<env::DiskSpace> space();

  /// After all logs were closed: leaves the mark of a clean shutdown and gives up the lock.
  Result<void> close_cleanly(BrokerEpoch broker_epoch);

 private:
  LogDirectory(env::Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  Result<void> load();
  Result<void> load_clean_shutdown();
  Result<OffsetCheckpoint> load_checkpoint(const char* name);
  Result<void> write_checkpoint(const char* name, const OffsetCheckpoint& checkpoint);
  Result<void> list_replicas();

  env::Disk& disk_;
  std::string path_;
  std::unique_ptr<env::DiskLock> lock_;
  MetaProperties meta_;
  bool was_clean_ = false;
  BrokerEpoch previous_broker_epoch_{-1};
  std::multimap<TopicPartition, FoundReplica> replicas_;
  std::vector<std::string> warnings_;
  OffsetCheckpoint recovery_points_;
  OffsetCheckpoint log_starts_;
  OffsetCheckpoint high_watermarks_;
  OffsetCheckpoint cleaner_;
};

}  // namespace moldau::log
