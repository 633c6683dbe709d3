// SPDX-License-Identifier: Apache-2.0
#include "os/blocking_pool.h"

#include <pthread.h>

#include <utility>

namespace moldau::os {

void BlockingPool::run(Callback work) {
  {
    std::unique_lock lock(mutex_);
    if (!finishing_) {
      queue_.push_back(std::move(work));
      // Idle threads may already be meant for earlier work of the queue.
      if (queue_.size() > idle_ && threads_.size() < threads_max_)
        threads_.emplace_back([this] { serve(); });
      else
        wake_.notify_one();
      return;
    }
  }
  work();
}

void BlockingPool::serve() {
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return finishing_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    Callback work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

void BlockingPool::finish() {
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    finishing_ = true;
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

std::size_t BlockingPool::depth() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

}  // namespace moldau::os
