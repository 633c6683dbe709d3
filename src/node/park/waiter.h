// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <coroutine>
#include <memory>
#include <vector>

#include "env/shard.h"

namespace moldau::park {

/// One parked answer: sleeps until somebody wakes it or its deadline passes, whichever is first.
///
/// Path     a handler parks on it; partitions of any shard hold it in a WaitList and wake it.
/// Owner    shared: the handler and the lists it stands in.
/// Thread   wait() on the home shard; wake() from any shard; finished() from any thread.
class Waiter : public std::enable_shared_from_this<Waiter> {
 public:
  explicit Waiter(env::Shard& home) : home_(home) {}
  ~Waiter();

  /// True: woken; false: the deadline passed. May be waited for again after re-arm().
  env::Task<bool> wait_until(MonoTime deadline);
  /// Cheap when it has been woken already.
  void wake();
  /// After this, lists drop the waiter.
  void finish() { finished_.store(true, std::memory_order_relaxed); }
  bool finished() const { return finished_.load(std::memory_order_relaxed); }
  /// Forgets an earlier wake-up, before looking again whether there is enough.
  void rearm() { signalled_.store(false, std::memory_order_release); }

 private:
  class Sleep {
   public:
    explicit Sleep(Waiter& waiter) : waiter_(waiter) {}
    Sleep(const Sleep&) = delete;
    Sleep& operator=(const Sleep&) = delete;
    // A frame destroyed while it sleeps must not be resumed later.
    ~Sleep() { waiter_.waiting_ = {}; }
    bool await_ready() const { return waiter_.woken_; }
    void await_suspend(std::coroutine_handle<> handle) { waiter_.waiting_ = handle; }
    void await_resume() const {}

   private:
    Waiter& waiter_;
  };
  void on_signal();
  void on_deadline();

  env::Shard& home_;
  std::coroutine_handle<> waiting_;
  env::TimerId timer_{0};
  bool timer_set_ = false;
  bool woken_ = false;
  bool timed_out_ = false;
  std::atomic<bool> signalled_{false};
  std::atomic<bool> finished_{false};
};

/// Those who wait for something of one owner (a partition's high watermark, say).
///
/// Thread   the owner's shard.
/// Bounds   finished waiters are dropped whenever the list has doubled since the last sweep.
class WaitList {
 public:
  void add(std::shared_ptr<Waiter> waiter);
  /// Wakes and forgets all.
  void wake_all();
  bool empty() const { return waiters_.empty(); }

 private:
  std::vector<std::shared_ptr<Waiter>> waiters_;
  std::size_t sweep_at_ = 16;
};

}  // namespace moldau::park
