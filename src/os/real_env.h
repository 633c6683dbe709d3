// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "env/env.h"
#include "os/blocking_pool.h"
#include "os/file_disk.h"
#include "os/memory_limit.h"
#include "os/reactor.h"
#include "os/real_clock.h"

namespace moldau::os {

struct RealEnvOptions {
  std::uint32_t shards = 1;
  /// One blocking pool for each.
  std::uint32_t log_dirs = 1;
  std::uint32_t threads_per_pool = 2;
  /// None: nothing is logged.
  std::unique_ptr<env::Logger> logger;
};

/// The machine as a node sees it.
///
/// Owner    main/, a test or a library; outlives everything built on it.
/// Thread   run() on the thread that becomes shard 0; stop() from any.
/// Bounds   `shards` loop threads, threads_per_pool × (log_dirs + 1) blocking ones, and those of
///          the cleaner: as many as passes run at once, at most kCleanerPoolThreadsMax.
class RealEnv final : public env::Env {
 public:
  explicit RealEnv(RealEnvOptions options);
  ~RealEnv() override;

  /// Shard 0 on this thread, the others on their own, until stop(). On return all threads have
  /// ended and messages nobody will run are destroyed; destructors may then call shards from
  /// this thread.
  void run();
  void stop();

  std::uint32_t shard_count() const override {
    return static_cast<std::uint32_t>(reactors_.size());
  }
  env::Shard& shard(env::ShardId id) override { return *reactors_[id.value()]; }
  env::Disk& disk() override { return disk_; }
  env::Clock& clock() override { return clock_; }
  env::Logger& logger() override { return *logger_; }
  env::Metrics& metrics() override { return metrics_; }
  std::uint64_t memory_bytes() const override { return memory_bytes_; }

  Reactor& reactor(env::ShardId id) { return *reactors_[id.value()]; }
  BlockingPool& pool(env::PoolId id);

 private:
  void add_pool(const std::string& name, std::size_t threads_max);

  std::unique_ptr<env::Logger> logger_;
  env::Metrics metrics_;
  const std::uint64_t memory_bytes_ = memory_limit();
  RealClock clock_;
  FileDisk disk_;
  std::vector<std::unique_ptr<BlockingPool>> pools_;  // the general one, the cleaner's last
  std::vector<std::unique_ptr<Reactor>> reactors_;
};

}  // namespace moldau::os
