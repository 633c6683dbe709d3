// SPDX-License-Identifier: Apache-2.0
#include "node/park/parallel.h"

#include <algorithm>
#include <memory>

namespace moldau::park {
namespace {

struct Progress {
  Progress(env::Shard& shard, std::size_t n, WorkAt w)
      : count(n), work(std::move(w)), finished(shard) {}
  std::size_t next = 0;
  std::size_t count;
  std::size_t workers = 0;
  WorkAt work;
  env::OneShot<bool> finished;
};

env::Task<void> worker(std::shared_ptr<Progress> progress) {
  while (progress->next < progress->count) {
    const std::size_t index = progress->next++;
    co_await progress->work(index);
  }
  if (--progress->workers == 0) progress->finished.set(true);
}

}  // namespace

env::Task<void> run_parallel(env::Shard& shard, env::TaskScope& tasks, std::size_t count,
                             std::size_t at_once, WorkAt work) {
  if (count == 0) co_return;
  auto progress = std::make_shared<Progress>(shard, count, std::move(work));
  const std::size_t workers = std::clamp<std::size_t>(at_once, 1, count);
  progress->workers = workers;
  for (std::size_t i = 0; i < workers; ++i) tasks.spawn(worker(progress));
  (void)co_await progress->finished;
}

}  // namespace moldau::park
