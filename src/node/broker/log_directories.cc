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

std::optional<std::uint32_t> LogDirectories::find_replica(const TopicPartition& name) const {
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].directory || entries_[i].offline) continue;
    for (const log::FoundReplica& replica : entries_[i].directory->replicas())
      if (replica.kind == log::ReplicaKind::kCurrent && replica.topic_partition == name) return i;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> LogDirectories::choose() const {
  std::optional<std::uint32_t> best;
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].directory || entries_[i].offline || entries_[i].metadata_only) continue;
    if (!best || entries_[i].partitions < entries_[*best].partitions) best = i;
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
  }
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& e) { return e.directory && !e.offline; });
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
    const MonoTime next = shard_.now() + Millis(1000);
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
