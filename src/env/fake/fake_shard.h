// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "env/fake/fake_net.h"
#include "env/fake/seeded_random.h"
#include "env/shard.h"

namespace moldau::env::fake {

class FakeEnv;

/// One shard of a fake process: turns as the real one has them, at moments and with orders
/// between senders that the seed chooses.
///
/// Owner    FakeEnv.
/// Thread   one thread; is_current() holds while it runs a turn or under a CurrentShard.
/// Bounds   kHookRounds rounds of hooks a turn.
class FakeShard final : public Shard {
 public:
  FakeShard(FakeEnv& env, ShardId id, SeededRandom random);
  ~FakeShard() override;

  ShardId id() const override { return id_; }
  bool is_current() const override;
  void post(Callback callback) override;
  TimerId call_at(MonoTime when, Callback callback) override;
  void cancel(TimerId timer) override;
  MonoTime now() const override;
  Timestamp wall_now() const override;
  Random& random() override { return random_; }
  Net& net() override { return net_; }
  void run_blocking(PoolId pool, Callback work, Callback done) override;

  FakeEnv& env() { return env_; }
  /// What the sockets have to tell in the next turn.
  void add_event(Callback event);
  /// From a job or from outside of all shards: in order among themselves.
  void post_from_outside(Callback callback);
  void turn();
  /// Destroys what nobody will run any more.
  void drop_all();

 protected:
  void add_hook(TurnHook& hook) override {
    hooks_.push_back(&hook);
    wake();
  }
  void remove_hook(TurnHook& hook) override;

 private:
  static constexpr int kHookRounds = 8;
  static constexpr std::uint32_t kOutside = 0xFFFFFFFFU;

  void wake();
  void wake_at(MonoTime when);
  bool has_work() const;
  void run(Callback callback);
  void run_events();
  void run_timers();
  void run_posted();
  void run_hooks();

  FakeEnv& env_;
  const ShardId id_;
  SeededRandom random_;  // the shard's own
  SeededRandom order_;   // of the scheduler
  FakeNet net_;
  MonoTime now_;
  bool turn_is_due_ = false;
  MonoTime next_wake_{INT64_MAX};
  std::uint64_t timers_made_ = 0;
  std::map<std::pair<MonoTime, std::uint64_t>, Callback> timers_;
  std::unordered_map<std::uint64_t, MonoTime> timer_times_;
  std::vector<Callback> posted_;
  std::map<std::uint32_t, std::deque<Callback>> inbox_;  // by sending shard
  std::vector<Callback> events_;
  std::vector<TurnHook*> hooks_;
  std::vector<TurnHook*> hooks_running_;
};

/// Makes a shard the current one, for tests and for tearing down.
/// Thread   one thread.
class CurrentShard {
 public:
  explicit CurrentShard(FakeShard* shard);
  ~CurrentShard();
  CurrentShard(const CurrentShard&) = delete;
  CurrentShard& operator=(const CurrentShard&) = delete;

 private:
  FakeEnv* env_;
  FakeShard* before_;
};

}  // namespace moldau::env::fake
