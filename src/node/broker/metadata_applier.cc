// SPDX-License-Identifier: Apache-2.0
#include "node/broker/metadata_applier.h"

#include <algorithm>
#include <cerrno>

#include "node/park/parallel.h"
#include "node/replica/topic_settings.h"

namespace moldau::broker {
namespace {

constexpr Millis kRetryOpening{5'000};

/// Not for want of room, descriptors or memory, which come back.
bool is_failure_of_disk(const Error& error) {
  switch (error.os_error) {
    case 0:
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return false;
    default:
      return error.code == ErrorCode::kKafkaStorageError;
  }
}

/// Ends a move whose last rename a crash has prevented.
Result<void> promote(env::Disk& disk, const std::string& future, const std::string& current) {
  MOLDAU_TRY(disk.rename(future, current));
  return disk.sync_directory(env::parent_of(current));
}

/// Where acks are durable only what is synced counts, so what a crash left in the page cache is
/// synced before anybody asks for the high watermark: it must not go back.
Result<std::unique_ptr<log::PartitionLog>> open_log(env::Disk& disk,
                                                    log::PartitionLog::OpenOptions options) {
  MOLDAU_ASSIGN_OR_RETURN(auto log, log::PartitionLog::open(disk, std::move(options)));
  if (log->config().durable_acks() && log->unflushed_messages() > 0) {
    MOLDAU_ASSIGN_OR_RETURN(const log::FlushPoint point, log->flush_point());
    MOLDAU_TRY(point.sync());
    log->mark_flushed(point);
  }
  return log;
}

}  // namespace

/// A replica that is to be opened and hosted.
struct MetadataApplier::Opening {
  Opening(replica::HostedIdentity i, log::PartitionLog::OpenOptions o)
      : identity(std::move(i)), options(std::move(o)) {}
  replica::HostedIdentity identity;
  log::PartitionLog::OpenOptions options;
  partition::PartitionAssignment assignment;
  record::ValidateOptions validation;
  Offset high_watermark{0};
  /// Path of the complete future replica that is to become the current one; "" if there is none.
  std::string promotable;
};

MetadataApplier::MetadataApplier(env::Env& env, NodeId self, DynamicConfig& dynamic,
                                 LogDirectories& directories, replica::ReplicaSet& replicas,
                                 Show show, Applied applied)
    : env_(env),
      shard_(env.shard(env::ShardId(0))),
      self_(self),
      dynamic_(dynamic),
      directories_(directories),
      replicas_(replicas),
      show_(std::move(show)),
      applied_(std::move(applied)) {}

void MetadataApplier::enqueue(image::PublishedImage published) {
  latest_ = published.image;
  queue_.push_back(std::move(published));
  if (running_ || closing_) return;
  running_ = true;
  tasks_.spawn(run());
}

env::Task<void> MetadataApplier::run() {
  while (!queue_.empty() && !closing_) {
    image::PublishedImage next = std::move(queue_.front());
    queue_.pop_front();
    co_await apply(std::move(next));
  }
  running_ = false;
}

env::Task<void> MetadataApplier::apply(image::PublishedImage published) {
  const image::ImagePtr image = published.image;
  // Broker defaults reach every topic that does not say otherwise.
  if (dynamic_.apply(published)) push_all_topic_configs(*image);
  if (!first_done_) {
    co_await resume_deletions();
    co_await mark_strays(*image);
    for (std::uint32_t d = 0; d < directories_.size(); ++d) {
      log::LogDirectory* directory = directories_.entry(d).directory.get();
      if (directory && directory->forget_missing()) rows_stale_ = true;
    }
  }
  co_await delete_partitions(&published);
  auto openings = std::make_shared<std::vector<Opening>>();
  for (const auto& [topic_id, change] : published.changes.topics) {
    const image::TopicImage* topic = image->topic(topic_id);
    if (!topic) continue;
    for (PartitionId index : change.partitions) {
      const image::PartitionState* state = topic->partition(index);
      TopicIdPartition id;
      id.topic_id = topic_id;
      id.partition = index;
      if (!state) continue;
      if (!state->replicas.contains(self_)) {
        forget_offline(id);
        continue;
      }
      const bool is_hosted = hosted_.contains(id);
      if (!is_hosted && (offline_.contains(id) || is_out_of_reach(*topic, index, *state))) {
        take_offline(id);
      } else if (is_hosted) {
        update_partition(*image, *topic, index, *state);
      } else if (directories_.choose()) {
        openings->push_back(plan_opening(*image, *topic, index, *state));
      }
    }
  }
  co_await drop_stale_rows(openings);
  co_await open_all(openings);
  for (const image::ConfigResource& resource : published.changes.configs) {
    if (resource.type != image::ResourceType::kTopic) continue;
    const image::TopicImage* topic = image->topic(resource.name);
    if (topic) push_topic_config(*image, *topic);
  }
  first_done_ = true;
  const auto changes = std::make_shared<const image::MetadataChanges>(std::move(published.changes));
  for (std::uint32_t s = 0; s < env_.shard_count(); ++s)
    env_.shard(env::ShardId(s)).post([this, s, image, changes, config = dynamic_.current()] {
      show_(s, image, *changes, config);
    });
  applied_(image);
}

/// Replicas that are not to be here any longer.
env::Task<void> MetadataApplier::delete_partitions(const image::PublishedImage* published) {
  std::vector<TopicIdPartition> gone;
  for (const TopicId& topic : published->changes.deleted_topics)
    for (auto it = hosted_.lower_bound(TopicIdPartition{topic, PartitionId(0)});
         it != hosted_.end() && it->first.topic_id == topic; ++it)
      gone.push_back(it->first);
  for (const auto& [topic_id, change] : published->changes.topics) {
    const image::TopicImage* topic = published->image->topic(topic_id);
    if (!topic) continue;
    for (PartitionId index : change.partitions) {
      const image::PartitionState* state = topic->partition(index);
      const TopicIdPartition id{topic_id, index};
      if (state && !state->replicas.contains(self_) && hosted_.contains(id)) gone.push_back(id);
    }
  }
  for (const TopicIdPartition& id : gone) co_await delete_partition(id);
  std::vector<TopicIdPartition> forgotten;
  for (const auto* ids : {&unopened_, &offline_})
    for (const TopicIdPartition& id : *ids)
      if (published->changes.deleted_topics.contains(id.topic_id)) forgotten.push_back(id);
  for (const TopicIdPartition& id : forgotten) forget_offline(id);
}

void MetadataApplier::push_all_topic_configs(const image::MetadataImage& image) {
  std::set<TopicId> topics;
  for (const auto& [id, hosted] : hosted_) topics.insert(id.topic_id);
  for (const TopicId& id : topics)
    if (const image::TopicImage* topic = image.topic(id)) push_topic_config(image, *topic);
}

config::TopicConfig MetadataApplier::topic_config(const image::MetadataImage& image,
                                                  const std::string& topic) {
  const auto& entries = image.topic_config(topic);
  std::vector<std::string> problems;
  config::TopicConfig effective = config::replayed_topic_config(
      config(), config::ConfigMap(entries.begin(), entries.end()), &problems);
  for (const std::string& problem : problems)
    env_.logger().warn("broker", "config of topic {}: {}", topic, problem);
  return effective;
}

partition::PartitionAssignment MetadataApplier::assignment_of(
    const image::MetadataImage& image, const image::TopicImage& topic,
    const image::PartitionState& state) const {
  partition::PartitionAssignment assignment;
  assignment.leader = state.leader;
  assignment.leader_epoch = state.leader_epoch;
  assignment.partition_epoch = state.partition_epoch;
  assignment.replicas = state.replicas.to_vector();
  assignment.isr = state.isr.to_vector();
  assignment.recovering = state.recovery_state == image::LeaderRecoveryState::kRecovering;
  std::int32_t min_isr = config().values.min_insync_replicas;
  const auto& entries = image.topic_config(topic.name);
  if (auto found = entries.find("min.insync.replicas"); found != entries.end())
    min_isr = std::atoi(found->second.c_str());
  assignment.min_isr =
      std::clamp<std::int32_t>(min_isr, 1, static_cast<std::int32_t>(state.replicas.size()));
  return assignment;
}

void MetadataApplier::update_partition(const image::MetadataImage& image,
                                       const image::TopicImage& topic, PartitionId index,
                                       const image::PartitionState& state) {
  TopicIdPartition id;
  id.topic_id = topic.id;
  id.partition = index;
  replica::ReplicaHost& host = replicas_.owner(id);
  host.shard().post([&host, id, assignment = assignment_of(image, topic, state)] {
    if (replica::HostedPartition* partition = host.find(id)) partition->apply(assignment);
  });
}

void MetadataApplier::push_topic_config(const image::MetadataImage& image,
                                        const image::TopicImage& topic) {
  const config::TopicConfig effective = topic_config(image, topic.name);
  const log::LogConfig log_config = replica::log_config_of(effective, config());
  const record::ValidateOptions validation = replica::validate_options_of(effective);
  for (auto it = hosted_.lower_bound(TopicIdPartition{topic.id, PartitionId(0)});
       it != hosted_.end() && it->first.topic_id == topic.id; ++it) {
    const TopicIdPartition id = it->first;
    const image::PartitionState* state = topic.partition(id.partition);
    if (!state) continue;
    replica::ReplicaHost& host = replicas_.owner(id);
    host.shard().post(
        [&host, id, log_config, validation, assignment = assignment_of(image, topic, *state)] {
          replica::HostedPartition* partition = host.find(id);
          if (!partition) return;
          partition->set_config(log_config, validation);
          partition->apply(assignment);
        });
  }
}

bool MetadataApplier::is_out_of_reach(const image::TopicImage& topic, PartitionId index,
                                      const image::PartitionState& state) const {
  TopicPartition name;
  name.topic = topic.name;
  name.partition = index;
  return directories_.is_out_of_reach(name, state.directory_of(self_), !first_done_);
}

MetadataApplier::Opening MetadataApplier::plan_opening(const image::MetadataImage& image,
                                                       const image::TopicImage& topic,
                                                       PartitionId index,
                                                       const image::PartitionState& state) {
  replica::HostedIdentity identity;
  identity.id.topic_id = topic.id;
  identity.id.partition = index;
  identity.name.topic = topic.name;
  identity.name.partition = index;
  const DirectoryId wanted = state.directory_of(self_);
  std::optional<std::uint32_t> at = directories_.find_replica(identity.name);
  // Apache Kafka, killed in the middle of a move, may leave two: the assigned one is complete.
  if (const auto assigned = directories_.index_of(wanted); at && assigned != at && assigned)
    if (!directories_.entry(*assigned).offline && directories_.holds(*assigned, identity.name))
      at = assigned;
  const std::optional<std::uint32_t> preferred = directories_.take_preferred(identity.name);
  const std::optional<log::FoundReplica> future =
      directories_.find_promotable(identity.name, topic.id, wanted);
  const bool promotable = !at && future;
  if (!at && !promotable) at = preferred;
  if (!at) at = directories_.index_of(wanted);
  if (!at || directories_.entry(*at).offline) at = directories_.choose();
  const std::uint32_t directory = at.value_or(0);
  LogDirectories::Entry& entry = directories_.entry(directory);
  ++entry.partitions;
  identity.directory = directory;
  identity.pool = directories_.pool(directory);
  // A move that was told to the controller, but not ended, goes on and makes it right.
  if (entry.directory->directory_id() != wanted && !future)
    assignments_.push_back({identity.id, entry.directory->directory_id()});

  const config::TopicConfig effective = topic_config(image, topic.name);
  log::PartitionLog::OpenOptions options(
      entry.directory->path_of(log::directory_name(identity.name)), identity.name,
      replica::log_config_of(effective, config()));
  options.topic_id = topic.id;
  options.was_clean = entry.directory->was_clean();
  const LogDirectories::CheckpointRow row =
      directories_.checkpoint_of(identity.name, topic.id, directory, promotable);
  options.recovery_point = row.recovery_point;
  options.log_start_offset = row.log_start;
  options.now = shard_.wall_now();
  options.seed = shard_.random().next();
  Opening opening(std::move(identity), std::move(options));
  opening.assignment = assignment_of(image, topic, state);
  opening.validation = replica::validate_options_of(effective);
  opening.high_watermark = row.high_watermark;
  if (promotable) opening.promotable = entry.directory->path_of(future->name);
  return opening;
}

/// Once a new replica is there the checkpoints must say nothing of an earlier one of its name: a
/// later start would take its log start and its recovery point for the new one's.
env::Task<void> MetadataApplier::drop_stale_rows(std::shared_ptr<std::vector<Opening>> openings) {
  if (!rows_stale_ || openings->empty()) co_return;
  const Result<void> written = co_await directories_.write_checkpoints(true, true, true);
  rows_stale_ = !written.ok();
  if (!rows_stale_) co_return;
  std::erase_if(*openings, [this](const Opening& opening) {
    if (directories_.find_replica(opening.identity.name)) return false;
    open_later(opening.identity);
    return true;
  });
}

/// It is not served before the next start, and not made anew in another log dir either.
void MetadataApplier::take_offline(const TopicIdPartition& id) {
  offline_.insert(id);
  tell_out_of_reach(id);
}

void MetadataApplier::tell_out_of_reach(const TopicIdPartition& id) {
  replica::ReplicaHost& host = replicas_.owner(id);
  host.shard().post([&host, id] { host.set_out_of_reach(id); });
}

void MetadataApplier::forget_offline(const TopicIdPartition& id) {
  const bool was_unopened = unopened_.erase(id) > 0;
  const bool was_offline = offline_.erase(id) > 0;
  if (!was_unopened && !was_offline) return;
  replica::ReplicaHost& host = replicas_.owner(id);
  host.shard().post([&host, id] { host.forget_out_of_reach(id); });
}

void MetadataApplier::open_later(const replica::HostedIdentity& identity) {
  LogDirectories::Entry& entry = directories_.entry(identity.directory);
  if (entry.partitions > 0) --entry.partitions;
  unopened_.insert(identity.id);
  tell_out_of_reach(identity.id);
  if (!std::exchange(retrying_, true)) tasks_.spawn(retry_unopened());
}

env::Task<void> MetadataApplier::open_all(std::shared_ptr<std::vector<Opening>> openings) {
  if (openings->empty()) co_return;
  const auto threads =
      static_cast<std::size_t>(std::max(1, config().values.num_recovery_threads_per_data_dir));
  const std::size_t at_once = threads * directories_.size();
  const std::size_t count = openings->size();
  if (count > 100) env_.logger().info("log", "opening {} partitions", count);
  park::WorkAt work = [this, openings](std::size_t i) { return open_one(&(*openings)[i]); };
  co_await park::run_parallel(shard_, tasks_, count, at_once, std::move(work));
  if (count > 100) env_.logger().info("log", "opened {} partitions", count);
}

env::Task<void> MetadataApplier::open_one(Opening* opening) {
  env::Disk* disk = &env_.disk();
  auto open = [disk, opening]() -> Result<std::unique_ptr<log::PartitionLog>> {
    if (!opening->promotable.empty())
      MOLDAU_TRY(promote(*disk, opening->promotable, opening->options.directory));
    return open_log(*disk, std::move(opening->options));
  };
  auto opened = co_await env::blocking(shard_, opening->identity.pool, std::move(open));
  if (!opened.ok()) {
    env_.logger().error("log", "cannot open {}: {}", opening->identity.name.text(),
                        opened.error().text());
    if (is_failure_of_disk(opened.error())) {
      replicas_.host(0).note_directory_failure(opening->identity.directory, opened.error());
      take_offline(opening->identity.id);
    } else {
      open_later(opening->identity);
    }
    co_return;
  }
  const auto& report = (*opened)->recovery_report();
  if (report.segments_recovered > 0 || report.indexes_rebuilt > 0 || report.bytes_truncated > 0)
    env_.logger().info("log",
                       "recovered {} segments={} bytes_scanned={} bytes_truncated={} "
                       "indexes_rebuilt={}",
                       opening->identity.name.text(), report.segments_recovered,
                       report.bytes_scanned, report.bytes_truncated, report.indexes_rebuilt);
  const TopicIdPartition id = opening->identity.id;
  Hosted hosted;
  hosted.name = opening->identity.name;
  hosted.directory = opening->identity.directory;
  hosted_[id] = hosted;
  note_opened(*opening);
  replica::ReplicaHost* host = &replicas_.owner(id);
  auto log = std::make_shared<std::unique_ptr<log::PartitionLog>>(std::move(opened).value());
  auto add = [host, opening, log] {
    replica::HostedPartition& partition =
        host->add(opening->identity, std::move(*log), opening->high_watermark);
    partition.set_config(partition.log().config(), opening->validation);
    partition.apply(opening->assignment);
    return true;
  };
  (void)co_await env::call_on(shard_, host->shard(), std::move(add));
  directories_.entry(hosted.directory).directory->settle(hosted.name);
}

/// A disk that was full when the partition was to be opened may have room again.
env::Task<void> MetadataApplier::retry_unopened() {
  const MonoTime when = shard_.now() + kRetryOpening;
  co_await env::sleep_until(shard_, when);
  retrying_ = false;
  image::MetadataChanges changes;
  for (const TopicIdPartition& id : unopened_)
    changes.topics[id.topic_id].partitions.insert(id.partition);
  unopened_.clear();
  enqueue(image::PublishedImage(latest_, std::move(changes)));
}

env::Task<std::unique_ptr<log::PartitionLog>> MetadataApplier::take_log(TopicIdPartition id,
                                                                        ErrorCode code) {
  using Log = std::unique_ptr<log::PartitionLog>;
  env::OneShot<Log> answer(shard_);
  env::OneShot<Log>* slot = &answer;
  env::Shard* home = &shard_;
  replica::ReplicaHost* host = &replicas_.owner(id);
  host->shard().post([host, id, code, slot, home] {
    host->remove(id, code, [slot, home](Log log) {
      home->post([slot, held = std::move(log)]() mutable { slot->set(std::move(held)); });
    });
  });
  Log log = co_await answer;
  co_return log;
}

/// The list of what the log dir holds, after a promotion.
void MetadataApplier::note_opened(const Opening& opening) {
  if (opening.promotable.empty()) return;
  log::LogDirectory& home = *directories_.entry(opening.identity.directory).directory;
  log::FoundReplica found;
  found.name = log::directory_name(opening.identity.name);
  found.topic_partition = opening.identity.name;
  found.topic_id = opening.identity.id.topic_id;
  home.note_added(std::move(found));
  const std::size_t slash = opening.promotable.rfind('/');
  home.note_removed(opening.promotable.substr(slash + 1));
  promoted_.insert(opening.identity.id);
  env_.logger().warn("log", "{} is complete and replaces the replica it was copied from",
                     opening.promotable);
}

void MetadataApplier::replica_moved(const TopicIdPartition& id, std::uint32_t from,
                                    std::uint32_t to, const std::string& retired) {
  const auto hosted = hosted_.find(id);
  if (hosted != hosted_.end()) {
    hosted->second.directory = to;
    log::FoundReplica found;
    found.name = log::directory_name(hosted->second.name);
    found.topic_partition = hosted->second.name;
    found.topic_id = id.topic_id;
    directories_.entry(from).directory->note_removed(found.name);
    directories_.entry(from).directory->forget(found.topic_partition);
    directories_.entry(to).directory->settle(found.topic_partition);
    directories_.entry(to).directory->note_added(std::move(found));
    if (directories_.entry(from).partitions > 0) --directories_.entry(from).partitions;
    ++directories_.entry(to).partitions;
  }
  tasks_.spawn(remove_later(from, retired));
}

env::Task<void> MetadataApplier::delete_partition(TopicIdPartition id) {
  Hosted hosted = hosted_.at(id);
  hosted_.erase(id);
  std::unique_ptr<log::PartitionLog> log =
      co_await take_log(id, ErrorCode::kUnknownTopicOrPartition);
  if (!log) co_return;
  // It may have moved until a moment ago.
  hosted.directory = directories_.index_of_replica(log->directory()).value_or(hosted.directory);
  LogDirectories::Entry& entry = directories_.entry(hosted.directory);
  if (entry.partitions > 0) --entry.partitions;
  const Uuid unique = Uuid::random([this] { return shard_.random().next(); });
  const std::string name = log::directory_name(hosted.name, log::ReplicaKind::kDeleted, unique);
  auto held = std::make_shared<std::unique_ptr<log::PartitionLog>>(std::move(log));
  auto rename = [held, name] {
    Result<void> renamed = (*held)->rename_directory(name);
    held->reset();
    return renamed;
  };
  const Result<void> renamed =
      co_await env::blocking(shard_, directories_.pool(hosted.directory), std::move(rename));
  if (!renamed.ok()) {
    env_.logger().error("log", "cannot delete {}: {}", hosted.name.text(), renamed.error().detail);
    co_return;
  }
  entry.directory->forget(hosted.name);
  rows_stale_ = true;
  env_.logger().info("log", "partition {} is marked for deletion", hosted.name.text());
  tasks_.spawn(remove_later(hosted.directory, name));
}

env::Task<void> MetadataApplier::remove_later(std::uint32_t directory, std::string name) {
  const MonoTime when = shard_.now() + Millis(config().values.log_segment_delete_delay_ms);
  co_await env::sleep_until(shard_, when);
  log::LogDirectory* at = directories_.entry(directory).directory.get();
  auto remove = [at, name] { return at->remove_replica(name); };
  const Result<void> removed =
      co_await env::blocking(shard_, directories_.pool(directory), std::move(remove));
  if (!removed.ok())
    env_.logger().error("log", "cannot remove {}: {}", name, removed.error().detail);
}

env::Task<void> MetadataApplier::resume_deletions() {
  for (std::uint32_t d = 0; d < directories_.size(); ++d) {
    LogDirectories::Entry& entry = directories_.entry(d);
    if (!entry.directory) continue;
    for (const log::FoundReplica& found : entry.directory->replicas())
      if (found.kind == log::ReplicaKind::kDeleted) tasks_.spawn(remove_later(d, found.name));
  }
  co_return;
}

env::Task<void> MetadataApplier::mark_strays(const image::MetadataImage& image) {
  struct Stray {
    TopicPartition name;
    std::string from;
    std::string to;
    std::uint32_t directory;
  };
  std::vector<Stray> strays;
  for (std::uint32_t d = 0; d < directories_.size(); ++d) {
    LogDirectories::Entry& entry = directories_.entry(d);
    if (!entry.directory) continue;
    for (const log::FoundReplica& found : entry.directory->replicas()) {
      const bool is_future = found.kind == log::ReplicaKind::kFuture;
      if (found.kind != log::ReplicaKind::kCurrent && !is_future) continue;
      if (found.topic_partition.topic == "__cluster_metadata") continue;
      const image::TopicImage* topic = image.topic(found.topic_partition.topic);
      const image::PartitionState* state =
          topic ? topic->partition(found.topic_partition.partition) : nullptr;
      const bool same = topic && (found.topic_id.is_zero() || found.topic_id == topic->id);
      if (state && same && state->replicas.contains(self_)) continue;
      const Uuid unique = Uuid::random([this] { return shard_.random().next(); });
      Stray stray;
      stray.name = found.topic_partition;
      stray.from = entry.directory->path_of(found.name);
      stray.to = entry.directory->path_of(
          log::directory_name(found.topic_partition, log::ReplicaKind::kStray, unique));
      stray.directory = d;
      strays.push_back(std::move(stray));
    }
  }
  std::set<std::uint32_t> touched;
  for (const Stray& stray : strays) {
    env_.logger().warn("log", "{} is not in the metadata: renamed to {}", stray.from, stray.to);
    env::Disk* disk = &env_.disk();
    auto rename = [disk, from = stray.from, to = stray.to] { return disk->rename(from, to); };
    const Result<void> renamed =
        co_await env::blocking(shard_, directories_.pool(stray.directory), std::move(rename));
    if (!renamed.ok()) {
      env_.logger().error("log", "{}", renamed.error().detail);
      continue;
    }
    touched.insert(stray.directory);
    directories_.entry(stray.directory).directory->forget(stray.name);
    const std::size_t slash = stray.from.rfind('/');
    directories_.entry(stray.directory).directory->note_removed(stray.from.substr(slash + 1));
    rows_stale_ = true;
  }
  co_await sync_log_dirs(std::move(touched));
}

/// What was renamed in them must not come back under its old name.
env::Task<void> MetadataApplier::sync_log_dirs(std::set<std::uint32_t> touched) {
  for (const std::uint32_t d : touched) {
    env::Disk* disk = &env_.disk();
    auto sync = [disk, path = directories_.entry(d).directory->path()] {
      return disk->sync_directory(path);
    };
    const Result<void> synced =
        co_await env::blocking(shard_, directories_.pool(d), std::move(sync));
    if (synced.ok()) continue;
    env_.logger().error("log", "{}", synced.error().detail);
    replicas_.host(0).note_directory_failure(d, synced.error());
  }
}

std::vector<DirectoryAssignment> MetadataApplier::take_assignments() {
  std::vector<DirectoryAssignment> taken;
  taken.swap(assignments_);
  return taken;
}

void MetadataApplier::maintain_all() {
  const Timestamp now = env_.clock().wall();
  for (std::uint32_t s = 0; s < replicas_.size(); ++s) {
    replica::ReplicaHost& host = replicas_.host(s);
    host.shard().post([&host, now] {
      host.for_each([now](replica::HostedPartition& partition) { partition.maintain(now); });
    });
  }
}

void MetadataApplier::expire_producers_of_all() {
  const Timestamp now = env_.clock().wall();
  for (std::uint32_t s = 0; s < replicas_.size(); ++s) {
    replica::ReplicaHost& host = replicas_.host(s);
    host.shard().post([&host, now] {
      host.for_each(
          [now](replica::HostedPartition& partition) { partition.expire_producers(now); });
    });
  }
}

env::Task<void> MetadataApplier::close_all(BrokerEpoch broker_epoch) {
  closing_ = true;
  while (running_) {
    const MonoTime soon = shard_.now() + Millis(1);
    co_await env::sleep_until(shard_, soon);
  }
  (void)co_await directories_.write_checkpoints(false, true, true);
  // What was never opened was never recovered, so its directory must not count as clean.
  for (std::uint32_t d = 0; d < directories_.size() && !unopened_.empty(); ++d) {
    LogDirectories::Entry& entry = directories_.entry(d);
    entry.close_failed = entry.directory && !entry.directory->was_clean();
  }
  auto ids = std::make_shared<std::vector<TopicIdPartition>>();
  for (const auto& [id, hosted] : hosted_) ids->push_back(id);
  park::WorkAt work = [this, ids](std::size_t i) { return close_one((*ids)[i]); };
  co_await park::run_parallel(shard_, tasks_, ids->size(), 4 * directories_.size(),
                              std::move(work));
  co_await directories_.close_cleanly(std::move(closed_rows_), broker_epoch);
}

env::Task<void> MetadataApplier::close_one(TopicIdPartition id) {
  Hosted hosted = hosted_.at(id);
  std::unique_ptr<log::PartitionLog> log = co_await take_log(id, ErrorCode::kNotLeaderOrFollower);
  if (!log) co_return;
  hosted.directory = directories_.index_of_replica(log->directory()).value_or(hosted.directory);
  auto held = std::make_shared<std::unique_ptr<log::PartitionLog>>(std::move(log));
  auto close = [held] { return (*held)->close(log::CloseSync::kTogether); };
  const Result<void> closed =
      co_await env::blocking(shard_, directories_.pool(hosted.directory), std::move(close));
  if (!closed.ok()) {
    // Without the mark of a clean shutdown the next start recovers this directory.
    directories_.entry(hosted.directory).close_failed = true;
    env_.logger().error("log", "cannot close {}: {}", hosted.name.text(), closed.error().detail);
    co_return;
  }
  log::ReplicaCheckpoint row;
  row.topic_partition = hosted.name;
  row.recovery_point = (*held)->log_end_offset();
  row.log_start_offset = (*held)->log_start_offset();
  row.starts_inside_segment = (*held)->starts_inside_segment();
  row.high_watermark = (*held)->high_watermark();
  closed_rows_[hosted.directory].push_back(std::move(row));
}

}  // namespace moldau::broker
