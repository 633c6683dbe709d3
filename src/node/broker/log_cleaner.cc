// SPDX-License-Identifier: Apache-2.0
#include "node/broker/log_cleaner.h"

#include <algorithm>
#include <utility>

namespace moldau::broker {
namespace {

/// Until passes with larger maps have ended.
constexpr Millis kMapPause{100};

/// On the partition's shard: the pass, then word to the cleaner's.
env::Task<void> run_and_tell(std::shared_ptr<replica::HostedPartition> partition,
                             std::shared_ptr<const replica::CompactionOrder> order,
                             std::shared_ptr<replica::CompactionOutcome> outcome,
                             env::Shard* cleaner, env::OneShot<bool>* over) {
  co_await replica::run_compaction(std::move(partition), std::move(order), std::move(outcome));
  cleaner->post([over] { over->set(true); });
}

}  // namespace

LogCleaner::LogCleaner(env::Env& env, LogDirectories& directories, replica::ReplicaSet& replicas,
                       ConfigOf config)
    : env_(env),
      shard_(env.shard(env::ShardId(0))),
      directories_(directories),
      replicas_(replicas),
      config_(std::move(config)),
      passes_(env.metrics().counter("kafka_log_logcleaner_passes_total")),
      uncleanable_count_(env.metrics().gauge("kafka_log_logcleaner_uncleanable_partitions_count")) {
}

void LogCleaner::start(env::TaskScope& tasks) {
  offsets_.resize(directories_.size());
  for (std::uint32_t d = 0; d < directories_.size(); ++d) {
    const LogDirectories::Entry& entry = directories_.entry(d);
    if (entry.directory) offsets_[d] = entry.directory->cleaner_offsets().offsets;
  }
  tasks_ = &tasks;
  configure();
}

std::size_t LogCleaner::workers_wanted() {
  return static_cast<std::size_t>(std::max(config_()->values.log_cleaner_threads, 1));
}

void LogCleaner::configure() {
  pace_->set_rate(config_()->values.log_cleaner_io_max_bytes_per_second);
  if (!tasks_ || stopping_) return;
  if (workers_ < workers_wanted()) break_off_passes();
  while (workers_ < workers_wanted()) {
    ++workers_;
    tasks_->spawn(run());
  }
}

env::Task<void> LogCleaner::run() {
  while (!stopping_ && workers_ <= workers_wanted()) {
    Turn turn = Turn::kNothingToDo;
    const std::shared_ptr<const config::BrokerConfig> config = config_();
    if (config->values.log_cleaner_enable) turn = co_await clean_dirtiest();
    // After a pass the next log may be due at once, but never two passes within a turn.
    const std::int64_t backoff = std::max<std::int64_t>(config->values.log_cleaner_backoff_ms, 1);
    Millis pause(turn == Turn::kCleaned ? 1 : backoff);
    if (turn == Turn::kMapsAreTooLarge) pause = std::min(pause, kMapPause);
    const MonoTime next = shard_.now() + pause;
    co_await env::sleep_until(shard_, next);
  }
  --workers_;
}

void LogCleaner::break_off_passes() {
  for (const TopicIdPartition& id : cleaning_) {
    replica::ReplicaHost& host = replicas_.owner(id);
    host.shard().post([&host, id] {
      if (replica::HostedPartition* partition = host.find(id)) partition->cancel_compaction();
    });
  }
  pace_->wake();
}

std::size_t LogCleaner::map_bytes_of_a_pass() {
  const auto& values = config_()->values;
  const auto threads = static_cast<std::int64_t>(std::max(values.log_cleaner_threads, 1));
  return static_cast<std::size_t>(
      std::max<std::int64_t>(values.log_cleaner_dedupe_buffer_size / threads, 1 << 20));
}

env::Task<LogCleaner::Turn> LogCleaner::clean_dirtiest() {
  // What is being cleaned now may look dirty while the shards are asked.
  const std::set<TopicIdPartition> busy = cleaning_;
  Candidates candidates = co_await gather();
  std::erase_if(candidates,
                [&](const Candidate& candidate) { return busy.contains(candidate.id); });
  std::optional<Candidate> chosen = choose(std::move(candidates));
  if (!chosen || stopping_) co_return Turn::kNothingToDo;
  // Passes that began with larger maps come to their end first.
  const std::size_t mine = map_bytes_of_a_pass();
  const auto all = static_cast<std::size_t>(config_()->values.log_cleaner_dedupe_buffer_size);
  if (map_bytes_ > 0 && map_bytes_ + mine > all) co_return Turn::kMapsAreTooLarge;
  const std::shared_ptr<replica::CompactionOrder> order = order_for(*chosen);
  map_bytes_ += mine;
  cleaning_.insert(chosen->id);
  auto outcome = std::make_shared<replica::CompactionOutcome>();
  co_await clean(&chosen->id, order, outcome);
  map_bytes_ -= mine;
  co_await note(&*chosen, outcome.get());
  cleaning_.erase(chosen->id);
  co_return outcome->end_offset ? Turn::kCleaned : Turn::kNothingToDo;
}

std::optional<LogCleaner::Candidate> LogCleaner::choose(Candidates candidates) const {
  std::erase_if(candidates, [this](const Candidate& candidate) {
    return !candidate.worth_it || uncleanable_.contains(candidate.id) ||
           cleaning_.contains(candidate.id) || directories_.entry(candidate.directory).offline;
  });
  const auto dirtiest =
      std::max_element(candidates.begin(), candidates.end(),
                       [](const Candidate& a, const Candidate& b) { return a.ratio < b.ratio; });
  if (dirtiest == candidates.end()) return std::nullopt;
  return *dirtiest;
}

env::Task<LogCleaner::Candidates> LogCleaner::gather() {
  Candidates all;
  for (std::uint32_t s = 0; s < replicas_.size(); ++s) {
    replica::ReplicaHost& host = replicas_.host(s);
    auto ask = [&host, offsets = offsets_] { return candidates_of(host, offsets); };
    Candidates some = co_await env::call_on(shard_, host.shard(), std::move(ask));
    for (Candidate& candidate : some) all.push_back(std::move(candidate));
  }
  co_return all;
}

LogCleaner::Candidates LogCleaner::candidates_of(replica::ReplicaHost& host,
                                                 const std::vector<Offsets>& offsets) {
  Candidates out;
  const Timestamp now = host.shard().wall_now();
  host.for_each([&](replica::HostedPartition& partition) {
    log::PartitionLog& log = partition.log();
    if (partition.stopped() || log.failed() || !log.config().cleanup_compact) return;
    if (partition.compacting() || partition.future()) return;
    Candidate candidate;
    candidate.id = partition.identity().id;
    candidate.name = partition.identity().name;
    candidate.directory = partition.identity().directory;
    const Offsets& known = offsets[candidate.directory];
    const auto found = known.find(candidate.name);
    const auto plan = log.plan_compaction(
        found == known.end() ? std::nullopt : std::optional(found->second), now);
    if (!plan.ok()) return;
    candidate.ratio = plan->ratio();
    candidate.worth_it = plan->worth_it(log.config().min_cleanable_dirty_ratio);
    out.push_back(std::move(candidate));
  });
  return out;
}

std::shared_ptr<replica::CompactionOrder> LogCleaner::order_for(const Candidate& candidate) {
  const std::shared_ptr<const config::BrokerConfig> config = config_();
  auto order = std::make_shared<replica::CompactionOrder>();
  const Offsets& known = offsets_[candidate.directory];
  if (const auto found = known.find(candidate.name); found != known.end())
    order->checkpoint = found->second;
  const auto& values = config->values;
  const auto threads = static_cast<std::int64_t>(std::max(values.log_cleaner_threads, 1));
  order->limits.offset_map_bytes_max = map_bytes_of_a_pass();
  order->limits.offset_map_load_factor = values.log_cleaner_io_buffer_load_factor;
  order->limits.io_buffer_bytes = static_cast<std::size_t>(
      std::clamp<std::int64_t>(values.log_cleaner_io_buffer_size / threads, 1 << 16, 64 << 20));
  order->pace = pace_;
  return order;
}

/// Runs the pass on the partition's shard and waits for it.
env::Task<void> LogCleaner::clean(const TopicIdPartition* id,
                                  std::shared_ptr<const replica::CompactionOrder> order,
                                  std::shared_ptr<replica::CompactionOutcome> outcome) {
  replica::ReplicaHost& host = replicas_.owner(*id);
  env::OneShot<bool> over(shard_);
  env::OneShot<bool>* slot = &over;
  env::Shard* back = &shard_;
  host.shard().post([&host, id = *id, order, outcome, back, slot] {
    replica::HostedPartition* partition = host.find(id);
    if (partition == nullptr) {
      outcome->result = Error(ErrorCode::kRequestTimedOut, "is not hosted now");
      back->post([slot] { slot->set(true); });
      return;
    }
    host.spawn(run_and_tell(partition->shared_from_this(), order, outcome, back, slot));
  });
  (void)co_await over;
}

env::Task<void> LogCleaner::note(const Candidate* candidate,
                                 const replica::CompactionOutcome* outcome) {
  const log::CompactionReport& report = outcome->report;
  const Result<void>& result = outcome->result;
  if (!result.ok() && result.code() == ErrorCode::kRequestTimedOut) co_return;
  if (!result.ok()) {
    env_.logger().error("log.cleaner", "cannot clean {}: {}", candidate->name.text(),
                        result.error().text());
    if (result.code() != ErrorCode::kKafkaStorageError) uncleanable_.insert(candidate->id);
    uncleanable_count_.set(static_cast<std::int64_t>(uncleanable_.size()));
    co_return;
  }
  passes_.add();
  env_.logger().info("log.cleaner", "cleaned {}: bytes {} -> {} records {} -> {} keys {}",
                     candidate->name.text(), report.bytes_read, report.bytes_written,
                     report.records_read, report.records_written, report.keys);
  const std::uint32_t d = candidate->directory;
  if (!outcome->end_offset || !directories_.entry(d).directory) co_return;
  offsets_[d][candidate->name] = *outcome->end_offset;
  co_await write_offsets(d);
}

/// One file at a time; who comes meanwhile leaves its part to the one that writes.
env::Task<void> LogCleaner::write_offsets(std::uint32_t directory) {
  unwritten_.insert(directory);
  if (std::exchange(writing_, true)) co_return;
  while (!unwritten_.empty()) {
    const std::uint32_t next = *unwritten_.begin();
    unwritten_.erase(unwritten_.begin());
    co_await write_offsets_alone(next);
  }
  writing_ = false;
}

env::Task<void> LogCleaner::write_offsets_alone(std::uint32_t d) {
  // Only replicas that are still there keep their line.
  auto file = std::make_shared<log::OffsetCheckpoint>();
  const Candidates hosted = co_await gather();
  for (const Candidate& one : hosted) {
    const auto found = offsets_[one.directory].find(one.name);
    if (one.directory == d && found != offsets_[d].end()) file->offsets.insert(*found);
  }
  offsets_[d] = file->offsets;
  log::LogDirectory* directory = directories_.entry(d).directory.get();
  auto write = [directory, file] { return directory->write_cleaner_offsets(*file); };
  const env::PoolId pool = directories_.pool(d);
  const Result<void> written = co_await env::blocking(shard_, pool, std::move(write));
  if (!written.ok())
    env_.logger().error("log.cleaner", "cannot write the checkpoint: {}", written.error().text());
}

void LogCleaner::forget(const TopicPartition& name) {
  for (Offsets& of_directory : offsets_) of_directory.erase(name);
}

}  // namespace moldau::broker
