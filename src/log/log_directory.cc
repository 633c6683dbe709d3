// SPDX-License-Identifier: Apache-2.0
#include "log/log_directory.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

namespace moldau::log {
namespace {

constexpr const char* kLockName = ".lock";

std::optional<Offset> find_in(const OffsetCheckpoint& checkpoint, const TopicPartition& partition) {
  const auto found = checkpoint.offsets.find(partition);
  return found == checkpoint.offsets.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

Result<std::unique_ptr<LogDirectory>> LogDirectory::open(env::Disk& disk, std::string path) {
  std::unique_ptr<LogDirectory> directory(new LogDirectory(disk, std::move(path)));
  MOLDAU_TRY(directory->load());
  return directory;
}

Result<void> LogDirectory::load() {
  auto text = env::read_small_file(disk_, path_ + "/" + kMetaPropertiesName);
  if (!text.ok()) {
    if (text.error().os_error != ENOENT) return text.error();
    return Error(ErrorCode::kInvalidConfig,
                 path_ + " is not formatted: there is no " + std::string(kMetaPropertiesName));
  }
  auto lock = disk_.lock(path_ + "/" + kLockName);
  if (!lock.ok()) {
    if (lock.error().os_error != EAGAIN && lock.error().os_error != EACCES) return lock.error();
    return Error(ErrorCode::kInvalidConfig, path_ + " is in use by another process");
  }
  lock_ = std::move(*lock);
  MOLDAU_ASSIGN_OR_RETURN(meta_, MetaProperties::parse(*text));
  MOLDAU_ASSIGN_OR_RETURN(recovery_points_, load_checkpoint(kRecoveryPointCheckpoint));
  MOLDAU_ASSIGN_OR_RETURN(log_starts_, load_checkpoint(kLogStartCheckpoint));
  MOLDAU_ASSIGN_OR_RETURN(high_watermarks_, load_checkpoint(kReplicationCheckpoint));
  MOLDAU_ASSIGN_OR_RETURN(cleaner_, load_checkpoint(kCleanerCheckpoint));
  MOLDAU_TRY(list_replicas());
  return load_clean_shutdown();
}

/// Notes the mark and takes it away, before anything is written: a crash from now on is one.
Result<void> LogDirectory::load_clean_shutdown() {
  const std::string path = path_ + "/" + kCleanShutdownName;
  const auto text = env::read_small_file(disk_, path);
  if (!text.ok()) return text.error().os_error == ENOENT ? Result<void>() : text.error();
  const auto epoch = parse_clean_shutdown(*text);
  if (epoch.ok()) {
    was_clean_ = true;
    previous_broker_epoch_ = *epoch;
  } else {
    warnings_.push_back(path + ": " + epoch.error().text());
  }
  MOLDAU_TRY(disk_.remove_file(path));
  return disk_.sync_directory(path_);
}

Result<OffsetCheckpoint> LogDirectory::load_checkpoint(const char* name) {
  const std::string path = path_ + "/" + name;
  const auto text = env::read_small_file(disk_, path, OffsetCheckpoint::kFileBytesMax);
  if (!text.ok()) {
    if (text.error().os_error == ENOENT) return OffsetCheckpoint();
    return text.error();
  }
  auto parsed = OffsetCheckpoint::parse(*text);
  if (parsed.ok()) return parsed;
  warnings_.push_back(path + ": " + parsed.error().text() + "; it counts as empty");
  return OffsetCheckpoint();
}

Result<void> LogDirectory::list_replicas() {
  MOLDAU_ASSIGN_OR_RETURN(const std::vector<env::DirectoryEntry> entries, disk_.list(path_));
  for (const env::DirectoryEntry& entry : entries) {
    if (!entry.is_directory) continue;
    std::optional<FoundReplica> replica = parse_directory_name(entry.name);
    if (!replica) continue;
    const auto text =
        env::read_small_file(disk_, path_ + "/" + entry.name + "/" + kPartitionMetadataName);
    if (!text.ok() && text.error().os_error != ENOENT) return text.error();
    if (text.ok()) {
      const auto id = parse_partition_metadata(*text);
      if (id.ok()) {
        replica->topic_id = *id;
      } else {
        warnings_.push_back(entry.name + ": " + id.error().text());
      }
    }
    note_added(std::move(*replica));
  }
  return {};
}

std::vector<FoundReplica> LogDirectory::replicas() const {
  std::vector<FoundReplica> all;
  all.reserve(replicas_.size());
  for (const auto& [partition, replica] : replicas_) all.push_back(replica);
  return all;
}

std::vector<FoundReplica> LogDirectory::find_replicas(const TopicPartition& partition) const {
  std::vector<FoundReplica> found;
  const auto [begin, end] = replicas_.equal_range(partition);
  for (auto it = begin; it != end; ++it) found.push_back(it->second);
  return found;
}

std::optional<Offset> LogDirectory::find_recovery_point(const TopicPartition& partition) const {
  return find_in(recovery_points_, partition);
}
std::optional<Offset> LogDirectory::find_log_start_offset(const TopicPartition& partition) const {
  return find_in(log_starts_, partition);
}
std::optional<Offset> LogDirectory::find_high_watermark(const TopicPartition& partition) const {
  return find_in(high_watermarks_, partition);
}

void LogDirectory::note_added(FoundReplica replica) {
  TopicPartition partition = replica.topic_partition;
  replicas_.emplace(std::move(partition), std::move(replica));
}

void LogDirectory::note_removed(const std::string& replica_directory) {
  const auto parsed = parse_directory_name(replica_directory);
  if (!parsed) return;
  const auto [begin, end] = replicas_.equal_range(parsed->topic_partition);
  for (auto it = begin; it != end; ++it) {
    if (it->second.name != replica_directory) continue;
    replicas_.erase(it);
    return;
  }
}

void LogDirectory::settle(const TopicPartition& partition) {
  for (OffsetCheckpoint* rows : {&recovery_points_, &log_starts_, &high_watermarks_})
    rows->offsets.erase(partition);
}

void LogDirectory::forget(const TopicPartition& partition) {
  settle(partition);
  std::erase_if(replicas_, [&](const auto& item) {
    return item.first == partition && item.second.kind == ReplicaKind::kCurrent;
  });
}

bool LogDirectory::forget_missing() {
  std::set<TopicPartition> here;
  for (const auto& [partition, replica] : replicas_)
    if (replica.kind == ReplicaKind::kCurrent || replica.kind == ReplicaKind::kFuture)
      here.insert(partition);
  std::size_t forgotten = 0;
  for (OffsetCheckpoint* rows : {&recovery_points_, &log_starts_, &high_watermarks_})
    forgotten +=
        std::erase_if(rows->offsets, [&](const auto& row) { return !here.contains(row.first); });
  return forgotten > 0;
}

std::vector<ReplicaCheckpoint> LogDirectory::unsettled() const {
  std::map<TopicPartition, ReplicaCheckpoint> rows;
  for (const auto& [partition, offset] : recovery_points_.offsets)
    rows[partition].recovery_point = offset;
  for (const auto& [partition, offset] : high_watermarks_.offsets)
    rows[partition].high_watermark = offset;
  for (const auto& [partition, offset] : log_starts_.offsets) {
    rows[partition].log_start_offset = offset;
    rows[partition].starts_inside_segment = true;
  }
  std::vector<ReplicaCheckpoint> out;
  for (auto& [partition, row] : rows) {
    row.topic_partition = partition;
    out.push_back(std::move(row));
  }
  return out;
}

Result<void> LogDirectory::write_checkpoint(const char* name, const OffsetCheckpoint& checkpoint) {
  const std::string content = checkpoint.serialize();
  return env::write_small_file(disk_, path_ + "/" + name, as_view(content));
}

Result<void> LogDirectory::write_recovery_points(const std::vector<ReplicaCheckpoint>& rows) {
  OffsetCheckpoint out;
  for (const ReplicaCheckpoint& row : rows) out.offsets[row.topic_partition] = row.recovery_point;
  return write_checkpoint(kRecoveryPointCheckpoint, out);
}

Result<void> LogDirectory::write_log_start_offsets(const std::vector<ReplicaCheckpoint>& rows) {
  OffsetCheckpoint out;
  for (const ReplicaCheckpoint& row : rows) {
    out.offsets.erase(row.topic_partition);
    if (row.starts_inside_segment) out.offsets[row.topic_partition] = row.log_start_offset;
  }
  return write_checkpoint(kLogStartCheckpoint, out);
}

Result<void> LogDirectory::write_high_watermarks(const std::vector<ReplicaCheckpoint>& rows) {
  OffsetCheckpoint out;
  for (const ReplicaCheckpoint& row : rows) out.offsets[row.topic_partition] = row.high_watermark;
  return write_checkpoint(kReplicationCheckpoint, out);
}

Result<void> LogDirectory::set_cleaner_offset(const TopicPartition& partition,
                                              std::optional<Offset> offset) {
  if (offset) {
    cleaner_.offsets[partition] = *offset;
  } else {
    cleaner_.offsets.erase(partition);
  }
  return write_checkpoint(kCleanerCheckpoint, cleaner_);
}

Result<void> LogDirectory::write_cleaner_offsets(OffsetCheckpoint offsets) {
  cleaner_ = std::move(offsets);
  return write_checkpoint(kCleanerCheckpoint, cleaner_);
}

Result<void> LogDirectory::remove_replica(const std::string& replica_directory) {
  MOLDAU_TRY(env::remove_tree(disk_, path_of(replica_directory)));
  return disk_.sync_directory(path_);
}

Result<env::DiskSpace> LogDirectory::space() {
  return disk_.space(path_);
}

Result<void> LogDirectory::close_cleanly(BrokerEpoch broker_epoch) {
  const std::string content = serialize_clean_shutdown(broker_epoch);
  MOLDAU_TRY(env::write_small_file(disk_, path_ + "/" + kCleanShutdownName, as_view(content)));
  // Apache leaves no lock file behind; whoever starts next makes a new one.
  MOLDAU_TRY(disk_.remove_file(path_ + "/" + kLockName));
  lock_.reset();
  return {};
}

}  // namespace moldau::log
