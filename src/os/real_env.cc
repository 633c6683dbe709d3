// SPDX-License-Identifier: Apache-2.0
#include "os/real_env.h"

#include <pthread.h>

#include <utility>

#include "env/cleaner_pool.h"

namespace moldau::os {

RealEnv::RealEnv(RealEnvOptions options) : logger_(std::move(options.logger)) {
  if (!logger_) logger_ = std::make_unique<env::NullLogger>();
  MOLDAU_CHECK(options.shards > 0, "an env has at least one shard");
  for (std::uint32_t i = 0; i < options.log_dirs; ++i)
    add_pool("pool-dir-" + std::to_string(i), options.threads_per_pool);
  add_pool("pool-general", options.threads_per_pool);
  add_pool("pool-cleaner", env::kCleanerPoolThreadsMax);
  for (std::uint32_t i = 0; i < options.shards; ++i)
    reactors_.push_back(std::make_unique<Reactor>(*this, env::ShardId(i)));
}

void RealEnv::add_pool(const std::string& name, std::size_t threads_max) {
  pools_.push_back(std::make_unique<BlockingPool>(name, threads_max));
  metrics_.gauge_of("moldau_blocking_pool_queue_size", "pool=\"" + name + "\"",
                    [pool = pools_.back().get()] { return static_cast<double>(pool->depth()); });
}

RealEnv::~RealEnv() {
  // Work of the pools posts to the reactors, messages of the reactors may hold anything.
  for (auto& pool : pools_) pool->finish();
  for (auto& reactor : reactors_) {
    reactor->take_over();
    reactor->drop_all();
  }
}

BlockingPool& RealEnv::pool(env::PoolId id) {
  if (id == env::kCleanerPool) return *pools_.back();
  const std::size_t general = pools_.size() - 2;
  return *pools_[id.value() < general ? id.value() : general];
}

void RealEnv::run() {
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < reactors_.size(); ++i) {
    threads.emplace_back([this, i] {
      pthread_setname_np(pthread_self(), ("shard-" + std::to_string(i)).c_str());
      reactors_[i]->run();
    });
  }
  reactors_.front()->run();
  for (std::thread& thread : threads) thread.join();
  for (auto& pool : pools_) pool->finish();
  for (auto& reactor : reactors_) {
    reactor->take_over();
    reactor->drop_all();
  }
}

void RealEnv::stop() {
  for (auto& reactor : reactors_) reactor->stop();
}

}  // namespace moldau::os
