// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "env/env.h"
#include "env/fake/fake_disk.h"
#include "env/fake/fake_logger.h"
#include "env/fake/fake_shard.h"
#include "env/fake/world.h"

namespace moldau::env::fake {

/// The clocks of one machine: the world's time, and a wall clock that may be wrong.
/// Thread   one thread.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(World& world) : world_(world) {}
  MonoTime mono() override { return world_.now(); }
  Timestamp wall() override { return world_.wall() + jumped_; }
  void jump(std::int64_t millis) { jumped_ += millis; }
  std::int64_t jumped() const { return jumped_; }

 private:
  World& world_;
  std::int64_t jumped_ = 0;
};

struct FakeEnvOptions {
  std::uint32_t shards = 1;
  /// The address of the machine; listeners on "" and "0.0.0.0" are found there.
  std::string host = "127.0.0.1";
  /// By how much its wall clock is wrong.
  std::int64_t wall_jumped_ms = 0;
};

/// One process on a machine of a World.
///
/// A process dies by die(), by a step or system call chosen beforehand, or with this object.
/// Dead, it has no effect any more, but its objects still stand: call drop_all(), destroy what
/// was built on it, then this; then revive the disk for the next process.
/// Owner    a test or the simulator; outlived by `world` and `disk`.
/// Thread   one thread.
class FakeEnv final : public Env {
 public:
  FakeEnv(World& world, FakeDisk& disk, FakeEnvOptions options = {});
  ~FakeEnv() override;
  FakeEnv(const FakeEnv&) = delete;
  FakeEnv& operator=(const FakeEnv&) = delete;

  std::uint32_t shard_count() const override { return static_cast<std::uint32_t>(shards_.size()); }
  FakeShard& shard(ShardId id) override { return *shards_[id.value()]; }
  FakeDisk& disk() override { return disk_; }
  FakeClock& clock() override { return clock_; }
  FakeLogger& logger() override { return logger_; }
  Metrics& metrics() override { return metrics_; }

  World& world() { return world_; }
  /// Expires when the process dies.
  std::weak_ptr<bool> alive() const { return alive_; }
  const std::string& host() const { return options_.host; }

  /// How peers learn of a death: kKill closes the sockets, kPowerCut leaves them in the dark.
  enum class Death { kKill, kPowerCut };
  void die(Death how);
  bool dead() const { return dead_; }
  Death died_by() const { return died_by_; }
  /// Dies before the n-th callback from now (timers, posts, socket events, hooks, jobs).
  void die_in_steps(std::uint64_t steps, Death how);
  std::uint64_t steps() const { return steps_; }
  /// Destroys queued callbacks, timers and jobs of a dead process.
  void drop_all();
  /// Stops the process (SIGSTOP) for a while.
  void pause(Millis span);
  /// Blocking jobs that have not run yet.
  std::size_t jobs() const { return jobs_.size(); }

 private:
  friend class FakeShard;
  friend class CurrentShard;

  struct Job {
    FakeShard* shard;
    Callback work;
    Callback done;
  };
  /// World::at for things of this process: not once it is dead, later while it is paused.
  void at(MonoTime when, Callback event);
  bool dies_before_step();
  void start_job(FakeShard& shard, PoolId pool, Callback work, Callback done);
  void run_job(std::uint64_t id);

  World& world_;
  FakeDisk& disk_;
  const FakeEnvOptions options_;
  SeededRandom random_;
  FakeClock clock_;
  FakeLogger logger_;
  Metrics metrics_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool dead_ = false;
  MonoTime paused_until_;
  std::uint64_t steps_ = 0;
  std::uint64_t dies_at_step_ = 0;
  Death dies_by_ = Death::kKill;  // at that step
  Death died_by_ = Death::kKill;
  std::uint64_t jobs_made_ = 0;
  std::map<std::uint64_t, Job> jobs_;
  FakeShard* current_ = nullptr;
  std::vector<std::unique_ptr<FakeShard>> shards_;
};

}  // namespace moldau::env::fake
