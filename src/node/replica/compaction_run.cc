// SPDX-License-Identifier: Apache-2.0
#include "node/replica/compaction_run.h"

#include <algorithm>

#include "env/cleaner_pool.h"
#include "node/replica/replica_host.h"

namespace moldau::replica {
namespace {

/// Swaps in what clean_next() made. False: no further group is to be cleaned.
env::Task<bool> swap_in(HostedPartition* partition, std::shared_ptr<log::Compaction> pass,
                        CompactionOutcome* outcome) {
  env::Shard& shard = partition->host().shard();
  const env::PoolId pool = partition->identity().pool;
  outcome->result = partition->stopped() ? Error(ErrorCode::kRequestTimedOut, "is not hosted now")
                                         : partition->log().begin_swap(*pass);
  if (!outcome->result.ok()) co_return false;
  auto publish = [pass] { return pass->publish(); };
  const Result<void> published = co_await env::blocking(shard, pool, std::move(publish));
  outcome->result = partition->log().finish_swap(*pass, published);
  if (!outcome->result.ok())
    partition->host().note_write_error(*partition, outcome->result.error());
  partition->run_jobs();
  co_return outcome->result.ok();
}

/// Ends early if the partition goes or the pace changes.
env::Task<void> keep_to_pace(HostedPartition* partition, CleanerPace* pace, std::uint64_t bytes) {
  constexpr Millis kSlice{200};
  env::Shard& shard = partition->host().shard();
  const std::uint64_t wakes = pace->wakes();
  const MonoTime end = pace->take(bytes, shard.now());
  while (shard.now() < end && !partition->stopped() && pace->wakes() == wakes) {
    const MonoTime next = std::min(end, shard.now() + kSlice);
    co_await env::sleep_until(shard, next);
  }
}

}  // namespace

env::Task<void> run_compaction(std::shared_ptr<HostedPartition> partition,
                               std::shared_ptr<const CompactionOrder> order,
                               std::shared_ptr<CompactionOutcome> outcome) {
  env::Shard& shard = partition->host().shard();
  const env::PoolId pool = partition->identity().pool;
  if (partition->stopped() || partition->compacting() || partition->future()) {
    outcome->result = Error(ErrorCode::kRequestTimedOut, "is not hosted now");
    co_return;
  }
  const Timestamp now = shard.wall_now();
  const Result<log::CompactionPlan> plan = partition->log().plan_compaction(order->checkpoint, now);
  if (!plan.ok()) {
    outcome->result = plan.error();
    co_return;
  }
  const std::shared_ptr<log::Compaction> pass =
      partition->log().begin_compaction(*plan, now, shard.random().next(), order->limits);
  partition->set_compaction(pass);
  for (;;) {
    auto clean = [pass] { return pass->clean_next(); };
    const Result<bool> more = co_await env::blocking(shard, env::kCleanerPool, std::move(clean));
    if (!more.ok()) outcome->result = more.error();
    if (more.ok() && !*more) {
      outcome->end_offset = pass->end_offset();
      break;
    }
    bool swapped = false;
    if (more.ok()) swapped = co_await swap_in(partition.get(), pass, outcome.get());
    if (!swapped) {
      auto discard = [pass] { return pass->discard(); };
      (void)co_await env::blocking(shard, pool, std::move(discard));
      break;
    }
    if (order->pace)
      co_await keep_to_pace(partition.get(), order->pace.get(), pass->take_io_bytes());
  }
  outcome->report = pass->report();
  partition->set_compaction(nullptr);
}

}  // namespace moldau::replica
