// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "env/shard.h"
#include "os/kernel_random.h"
#include "os/mailbox.h"
#include "os/timer_heap.h"

namespace moldau::os {

class SocketNet;
class RealEnv;

/// Something with a file descriptor in the reactor's epoll set.
/// Thread   shard-bound.
class Pollable {
 public:
  virtual ~Pollable() = default;
  /// The EPOLL… bits that the kernel reported. May destroy this object.
  virtual void on_events(std::uint32_t events) = 0;
};

/// One shard on epoll.
///
/// Owner    RealEnv, which also gives it a thread (or the caller's, for shard 0).
/// Thread   run() makes the calling thread the shard's own; stop() and post() from any thread.
/// Bounds   kEventsPerTurn events and kTimersPerTurn timers a turn; hooks armed by hooks run
///          kHookRounds times a turn, then in the next.
class Reactor final : public env::Shard {
 public:
  Reactor(RealEnv& env, env::ShardId id);
  ~Reactor() override;

  /// Turns until stop(); then what has been posted is still run, by a bounded number of turns.
  void run();
  void stop();
  /// Makes the calling thread the shard's own without running it: for tearing down.
  void take_over() { owner_.store(std::this_thread::get_id(), std::memory_order_relaxed); }
  /// Destroys what nobody will run any more: messages and timers. Only after run() has ended.
  void drop_all();

  env::ShardId id() const override { return id_; }
  bool is_current() const override {
    return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  void post(Callback callback) override;
  env::TimerId call_at(MonoTime when, Callback callback) override;
  void cancel(env::TimerId timer) override;
  MonoTime now() const override { return now_; }
  Timestamp wall_now() const override;
  env::Random& random() override { return random_; }
  env::Net& net() override;
  void run_blocking(env::PoolId pool, Callback work, Callback done) override;

  /// Names a descriptor of the epoll set; stale tokens are recognised.
  using Token = std::uint64_t;
  /// `events` are EPOLL… bits. MOLDAU_CHECKs that the kernel accepts.
  Token add(int descriptor, std::uint32_t events, Pollable& pollable);
  void modify(Token token, int descriptor, std::uint32_t events);
  void remove(Token token, int descriptor);
  bool is_registered(Token token) const;
  RealEnv& env() { return env_; }

 protected:
  void add_hook(env::TurnHook& hook) override;
  void remove_hook(env::TurnHook& hook) override;

 private:
  static constexpr int kEventsPerTurn = 256;
  static constexpr int kTimersPerTurn = 4096;
  static constexpr int kHookRounds = 8;
  static constexpr int kTurnsAfterStop = 1000;

  struct Registration {
    Pollable* pollable = nullptr;
    std::uint32_t generation = 1;
  };

  /// False if nothing but waiting was done.
  bool turn(bool may_sleep);
  int wait_ms(bool may_sleep) const;
  void dispatch(Token token, std::uint32_t events);
  std::size_t run_timers();
  std::size_t run_posted();
  std::size_t run_hooks();
  void refresh_clock();

  RealEnv& env_;
  const env::ShardId id_;
  int epoll_ = -1;
  int wake_event_ = -1;
  std::atomic<std::thread::id> owner_{};

  MonoTime now_;
  mutable std::optional<Timestamp> wall_now_;
  KernelRandom random_;
  TimerHeap timers_;
  Mailbox mailbox_;
  std::vector<Callback> posted_;   // by this thread itself
  std::vector<Callback> running_;  // the batch of posted_ under way; kept for its capacity
  std::vector<env::TurnHook*> hooks_;
  std::vector<env::TurnHook*> hooks_running_;
  std::vector<epoll_event> events_;  // room for a turn's
  std::vector<Registration> registrations_;
  std::vector<std::uint32_t> free_registrations_;
  std::unique_ptr<SocketNet> net_;
  bool stopping_ = false;
};

}  // namespace moldau::os
