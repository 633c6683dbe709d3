// SPDX-License-Identifier: Apache-2.0
#include "node/broker/replica_alter_log_dirs.h"

#include <algorithm>

namespace moldau::broker {
namespace {

constexpr std::size_t kNameBytesMax = 255;
constexpr Millis kAssignPause{200};
constexpr Millis kStopPatience{5'000};

/// What shard 0 must know of a hosted replica to open its future one.
struct Hosting {
  explicit Hosting(log::LogConfig c) : config(c) {}
  bool found = false;
  log::LogConfig config;
  Offset log_start{0};
  Offset opened_end{0};
};

Hosting hosting_of(replica::ReplicaHost& host, const TopicIdPartition& id) {
  replica::HostedPartition* partition = host.find(id);
  if (partition == nullptr || partition->stopped()) return Hosting(log::LogConfig());
  Hosting out(partition->log().config());
  out.found = !partition->log().failed();
  out.log_start = partition->log().log_start_offset();
  out.opened_end = partition->opened_end();
  return out;
}

/// On the partition's shard: the step, then word to shard 0.
env::Task<void> run_and_tell(env::Task<void> step, env::Shard* back, env::OneShot<bool>* over) {
  co_await std::move(step);
  back->post([over] { over->set(true); });
}

}  // namespace

ReplicaAlterLogDirs::ReplicaAlterLogDirs(Parts parts)
    : env_(parts.env),
      shard_(parts.env.shard(env::ShardId(0))),
      directories_(parts.directories),
      replicas_(parts.replicas),
      applier_(parts.applier),
      cleaner_(parts.cleaner),
      assigner_(parts.assigner) {}

void ReplicaAlterLogDirs::configure(const config::BrokerConfig& config) {
  rate_.bytes_per_second = config.values.replica_alter_log_dirs_io_max_bytes_per_second;
  threads_ = config.values.num_replica_alter_log_dirs_threads;
}

std::size_t ReplicaAlterLogDirs::running_max() const {
  const std::size_t wanted =
      threads_ ? static_cast<std::size_t>(std::max(*threads_, 0)) : directories_.size();
  return std::max<std::size_t>(wanted, 1);
}

std::string ReplicaAlterLogDirs::unique_name(const TopicPartition& name, log::ReplicaKind kind) {
  return log::directory_name(name, kind, Uuid::random([this] { return shard_.random().next(); }));
}

ErrorCode ReplicaAlterLogDirs::check(const TopicPartition& name, const std::string& path,
                                     std::uint32_t* to) const {
  const std::string longest = log::directory_name(name, log::ReplicaKind::kFuture, Uuid());
  if (longest.size() > kNameBytesMax) return ErrorCode::kInvalidTopicException;
  const std::optional<std::uint32_t> index = directories_.index_of_path(path);
  if (!index) return ErrorCode::kLogDirNotFound;
  const LogDirectories::Entry& entry = directories_.entry(*index);
  if (entry.offline) return ErrorCode::kKafkaStorageError;
  if (entry.cordoned) return ErrorCode::kInvalidReplicaAssignment;
  *to = *index;
  return ErrorCode::kNone;
}

env::Task<ErrorCode> ReplicaAlterLogDirs::alter(std::string topic, PartitionId partition,
                                                std::string path, image::ImagePtr image) {
  while (altering_) {
    const MonoTime soon = shard_.now() + Millis(1);
    co_await env::sleep_until(shard_, soon);
  }
  TopicPartition name;
  name.topic = std::move(topic);
  name.partition = partition;
  std::uint32_t to = 0;
  const ErrorCode refused = stopping_ ? ErrorCode::kBrokerNotAvailable : check(name, path, &to);
  if (refused != ErrorCode::kNone) co_return refused;
  const image::TopicImage* known = image->topic(name.topic);
  TopicIdPartition id;
  if (known != nullptr) id.topic_id = known->id;
  id.partition = partition;
  const auto hosted = applier_.hosted().find(id);
  if (known == nullptr || hosted == applier_.hosted().end()) {
    if (known != nullptr && applier_.is_offline(id)) co_return ErrorCode::kKafkaStorageError;
    directories_.prefer(name, to);
    co_return ErrorCode::kReplicaNotAvailable;
  }
  altering_ = true;
  const ErrorCode code = co_await alter_hosted(id, to);
  altering_ = false;
  co_return code;
}

env::Task<ErrorCode> ReplicaAlterLogDirs::alter_hosted(TopicIdPartition id, std::uint32_t to) {
  const auto going = moves_.find(id);
  if (going != moves_.end() && going->second->work->directory == to) co_return ErrorCode::kNone;
  if (going != moves_.end()) co_await cancel(id);
  const auto hosted = applier_.hosted().find(id);
  if (hosted == applier_.hosted().end()) co_return ErrorCode::kReplicaNotAvailable;
  if (hosted->second.directory == to) co_return ErrorCode::kNone;
  // Two future replicas of one partition must never be: who knows what the lost directory has.
  if (directories_.any_offline()) co_return ErrorCode::kKafkaStorageError;
  std::string directory = unique_name(hosted->second.name, log::ReplicaKind::kFuture);
  Result<MovePtr> made = co_await create(id, to, std::move(directory));
  if (!made.ok()) {
    env_.logger().error("log", "cannot make a future replica of {}: {}",
                        hosted->second.name.text(), made.error().text());
    co_return made.error().code;
  }
  env_.logger().info("log", "moving {} from {} to {}", (*made)->name.text(),
                     directories_.entry((*made)->from).path, directories_.entry(to).path);
  enqueue(*made);
  co_return ErrorCode::kNone;
}

/// Opens the future log in `directory` of log dir `to`.
env::Task<Result<ReplicaAlterLogDirs::MovePtr>> ReplicaAlterLogDirs::create(TopicIdPartition id,
                                                                           std::uint32_t to,
                                                                           std::string directory) {
  const MetadataApplier::Hosted hosted = applier_.hosted().at(id);
  replica::ReplicaHost* host = &replicas_.owner(id);
  auto ask = [host, id] { return hosting_of(*host, id); };
  const Hosting hosting = co_await env::call_on(shard_, host->shard(), std::move(ask));
  if (!hosting.found) co_return Error(ErrorCode::kKafkaStorageError, "the replica is offline");
  LogDirectories::Entry& entry = directories_.entry(to);
  auto options = std::make_shared<log::PartitionLog::OpenOptions>(
      entry.directory->path_of(directory), hosted.name, hosting.config);
  options->topic_id = id.topic_id;
  options->was_clean = entry.directory->was_clean();
  options->recovery_point =
      entry.directory->find_recovery_point(hosted.name).value_or(Offset(0));
  options->log_start_offset = hosting.log_start;
  options->now = shard_.wall_now();
  options->seed = shard_.random().next();
  using Opened = Result<std::unique_ptr<log::FutureLog>>;
  env::Disk* disk = &env_.disk();
  auto open = [disk, options, end = hosting.opened_end, now = options->now]() -> Opened {
    MOLDAU_ASSIGN_OR_RETURN(auto future, log::FutureLog::open(*disk, std::move(*options)));
    // What the last run copied beyond the point at which this one began to append is not ours.
    if (future->log_end_offset() > end) MOLDAU_TRY(future->truncate_to(end, now));
    return future;
  };
  Opened opened = co_await env::blocking(shard_, directories_.pool(to), std::move(open));
  if (!opened.ok()) co_return std::move(opened).error();
  auto move = std::make_shared<Move>();
  move->name = hosted.name;
  move->id = id;
  move->from = hosted.directory;
  move->work = std::make_shared<replica::LogDirMove>(id, to, directories_.pool(to), entry.path,
                                                     rate_);
  move->work->future = std::move(opened).value();
  move->work->retired = unique_name(hosted.name, log::ReplicaKind::kDeleted);
  co_return move;
}

void ReplicaAlterLogDirs::enqueue(MovePtr move) {
  const TopicIdPartition id = move->id;
  moves_[id] = move;
  // So that DescribeLogDirs shows it, and the cleaner leaves the log alone, from now on.
  replica::ReplicaHost& host = replicas_.owner(id);
  host.shard().post([&host, id, status = replica::status_of(*move->work)] {
    if (replica::HostedPartition* partition = host.find(id)) partition->set_future(status);
  });
  waiting_.push_back(std::move(move));
  start_next();
}

void ReplicaAlterLogDirs::start_next() {
  while (!waiting_.empty() && running_ < running_max() && !stopping_) {
    MovePtr move = std::move(waiting_.front());
    waiting_.pop_front();
    move->running = true;
    ++running_;
    rate_.running = static_cast<std::int32_t>(running_);
    tasks_.spawn(run(std::move(move)));
  }
}

env::Task<void> ReplicaAlterLogDirs::cancel(TopicIdPartition id) {
  const MovePtr move = moves_.at(id);
  move->work->cancelled = true;
  std::erase(waiting_, move);
  if (!move->running) {
    forget(*move);
    co_await discard(move);
    co_return;
  }
  while (moves_.contains(id)) {
    const MonoTime soon = shard_.now() + Millis(1);
    co_await env::sleep_until(shard_, soon);
  }
}

/// Runs a step on the partition's shard and waits for it.
env::Task<void> ReplicaAlterLogDirs::run_step(MovePtr move, Step step,
                                              std::shared_ptr<replica::MoveOutcome> outcome) {
  replica::ReplicaHost& host = replicas_.owner(move->id);
  env::OneShot<bool> over(shard_);
  env::OneShot<bool>* slot = &over;
  env::Shard* back = &shard_;
  host.shard().post([&host, work = move->work, step, outcome, back, slot] {
    replica::HostedPartition* partition = host.find(work->id);
    if (partition == nullptr) {
      outcome->state = replica::MoveState::kGone;
      back->post([slot] { slot->set(true); });
      return;
    }
    host.spawn(run_and_tell(step(partition->shared_from_this(), work, outcome), back, slot));
  });
  (void)co_await over;
}

env::Task<void> ReplicaAlterLogDirs::run(MovePtr move) {
  auto outcome = std::make_shared<replica::MoveOutcome>();
  for (;;) {
    co_await run_step(move, replica::catch_up, outcome);
    if (outcome->state != replica::MoveState::kCaughtUp) break;
    if (!move->assigned) move->assigned = co_await assign(move);
    if (!move->assigned) {
      outcome->state = replica::MoveState::kCancelled;
      break;
    }
    // The row of the future log in the checkpoints of its log dir counts after a crash.
    (void)co_await directories_.write_checkpoints(true, true, true);
    co_await run_step(move, replica::switch_over, outcome);
    if (outcome->state != replica::MoveState::kBehind) break;
  }
  co_await finish(move, outcome);
  --running_;
  rate_.running = static_cast<std::int32_t>(running_);
  start_next();
}

/// Before anything is renamed the metadata must name the new log dir. False: give the move up.
env::Task<bool> ReplicaAlterLogDirs::assign(MovePtr move) {
  const DirectoryId to =
      directories_.entry(move->work->directory).directory->directory_id();
  while (!stopping_ && !move->work->cancelled) {
    const Result<void> assigned = co_await assigner_.assign(move->id, to);
    if (assigned.ok()) co_return true;
    const ErrorCode code = assigned.error().code;
    // Before KIP-858 the metadata does not know log dirs.
    if (code == ErrorCode::kUnsupportedVersion) co_return true;
    if (code == ErrorCode::kUnknownTopicId || code == ErrorCode::kUnknownTopicOrPartition ||
        code == ErrorCode::kNotLeaderOrFollower)
      co_return false;
    env_.logger().warn("log", "the controller did not take the new log dir of {} yet: {}",
                       move->name.text(), error_name(code));
    const MonoTime again = shard_.now() + kAssignPause;
    co_await env::sleep_until(shard_, again);
  }
  co_return false;
}

void ReplicaAlterLogDirs::forget(const Move& move) {
  moves_.erase(move.id);
  replica::ReplicaHost& host = replicas_.owner(move.id);
  host.shard().post([&host, id = move.id] {
    if (replica::HostedPartition* partition = host.find(id)) partition->set_future(std::nullopt);
  });
}

env::Task<void> ReplicaAlterLogDirs::finish(MovePtr move,
                                            std::shared_ptr<replica::MoveOutcome> outcome) {
  const std::string& from = directories_.entry(move->from).path;
  const std::string& to = move->work->path;
  if (outcome->state == replica::MoveState::kSwitched) {
    applier_.replica_moved(move->id, move->from, move->work->directory, move->work->retired);
    cleaner_.forget(move->name);
    env_.logger().info("log", "moved {} from {} to {}", move->name.text(), from, to);
    forget(*move);
    (void)co_await directories_.write_checkpoints(true, true, true);
    co_return;
  }
  const bool source_lost = directories_.entry(move->from).offline;
  if (stopping_ || source_lost) {
    // Who knows what else is left of this replica.
    auto close = [work = move->work] { return work->future->close(); };
    (void)co_await env::blocking(shard_, move->work->pool, std::move(close));
    forget(*move);
    co_return;
  }
  if (move->assigned && applier_.hosted().contains(move->id)) {
    DirectoryAssignment back;
    back.partition = move->id;
    back.directory = directories_.entry(move->from).directory->directory_id();
    assigner_.assign_all(std::vector<DirectoryAssignment>(1, back));
  }
  if (outcome->state == replica::MoveState::kFailed) {
    env_.logger().error("log", "moving {} from {} to {} failed: {}", move->name.text(), from, to,
                        outcome->error.text());
  } else {
    env_.logger().info("log", "moving {} from {} to {} was given up", move->name.text(), from, to);
  }
  co_await discard(move);
  forget(*move);
}

env::Task<void> ReplicaAlterLogDirs::discard(MovePtr move) {
  const std::string directory = move->work->future->directory();
  move->work->future.reset();
  const std::size_t slash = directory.rfind('/');
  co_await remove_leftover(move->work->directory, directory.substr(slash + 1));
}

/// Renamed first: a future replica that is half removed must not be gone on with.
env::Task<void> ReplicaAlterLogDirs::remove_leftover(std::uint32_t at, std::string directory) {
  LogDirectories::Entry& entry = directories_.entry(at);
  if (!entry.directory || entry.offline) co_return;
  log::LogDirectory* const home = entry.directory.get();
  const std::optional<log::FoundReplica> found = log::parse_directory_name(directory);
  if (!found) co_return;
  const std::string retired = unique_name(found->topic_partition, log::ReplicaKind::kDeleted);
  env::Disk* disk = &env_.disk();
  auto remove = [disk, home, directory, retired]() -> Result<void> {
    MOLDAU_TRY(disk->rename(home->path_of(directory), home->path_of(retired)));
    MOLDAU_TRY(disk->sync_directory(home->path()));
    return home->remove_replica(retired);
  };
  home->note_removed(directory);
  if (!directories_.holds(at, found->topic_partition)) home->settle(found->topic_partition);
  const Result<void> removed =
      co_await env::blocking(shard_, directories_.pool(at), std::move(remove));
  if (!removed.ok())
    env_.logger().error("log", "cannot remove {}: {}", directory, removed.error().text());
}

void ReplicaAlterLogDirs::resume() {
  std::map<TopicPartition, TopicIdPartition> ids;
  for (const auto& [id, hosted] : applier_.hosted()) ids[hosted.name] = id;
  for (std::uint32_t d = 0; d < directories_.size(); ++d) {
    LogDirectories::Entry& entry = directories_.entry(d);
    if (!entry.directory || entry.offline) continue;
    for (const log::FoundReplica& found : entry.directory->replicas()) {
      if (found.kind != log::ReplicaKind::kFuture) continue;
      const auto id = ids.find(found.topic_partition);
      // Not served now, for want of room or of its log dir: a later start looks again.
      if (id == ids.end()) continue;
      tasks_.spawn(resume_one(id->second, d, found.name));
    }
  }
}

env::Task<void> ReplicaAlterLogDirs::resume_one(TopicIdPartition id, std::uint32_t to,
                                                std::string directory) {
  while (altering_) {
    const MonoTime soon = shard_.now() + Millis(1);
    co_await env::sleep_until(shard_, soon);
  }
  const auto hosted = applier_.hosted().find(id);
  if (hosted == applier_.hosted().end() || stopping_) co_return;
  // Promoted at this start already: its directory has another name now.
  if (applier_.was_promoted(id)) co_return;
  altering_ = true;
  const bool makes_sense = hosted->second.directory != to && !moves_.contains(id);
  Result<MovePtr> made = Error(ErrorCode::kNone);
  if (makes_sense) made = co_await create(id, to, directory);
  if (made.ok()) {
    env_.logger().info("log", "going on to move {} to {} from offset {}", (*made)->name.text(),
                       directories_.entry(to).path,
                       (*made)->work->future->log_end_offset().value());
    enqueue(*made);
  } else {
    env_.logger().warn("log", "{} is not gone on with {}", directory, made.error().detail);
    co_await remove_leftover(to, directory);
  }
  altering_ = false;
}

env::Task<void> ReplicaAlterLogDirs::stop() {
  stopping_ = true;
  for (const auto& [id, move] : moves_) move->work->cancelled = true;
  const MonoTime deadline = shard_.now() + kStopPatience;
  while (running_ > 0 && shard_.now() < deadline) {
    const MonoTime soon = shard_.now() + Millis(1);
    co_await env::sleep_until(shard_, soon);
  }
  const std::deque<MovePtr> waiting = std::exchange(waiting_, {});
  for (const MovePtr& move : waiting) {
    auto close = [work = move->work] { return work->future->close(); };
    (void)co_await env::blocking(shard_, move->work->pool, std::move(close));
  }
}

}  // namespace moldau::broker
