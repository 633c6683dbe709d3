// SPDX-License-Identifier: Apache-2.0
#include "node/replica/replica_host.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace moldau::replica {

ReplicaHost::ReplicaHost(env::Env& env, env::Shard& shard, NodeId self, std::uint32_t directories)
    : env_(env),
      shard_(shard),
      self_(self),
      flushes_(directories),
      accepts_(directories, true),
      failed_(directories, false),
      records_in_(env.metrics().counter("kafka_server_brokertopicmetrics_messagesin_total")),
      bytes_in_(env.metrics().counter("kafka_server_brokertopicmetrics_bytesin_total")),
      bytes_out_(env.metrics().counter("kafka_server_brokertopicmetrics_bytesout_total")),
      failed_produce_(
          env.metrics().counter("kafka_server_brokertopicmetrics_failedproducerequests_total")),
      slow_appends_(env.metrics().counter("moldau_log_slowappends_total")),
      cold_reads_(env.metrics().counter("moldau_log_coldreads_total")),
      quick_until_trusted_(directories, 0),
      partition_count_(env.metrics().gauge("kafka_server_replicamanager_partitioncount")),
      alive_(std::make_shared<ReplicaHost*>(this)) {}

ReplicaHost::~ReplicaHost() {
  *alive_ = nullptr;
  shard_.disarm(*this);
}

HostedPartition& ReplicaHost::add(HostedIdentity identity, std::unique_ptr<log::PartitionLog> log,
                                  Offset high_watermark) {
  const TopicIdPartition id = identity.id;
  auto partition =
      std::make_shared<HostedPartition>(*this, std::move(identity), std::move(log), self_);
  partition->restore_high_watermark(high_watermark);
  HostedPartition& made = *partition;
  const bool fresh = partitions_.emplace(id, std::move(partition)).second;
  MOLDAU_CHECK(fresh, "a partition is hosted once");
  out_of_reach_.erase(id);
  partition_count_.add(1);
  if (failed_[made.identity().directory]) made.fail();
  return made;
}

HostedPartition* ReplicaHost::find(const TopicIdPartition& id) {
  auto found = partitions_.find(id);
  return found == partitions_.end() ? nullptr : found->second.get();
}

void ReplicaHost::remove(TopicIdPartition id, ErrorCode code, Removed done) {
  auto found = partitions_.find(id);
  if (found == partitions_.end()) return done(nullptr);
  std::shared_ptr<HostedPartition> partition = found->second;
  partitions_.erase(found);
  partition_count_.add(-1);
  partition->stop(code);
  tasks_.spawn(finish_removal(std::move(partition), std::move(done)));
}

env::Task<void> ReplicaHost::finish_removal(std::shared_ptr<HostedPartition> partition,
                                            Removed done) {
  while (!partition->quiet()) {
    const MonoTime when = shard_.now() + Millis(1);
    co_await env::sleep_until(shard_, when);
  }
  done(partition->take_log());
}

void ReplicaHost::append(const std::shared_ptr<AppendPart>& part) {
  // `part` may be finished (and its items given away) by its last item only.
  const std::size_t count = part->items.size();
  for (std::size_t i = 0; i < count; ++i) {
    HostedPartition* partition = find(part->items[i].partition);
    if (!partition) {
      part->finish(i, AppendOutcome(error_of_absent(part->items[i].partition)));
    } else {
      partition->append(part, i);
    }
  }
}

std::vector<ReadOutcome> ReplicaHost::read(const std::vector<ReadItem>& items, const ReadAs& as,
                                           const std::shared_ptr<park::Waiter>& waiter) {
  std::vector<ReadOutcome> outcomes;
  outcomes.reserve(items.size());
  for (const ReadItem& item : items) {
    HostedPartition* partition = find(item.id);
    if (!partition) {
      outcomes.emplace_back().error = error_of_absent(item.id);
    } else {
      outcomes.push_back(partition->read(item.asked, as, item.bytes_max, waiter));
    }
  }
  return outcomes;
}

void ReplicaHost::mark_dirty(std::shared_ptr<HostedPartition> partition) {
  dirty_.push_back(std::move(partition));
  shard_.arm(*this);
}

void ReplicaHost::on_turn_end() {
  std::vector<std::shared_ptr<HostedPartition>> dirty;
  dirty.swap(dirty_);
  for (const auto& partition : dirty) partition->write_staged();
}

void ReplicaHost::want_flush(std::shared_ptr<HostedPartition> partition) {
  // Nobody waits for this one: it must not hold up a round that somebody waits for.
  if (!partition->log_->config().durable_acks())
    return tasks_.spawn(flush_alone(std::move(partition)));
  const std::uint32_t directory = partition->identity().directory;
  partition->flushing_ = true;
  flushes_[directory].waiting.push_back(std::move(partition));
  if (!flushes_[directory].running) start_flush_round(directory);
}

env::Task<void> ReplicaHost::flush_alone(std::shared_ptr<HostedPartition> partition) {
  partition->flushing_ = true;
  auto made = partition->log_->flush_point();
  if (!made.ok()) {
    partition->flushed(log::FlushPoint(), std::move(made).error());
    co_return;
  }
  auto point = std::make_shared<log::FlushPoint>(std::move(made).value());
  auto sync = [point] { return point->sync(); };
  const env::PoolId pool = partition->identity().pool;
  const Result<void> result = co_await env::blocking(shard_, pool, std::move(sync));
  partition->flushed(*point, result);
}

env::Task<void> ReplicaHost::flush_in_intervals(Millis delay, Millis interval) {
  // The longest time there is, in nanoseconds, would not fit.
  constexpr Millis kForEver{std::int64_t{1000} * 24 * 3600 * 1000};
  for (Millis pause = std::min(delay, kForEver);; pause = interval) {
    const MonoTime next = shard_.now() + pause;
    co_await env::sleep_until(shard_, next);
    std::vector<std::shared_ptr<HostedPartition>> due;
    for (auto& [id, partition] : partitions_)
      if (partition->flush_is_due(shard_.now())) due.push_back(partition);
    for (std::shared_ptr<HostedPartition>& partition : due) {
      std::shared_ptr<HostedPartition> next_one = std::move(partition);
      // It may have gone, or have been flushed, while others were.
      if (!next_one->flush_is_due(shard_.now())) continue;
      co_await flush_alone(std::move(next_one));
    }
    if (interval.value() <= 0 || interval >= kForEver) co_return;
  }
}

void ReplicaHost::start_flush_round(std::uint32_t directory) {
  struct Entry {
    std::shared_ptr<HostedPartition> partition;
    log::FlushPoint point;
    Result<void> result;
  };
  FlushQueue& queue = flushes_[directory];
  auto round = std::make_shared<std::vector<Entry>>();
  for (auto& partition : queue.waiting) {
    if (!partition->log_) {
      partition->flushing_ = false;
      continue;
    }
    auto point = partition->log_->flush_point();
    if (!point.ok()) {
      log::FlushPoint none;
      partition->flushed(none, std::move(point).error());
      continue;
    }
    round->push_back(Entry{std::move(partition), std::move(point).value(), {}});
  }
  queue.waiting.clear();
  if (round->empty()) return;
  queue.running = true;
  const env::PoolId pool = round->front().partition->identity().pool;
  shard_.run_blocking(
      pool,
      [round] {
        for (Entry& entry : *round) entry.result = entry.point.sync();
      },
      [this, alive = alive_, round, directory] {
        if (!*alive) return;
        flushes_[directory].running = false;
        for (Entry& entry : *round) entry.partition->flushed(entry.point, entry.result);
        if (!flushes_[directory].running && !flushes_[directory].waiting.empty())
          start_flush_round(directory);
      });
}

void ReplicaHost::want_alter_isr(const TopicIdPartition& id, const partition::AlterIsr& alter) {
  if (!on_isr_wish_) return;
  IsrWish wish;
  wish.partition = id;
  wish.alter = alter;
  on_isr_wish_(std::move(wish));
}

void ReplicaHost::note_write_error(HostedPartition& partition, const Error& error) {
  failed_produce_.add();
  env_.logger().error("replica", "write to {} failed: {}", partition.identity().name.text(),
                      error.detail);
  if (error.os_error == ENOSPC || error.os_error == EDQUOT) {
    set_directory_accepts(partition.identity().directory, false);
    return;
  }
  if (on_failure_) on_failure_(partition.identity().directory, error);
}

void ReplicaHost::note_read_error(HostedPartition& partition, const Error& error) {
  env_.logger().error("replica", "read from {} failed: {}", partition.identity().name.text(),
                      error.text());
  if (error.code == ErrorCode::kKafkaStorageError && on_failure_)
    on_failure_(partition.identity().directory, error);
}

void ReplicaHost::fail_directory(std::uint32_t directory) {
  accepts_[directory] = false;
  failed_[directory] = true;
  for (auto& [id, partition] : partitions_)
    if (partition->identity().directory == directory) partition->fail();
}

void ReplicaHost::note_append_time(const HostedPartition& partition, std::int64_t nanos) {
  constexpr std::int64_t kNanosPerMilli = 1'000'000;
  constexpr std::uint32_t kQuickWrites = 32;
  std::uint32_t& quick_missing = quick_until_trusted_[partition.identity().directory];
  if (nanos < slow_append_.value() * kNanosPerMilli) {
    if (quick_missing > 0) --quick_missing;
    return;
  }
  if (slow_append_.value() == 0) return;
  quick_missing = kQuickWrites;
  slow_appends_.add();
  ++slow_appends_untold_;
  constexpr Millis kTellEvery{10'000};
  const MonoTime now = shard_.now();
  if (slow_append_told_.value() != 0 && now < slow_append_told_ + kTellEvery) return;
  slow_append_told_ = now;
  env_.logger().warn("replica", "{} slow appends since the last such line; one to {} took {} ms",
                     std::exchange(slow_appends_untold_, 0), partition.identity().name.text(),
                     nanos / kNanosPerMilli);
}

void ReplicaHost::count_appended(std::int32_t records, std::size_t bytes) {
  records_in_.add(static_cast<std::uint64_t>(records));
  bytes_in_.add(bytes);
}

void ReplicaHost::run_job(log::LogJob job, env::PoolId pool, Callback done) {
  auto held = std::make_shared<log::LogJob>(std::move(job));
  auto result = std::make_shared<Result<void>>();
  shard_.run_blocking(
      pool, [held, result] { *result = held->work(); },
      [this, alive = alive_, held, result, after = std::move(done)]() mutable {
        if (!*alive) return;
        if (!result->ok())
          env_.logger().error("replica", "{} failed: {}", held->what, result->error().detail);
        if (held->done) held->done(*result);
        if (after) after();
      });
}

void ReplicaHost::run_later(log::LogJob job, env::PoolId pool) {
  auto held = std::make_shared<log::LogJob>(std::move(job));
  shard_.call_at(shard_.now() + held->delay, [this, alive = alive_, held, pool] {
    if (*alive) run_job(std::move(*held), pool, {});
  });
}

ReplicaSet::ReplicaSet(env::Env& env, NodeId self, std::uint32_t directories) {
  for (std::uint32_t i = 0; i < env.shard_count(); ++i)
    hosts_.push_back(
        std::make_unique<ReplicaHost>(env, env.shard(env::ShardId(i)), self, directories));
}

}  // namespace moldau::replica
