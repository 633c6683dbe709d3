// SPDX-License-Identifier: Apache-2.0
#include "os/real_env.h"

#include <pthread.h>

#include <utility>

namespace moldau::os {

RealEnv::RealEnv(RealEnvOptions options) : logger_(std::move(options.logger)) {
  if (!logger_) logger_ = std::make_unique<env::NullLogger>();
  MOLDAU_CHECK(options.shards > 0, "an env has at least one shard");
  for (std::uint32_t i = 0; i <= options.log_dirs; ++i) {
    const bool general = i == options.log_dirs;
    const std::string name = general ? "pool-general" : "pool-dir-" + std::to_string(i);
    pools_.push_back(std::make_unique<BlockingPool>(name, options.threads_per_pool));
    metrics_.gauge_of("moldau_blocking_pool_queue_size", "pool=\"" + name + "\"",
                      [pool = pools_.back().get()] { return static_cast<double>(pool->depth()); });
  }
  for (std::uint32_t i = 0; i < options.shards; ++i)
    reactors_.push_back(std::make_unique<Reactor>(*this, env::ShardId(i)));
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
  const std::size_t general = pools_.size() - 1;
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
