// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_function.h"

namespace moldau::os {

/// A few threads for calls that block: fsync, open, cold reads, name lookups.
/// Threads start when they are first needed.
/// Thread   any thread.
/// Bounds   threads_max threads; queued work is counted (depth), its senders bound it.
class BlockingPool {
 public:
  BlockingPool(std::string name, std::size_t threads_max)
      : name_(std::move(name)), threads_max_(threads_max) {}
  /// Finishes what is queued.
  ~BlockingPool() { finish(); }

  void run(Callback work);
  /// Ends the threads after the queued work; later work is done at once, on the caller's thread.
  void finish();
  std::size_t depth() const;

 private:
  void serve();

  const std::string name_;
  const std::size_t threads_max_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Callback> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool finishing_ = false;
};

}  // namespace moldau::os
