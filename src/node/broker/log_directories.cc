// SPDX-License-Identifier: Apache-2.0
#include "node/broker/log_directories.h"

#include <algorithm>

namespace moldau::broker {

LogDirectories::LogDirectories(env::Env& env, replica::ReplicaSet& replicas,
                               std::uint64_t reserve_bytes)
    : env_(env),
      shard_(env.shard(env::ShardId(0))),
      replicas_(replicas),
      reserve_bytes_(reserve_bytes) {}

Result<void> LogDirectories::open(const std::vector<std::string>& paths,
                                  const std::string& metadata_path) {
  std::optional<Error> first;
  std::size_t online = 0;
  std::vector<std::string> all = paths;
  if (std::find(all.begin(), all.end(), metadata_path) == all.end()) all.push_back(metadata_path);
  for (const std::string& path : all) {
    Entry entry;
    entry.path = path;
    entry.metadata_only = std::find(paths.begin(), paths.end(), path) == paths.end();
    auto opened = log::LogDirectory::open(env_.disk(), path);
    if (opened.ok()) {
      entry.directory = std::move(opened).value();
      for (const std::string& warning : entry.directory->warnings())
        env_.logger().warn("log", "{}: {}", path, warning);
      if (!entry.metadata_only) ++online;
    } else {
      // A wrong or foreign directory is a mistake of the operator; a broken disk is not.
      if (opened.error().code != ErrorCode::kKafkaStorageError) return std::move(opened).error();
      env_.logger().error("log", "log directory {} is offline: {}", path, opened.error().detail);
      if (!first) first = opened.error();
      entry.offline = true;
    }
    entries_.push_back(std::move(entry));
  }
  if (online == 0)
    return first ? *first : Error(ErrorCode::kInvalidConfig, "log.dirs names no directory");
  return {};
}

std::optional<std::uint32_t> LogDirectories::index_of(DirectoryId id) const {
  for (std::uint32_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].directory && entries_[i].directory->directory_id() == id) return i;
  return std::nullopt;
}

std::optional<std::uint32_t> LogDirectories::index_of_path(const std::string& path) const {
  for (std::uint32_t i = 0; i < entries_.size(); ++i)
    if (!entries_[i].metadata_only && entries_[i].path == path) return i;
  return std::nullopt;
}

std::optional<log::FoundReplica> LogDirectories::find_promotable(const TopicPartition& name,
                                                                 TopicId topic_id,
                                                                 DirectoryId assigned) const {
  const std::optional<std::uint32_t> at = index_of(assigned);
  if (!at || entries_[*at].offline) return std::nullopt;
  for (log::FoundReplica& found : entries_[*at].directory->find_replicas(name))
    if (found.kind == log::ReplicaKind::kFuture && found.topic_id == topic_id)
      return std::move(found);
  return std::nullopt;
}

LogDirectories::CheckpointRow LogDirectories::checkpoint_of(const TopicPartition& name,
                                                            TopicId topic_id, std::uint32_t at,
                                                            bool promoted) const {
  CheckpointRow row;
  const log::LogDirectory& home = *entries_[at].directory;
  const auto is_this = [&](const log::FoundReplica& found) {
    return (found.kind == log::ReplicaKind::kCurrent || found.kind == log::ReplicaKind::kFuture) &&
           (found.topic_id == topic_id || found.topic_id.is_zero());
  };
  const std::vector<log::FoundReplica> held = home.find_replicas(name);
  if (std::none_of(held.begin(), held.end(), is_this)) return row;
  row.recovery_point = home.find_recovery_point(name).value_or(Offset(0));
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    const log::LogDirectory* directory = entries_[i].directory.get();
    if (directory == nullptr || (i != at && !promoted)) continue;
    row.log_start =
        std::max(row.log_start, directory->find_log_start_offset(name).value_or(Offset(0)));
    row.high_watermark =
        std::max(row.high_watermark, directory->find_high_watermark(name).value_or(Offset(0)));
  }
  return row;
}

std::optional<std::uint32_t> LogDirectories::index_of_replica(
    const std::string& replica_path) const {
  const std::string parent = env::parent_of(replica_path);
  for (std::uint32_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].path == parent) return i;
  return std::nullopt;
}

bool LogDirectories::any_offline() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.offline; });
}

void LogDirectories::set_cordoned(const std::vector<std::string>& paths) {
  for (Entry& entry : entries_)
    entry.cordoned = std::find(paths.begin(), paths.end(), entry.path) != paths.end();
}

void LogDirectories::prefer(const TopicPartition& name, std::uint32_t index) {
  if (preferred_.size() >= kPreferredMax && !preferred_.contains(name)) return;
  preferred_[name] = index;
}

std::optional<std::uint32_t> LogDirectories::take_preferred(const TopicPartition& name) {
  const auto found = preferred_.find(name);
  if (found == preferred_.end()) return std::nullopt;
  const std::uint32_t index = found->second;
  preferred_.erase(found);
  return entries_[index].offline ? std::nullopt : std::optional(index);
}

std::optional<std::uint32_t> LogDirectories::find_replica(const TopicPartition& name) const {
  for (std::uint32_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].directory && !entries_[i].offline && holds(i, name)) return i;
  return std::nullopt;
}

bool LogDirectories::holds(std::uint32_t index, const TopicPartition& name) const {
  const std::vector<log::FoundReplica> found = entries_[index].directory->find_replicas(name);
  return std::any_of(found.begin(), found.end(), [](const log::FoundReplica& replica) {
    return replica.kind == log::ReplicaKind::kCurrent;
  });
}

std::optional<std::uint32_t> LogDirectories::choose() const {
  std::optional<std::uint32_t> best;
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].directory || entries_[i].offline || entries_[i].metadata_only) continue;
    const auto rank = [&](std::uint32_t n) {
      return std::pair(entries_[n].cordoned, entries_[n].partitions);
    };
    if (!best || rank(i) < rank(*best)) best = i;
  }
  return best;
}

std::vector<DirectoryId> LogDirectories::online_ids() const {
  std::vector<DirectoryId> ids;
  for (const Entry& entry : entries_)
    if (entry.directory && !entry.offline && !entry.metadata_only)
      ids.push_back(entry.directory->directory_id());
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<DirectoryId> LogDirectories::offline_ids() const {
  std::vector<DirectoryId> ids;
  for (const Entry& entry : entries_)
    if (entry.directory && entry.offline) ids.push_back(entry.directory->directory_id());
  return ids;
}

std::vector<DirectoryId> LogDirectories::cordoned_ids() const {
  std::vector<DirectoryId> ids;
  for (const Entry& entry : entries_)
    if (entry.directory && entry.cordoned) ids.push_back(entry.directory->directory_id());
  std::sort(ids.begin(), ids.end());
  return ids;
}

bool LogDirectories::is_out_of_reach(const TopicPartition& name, DirectoryId assigned,
                                     bool is_start) const {
  if (!any_offline() || find_replica(name)) return false;
  const bool nowhere = assigned == kDirectoryUnassigned || assigned == kDirectoryMigrating ||
                       assigned == kDirectoryLost;
  if (nowhere) return is_start;
  const std::optional<std::uint32_t> at = index_of(assigned);
  return !at || entries_[*at].offline;
}

BrokerEpoch LogDirectories::previous_broker_epoch() const {
  std::optional<BrokerEpoch> epoch;
  for (const Entry& entry : entries_) {
    if (!entry.directory || !entry.directory->was_clean()) return BrokerEpoch(-1);
    const BrokerEpoch one = entry.directory->previous_broker_epoch();
    if (epoch && *epoch != one) return BrokerEpoch(-1);
    epoch = one;
  }
  return epoch.value_or(BrokerEpoch(-1));
}

bool LogDirectories::set_offline(std::uint32_t index, const Error& why) {
  Entry& entry = entries_[index];
  if (!entry.offline) {
    entry.offline = true;
    env_.logger().error("log", "log directory {} is offline: {}", entry.path, why.detail);
    for (std::uint32_t s = 0; s < replicas_.size(); ++s) {
      replica::ReplicaHost& host = replicas_.host(s);
      host.shard().post([&host, index] { host.fail_directory(index); });
    }
  }
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& e) {
    return e.directory && !e.offline && !e.metadata_only;
  });
}

void LogDirectories::start(env::TaskScope& tasks, const config::BrokerConfig& config) {
  tasks.spawn(watch_space());
  const auto& values = config.values;
  tasks.spawn(checkpoint_every(Millis(values.replica_high_watermark_checkpoint_interval_ms), false,
                               false, true));
  tasks.spawn(
      checkpoint_every(Millis(values.log_flush_offset_checkpoint_interval_ms), true, false, false));
  tasks.spawn(checkpoint_every(Millis(values.log_flush_start_offset_checkpoint_interval_ms), false,
                               true, false));
}

env::Task<void> LogDirectories::watch_space() {
  for (;;) {
    for (std::uint32_t i = 0; i < entries_.size(); ++i) {
      if (!entries_[i].directory || entries_[i].offline) continue;
      log::LogDirectory* directory = entries_[i].directory.get();
      auto ask = [directory] { return directory->space(); };
      const auto space = co_await env::blocking(shard_, pool(i), std::move(ask));
      note_space(i, space);
    }
    // Appends should come back soon after somebody has made room.
    const bool full = std::any_of(entries_.begin(), entries_.end(),
                                  [](const Entry& entry) { return entry.full; });
    const MonoTime next = shard_.now() + Millis(full ? 100 : 500);
    co_await env::sleep_until(shard_, next);
  }
}

void LogDirectories::note_space(std::uint32_t index, const Result<env::DiskSpace>& space) {
  if (!space.ok()) return;
  Entry& entry = entries_[index];
  const std::uint64_t reserve = std::min<std::uint64_t>(reserve_bytes_, space->total / 20);
  const bool full = entry.full ? space->available < 2 * reserve : space->available < reserve;
  if (full != entry.full) {
    entry.full = full;
    if (full)
      env_.logger().error("log",
                          "log directory {} has {} bytes left, below its reserve of {}: appends "
                          "are refused until {} are free, reads go on",
                          entry.path, space->available, reserve, 2 * reserve);
    else
      env_.logger().info("log", "log directory {} has {} bytes again: appends are taken",
                         entry.path, space->available);
  }
  for (std::uint32_t s = 0; s < replicas_.size(); ++s) {
    replica::ReplicaHost& host = replicas_.host(s);
    host.shard().post([&host, index, accepts = !full && !entry.offline] {
      host.set_directory_accepts(index, accepts);
    });
  }
}

struct LogDirectories::Rows {
  std::vector<std::vector<log::ReplicaCheckpoint>> by_directory;
};

/// The files are written under one temporary name each.
env::Task<void> LogDirectories::write_alone() {
  while (writing_) {
    const MonoTime soon = shard_.now() + Millis(1);
    co_await env::sleep_until(shard_, soon);
  }
  writing_ = true;
}

env::Task<Result<void>> LogDirectories::write_checkpoints(bool recovery_points, bool log_starts,
                                                          bool high_watermarks) {
  co_await write_alone();
  Rows rows;
  // Replicas that are not open yet, or cannot be opened, keep what was known of them.
  for (const Entry& entry : entries_)
    rows.by_directory.push_back(entry.directory ? entry.directory->unsettled()
                                                : std::vector<log::ReplicaCheckpoint>());
  for (std::uint32_t s = 0; s < replicas_.size(); ++s) {
    replica::ReplicaHost* host = &replicas_.host(s);
    const std::size_t directories = entries_.size();
    auto gather = [host, directories] {
      std::vector<std::vector<log::ReplicaCheckpoint>> found(directories);
      host->for_each([&](replica::HostedPartition& partition) {
        log::ReplicaCheckpoint row;
        row.topic_partition = partition.identity().name;
        row.recovery_point = partition.log().recovery_point();
        row.log_start_offset = partition.log().log_start_offset();
        row.starts_inside_segment = partition.log().starts_inside_segment();
        row.high_watermark = partition.machine().high_watermark();
        found[partition.identity().directory].push_back(std::move(row));
        if (const auto& future = partition.future())
          found[future->directory].push_back(future->checkpoint);
      });
      return found;
    };
    auto found = co_await env::call_on(shard_, host->shard(), std::move(gather));
    for (std::size_t d = 0; d < found.size(); ++d)
      for (auto& row : found[d]) rows.by_directory[d].push_back(std::move(row));
  }
  Result<void> all;
  for (std::uint32_t d = 0; d < entries_.size(); ++d) {
    if (!entries_[d].directory || entries_[d].offline) continue;
    log::LogDirectory* directory = entries_[d].directory.get();
    auto shared =
        std::make_shared<std::vector<log::ReplicaCheckpoint>>(std::move(rows.by_directory[d]));
    auto write = [=]() -> Result<void> {
      if (recovery_points) MOLDAU_TRY(directory->write_recovery_points(*shared));
      if (log_starts) MOLDAU_TRY(directory->write_log_start_offsets(*shared));
      if (high_watermarks) MOLDAU_TRY(directory->write_high_watermarks(*shared));
      return {};
    };
    const Result<void> written = co_await env::blocking(shard_, pool(d), std::move(write));
    if (written.ok()) continue;
    env_.logger().error("log", "checkpoint of {} failed: {}", entries_[d].path,
                        written.error().detail);
    if (all.ok()) all = written;
  }
  writing_ = false;
  co_return all;
}

void LogDirectories::save_log_starts(Saved saved) {
  waiting_.push_back(std::move(saved));
  if (!std::exchange(saving_, true)) tasks_.spawn(save_waiting());
}

env::Task<void> LogDirectories::save_waiting() {
  while (!waiting_.empty()) {
    std::vector<Saved> round;
    round.swap(waiting_);
    const Result<void> written = co_await write_checkpoints(false, true, false);
    for (Saved& saved : round) saved(written);
  }
  saving_ = false;
}

env::Task<void> LogDirectories::close_cleanly(
    std::map<std::uint32_t, std::vector<log::ReplicaCheckpoint>> rows, BrokerEpoch broker_epoch) {
  stopping_ = true;
  co_await write_alone();
  for (std::uint32_t d = 0; d < entries_.size(); ++d) {
    Entry& entry = entries_[d];
    if (!entry.directory || entry.offline || entry.close_failed) continue;
    log::LogDirectory* directory = entry.directory.get();
    auto shared = std::make_shared<std::vector<log::ReplicaCheckpoint>>(std::move(rows[d]));
    auto close = [directory, shared, broker_epoch]() -> Result<void> {
      // One round for all logs closed before, which the checkpoints then speak of.
      MOLDAU_TRY(directory->sync());
      MOLDAU_TRY(directory->write_recovery_points(*shared));
      MOLDAU_TRY(directory->write_log_start_offsets(*shared));
      MOLDAU_TRY(directory->write_high_watermarks(*shared));
      return directory->close_cleanly(broker_epoch);
    };
    const Result<void> closed = co_await env::blocking(shard_, pool(d), std::move(close));
    if (!closed.ok())
      env_.logger().error("log", "cannot close {} cleanly: {}", entry.path, closed.error().detail);
  }
}

env::Task<void> LogDirectories::checkpoint_every(Millis interval, bool recovery_points,
                                                 bool log_starts, bool high_watermarks) {
  for (;;) {
    const MonoTime next = shard_.now() + interval;
    co_await env::sleep_until(shard_, next);
    if (stopping_) co_return;
    (void)co_await write_checkpoints(recovery_points, log_starts, high_watermarks);
  }
}

}  // namespace moldau::broker
