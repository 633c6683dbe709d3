// SPDX-License-Identifier: Apache-2.0
#include "env/fake/fake_env.h"

#include <utility>

#include "env/fake/network.h"

namespace moldau::env::fake {

FakeEnv::FakeEnv(World& world, FakeDisk& disk, FakeEnvOptions options)
    : world_(world),
      disk_(disk),
      options_(std::move(options)),
      random_(world.random().fork()),
      clock_(world),
      logger_(clock_),
      paused_until_(world.now()) {
  clock_.jump(options_.wall_jumped_ms);
  for (std::uint32_t i = 0; i < options_.shards; ++i)
    shards_.push_back(std::make_unique<FakeShard>(*this, ShardId(i), random_.fork()));
}

FakeEnv::~FakeEnv() {
  if (!dead_) die(Death::kKill);
  drop_all();
}

void FakeEnv::at(MonoTime when, Callback event) {
  world_.at(when, [this, alive = std::weak_ptr<bool>(alive_), event = std::move(event)]() mutable {
    if (alive.expired()) return;
    if (world_.now() < paused_until_)
      at(paused_until_, std::move(event));
    else
      event();
  });
}

void FakeEnv::die(Death how) {
  if (std::exchange(dead_, true)) return;
  died_by_ = how;
  world_.trace(0x646965, steps_);
  alive_.reset();
  disk_.freeze();
  world_.network().process_died(*this, how == Death::kPowerCut);
}

void FakeEnv::die_in_steps(std::uint64_t steps, Death how) {
  dies_at_step_ = steps_ + steps;
  dies_by_ = how;
}

bool FakeEnv::dies_before_step() {
  ++steps_;
  if (!dead_ && dies_at_step_ != 0 && steps_ >= dies_at_step_) die(dies_by_);
  return dead_;
}

void FakeEnv::pause(Millis span) {
  paused_until_ = world_.now() + span;
}

void FakeEnv::start_job(FakeShard& shard, PoolId pool, Callback work, Callback done) {
  if (dead_) return;
  const std::uint64_t id = ++jobs_made_;
  world_.trace(0x6a6f62, pool.value());
  jobs_.emplace(id, Job{&shard, std::move(work), std::move(done)});
  // Threads of a pool run at once, devices are slow now and then: any order is possible.
  const std::int64_t nanos = random_.chance(20)    ? random_.between(1'000'000, 50'000'000)
                             : random_.chance(300) ? random_.between(100'000, 3'000'000)
                                                   : random_.between(10'000, 100'000);
  at(world_.now() + nanos, [this, id] { run_job(id); });
}

void FakeEnv::run_job(std::uint64_t id) {
  if (dies_before_step()) return;
  Job job = std::move(jobs_.extract(id).mapped());
  FakeShard* before = std::exchange(current_, nullptr);
  job.work();
  job.work = nullptr;
  current_ = before;
  job.shard->post_from_outside(std::move(job.done));
}

void FakeEnv::drop_all() {
  for (int round = 0; round < 8; ++round) {
    std::exchange(jobs_, {}).clear();
    for (const auto& shard : shards_) shard->drop_all();
  }
}

}  // namespace moldau::env::fake
