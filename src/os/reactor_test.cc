// SPDX-License-Identifier: Apache-2.0
#include "os/reactor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "os/running_env.h"
#include "os/timer_heap.h"

namespace moldau::os {
namespace {

RealEnvOptions with_shards(std::uint32_t shards) {
  RealEnvOptions options;
  options.shards = shards;
  return options;
}

TEST(TimerHeapTest, AgreesWithASortedModelUnderRandomUse) {
  const unsigned seed = 20261121;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  TimerHeap heap;
  std::map<std::pair<std::int64_t, int>, env::TimerId> model;
  std::vector<int> fired;
  std::vector<int> expected;
  std::int64_t now = 0;
  for (int i = 0; i < 20'000; ++i) {
    const unsigned what = random() % 10;
    if (what < 5) {
      const auto when = now + static_cast<std::int64_t>(random() % 500);
      model[{when, i}] = heap.add(MonoTime(when), [&fired, i] { fired.push_back(i); });
    } else if (what < 7 && !model.empty()) {
      auto victim = std::next(model.begin(), static_cast<long>(random() % model.size()));
      EXPECT_TRUE(heap.cancel(victim->second));
      EXPECT_FALSE(heap.cancel(victim->second));
      model.erase(victim);
    } else {
      now += static_cast<std::int64_t>(random() % 100);
      while (auto due = heap.take_due(MonoTime(now))) (*due)();
      while (!model.empty() && model.begin()->first.first <= now) {
        expected.push_back(model.begin()->first.second);
        model.erase(model.begin());
      }
    }
    ASSERT_EQ(heap.size(), model.size());
  }
  EXPECT_EQ(fired, expected);
  EXPECT_GT(fired.size(), 1000U);
}

TEST(ReactorTest, MessagesOfOneSenderArriveInOrderAndNoneIsLost) {
  constexpr int kSenders = 3;
  constexpr int kMessages = 20'000;
  RunningEnv running(with_shards(kSenders + 1));
  std::vector<int> last(kSenders, -1);
  std::atomic<bool> in_order{true};
  std::promise<void> all;
  int received = 0;
  for (int sender = 0; sender < kSenders; ++sender) {
    running.shard(static_cast<std::uint32_t>(sender) + 1).post([&, sender] {
      for (int i = 0; i < kMessages; ++i) {
        running.shard(0).post([&, sender, i] {
          auto& seen = last[static_cast<std::size_t>(sender)];
          if (i != seen + 1 || !running.shard(0).is_current()) in_order = false;
          seen = i;
          if (++received == kSenders * kMessages) all.set_value();
        });
      }
    });
  }
  all.get_future().wait();
  EXPECT_TRUE(in_order);
}

TEST(ReactorTest, ASleepingShardIsWokenEachTime) {
  RunningEnv running(with_shards(2));
  // Ping-pong: each side sleeps while the other works.
  struct Game {
    RunningEnv& running;
    std::promise<int> end;
    int hits = 0;
    void hit(std::uint32_t side) {
      if (++hits == 20'000) return end.set_value(hits);
      running.shard(1 - side).post([this, side] { hit(1 - side); });
    }
  } game{running, {}, 0};
  running.shard(0).post([&] { game.hit(0); });
  EXPECT_EQ(game.end.get_future().get(), 20'000);
}

TEST(ReactorTest, TimersFireInOrderAndCancelledOnesDoNot) {
  RunningEnv running;
  std::promise<std::vector<int>> end;
  std::vector<int> fired;
  running.call(0, [&] {
    env::Shard& shard = running.shard(0);
    const MonoTime now = shard.now();
    shard.call_at(now + Millis(30), [&] { end.set_value(fired); });
    shard.call_at(now + Millis(20), [&] { fired.push_back(3); });
    shard.call_at(now + Millis(10), [&] { fired.push_back(1); });
    const env::TimerId cancelled = shard.call_at(now + Millis(15), [&] { fired.push_back(9); });
    shard.call_at(now + Millis(10), [&, cancelled] {
      fired.push_back(2);
      running.shard(0).cancel(cancelled);
    });
  });
  EXPECT_EQ(end.get_future().get(), (std::vector<int>{1, 2, 3}));
}

TEST(ReactorTest, NoTimerFiresEarly) {
  RunningEnv running;
  std::promise<std::int64_t> late;
  running.call(0, [&] {
    const MonoTime due = read_mono_clock() + std::int64_t{3'300'000};
    running.shard(0).call_at(due, [&, due] { late.set_value(read_mono_clock() - due); });
  });
  EXPECT_GE(late.get_future().get(), 0);
}

struct CountingHook final : env::TurnHook {
  explicit CountingHook(env::Shard& s) : shard(s) {}
  void on_turn_end() override {
    ++calls;
    if (then) then();
  }
  env::Shard& shard;
  int calls = 0;
  Callback then;
};

TEST(ReactorTest, AHookRunsOncePerTurnAfterThePostedCallbacks) {
  RunningEnv running;
  CountingHook hook(running.shard(0));
  CountingHook second(running.shard(0));
  int posted = 0;
  int posted_at_hook = 0;
  std::promise<void> end;
  hook.then = [&] {
    posted_at_hook = posted;
    hook.shard.arm(second);  // by a hook: still this turn
  };
  second.then = [&] { end.set_value(); };
  running.call(0, [&] {
    for (int i = 0; i < 3; ++i)
      running.shard(0).post([&] {
        ++posted;
        running.shard(0).arm(hook);
      });
  });
  end.get_future().wait();
  running.stop();
  EXPECT_EQ(posted_at_hook, 3);
  EXPECT_EQ(hook.calls, 1);
  EXPECT_EQ(second.calls, 1);
}

TEST(ReactorTest, ADisarmedHookIsForgottenEvenByAnotherHook) {
  RunningEnv running;
  CountingHook first(running.shard(0));
  auto victim = std::make_unique<CountingHook>(running.shard(0));
  std::promise<void> end;
  first.then = [&] {
    running.shard(0).disarm(*victim);
    victim.reset();
    running.shard(0).post([&] { end.set_value(); });
  };
  running.call(0, [&] {
    running.shard(0).arm(first);
    running.shard(0).arm(*victim);
  });
  end.get_future().wait();
  EXPECT_EQ(first.calls, 1);
}

TEST(ReactorTest, BlockingWorkRunsElsewhereAndItsEndComesBack) {
  RunningEnv running(with_shards(2));
  std::promise<bool> end;
  running.shard(1).post([&] {
    running.shard(1).run_blocking(
        env::PoolId(0), [&] { EXPECT_FALSE(running.shard(1).is_current()); },
        [&] { end.set_value(running.shard(1).is_current()); });
  });
  EXPECT_TRUE(end.get_future().get());
}

TEST(ReactorTest, WhatIsPostedBeforeStopStillRuns) {
  auto running = std::make_unique<RunningEnv>(with_shards(2));
  std::atomic<int> ran{0};
  for (int i = 0; i < 100; ++i) running->shard(1).post([&] { ++ran; });
  running->stop();
  EXPECT_EQ(ran, 100);
}

TEST(ReactorTest, MessagesNobodyRunsAreDestroyed) {
  auto held = std::make_shared<int>(1);
  {
    RunningEnv running(with_shards(2));
    running.call(0, [&] {
      running.shard(0).call_at(running.shard(0).now() + Millis(3'600'000), [held] {});
    });
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

env::Task<int> twice(env::Shard& here, env::Shard& there) {
  const int value = co_await env::call_on(here, there, [] { return 21; });
  auto same = [value] { return value; };
  const int again = co_await env::blocking(here, env::kGeneralPool, std::move(same));
  co_await env::sleep_until(here, here.now() + Millis(1));
  co_return value + again;
}

env::Task<void> deliver(env::Shard& here, env::Shard& there, std::promise<int>& out) {
  const int value = co_await twice(here, there);
  out.set_value(value);
}

TEST(ReactorTest, TasksCrossShardsPoolsAndTimers) {
  RunningEnv running(with_shards(2));
  std::promise<int> out;
  env::TaskScope scope;
  running.shard(0).post([&] { scope.spawn(deliver(running.shard(0), running.shard(1), out)); });
  EXPECT_EQ(out.get_future().get(), 42);
  running.stop();
}

TEST(KernelRandomTest, ValuesDiffer) {
  KernelRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.next());
  EXPECT_EQ(seen.size(), 1000U);
}

}  // namespace
}  // namespace moldau::os
