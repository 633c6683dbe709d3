// SPDX-License-Identifier: Apache-2.0
#include "env/fake/fake_env.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace moldau::env::fake {
namespace {

struct Place {
  explicit Place(std::uint64_t seed, std::uint32_t shards = 1)
      : world(seed), disk(world), env(world, disk, {shards}) {}
  FakeShard& shard(std::uint32_t id = 0) { return env.shard(ShardId(id)); }
  World world;
  FakeDisk disk;
  FakeEnv env;
};

TEST(FakeEnvTest, PostsOfOneSenderArriveInOrder) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Place place(seed, 3);
    std::vector<int> got;
    for (std::uint32_t sender = 1; sender < 3; ++sender) {
      for (int i = 0; i < 20; ++i) {
        place.shard(sender).post([&, sender, i] {
          place.shard(0).post(
              [&got, sender, i] { got.push_back(static_cast<int>(sender) * 100 + i); });
        });
      }
    }
    place.world.run_for(Millis(1000));
    ASSERT_EQ(got.size(), 40U);
    int last[3] = {-1, 99, 199};
    for (const int value : got) EXPECT_EQ(value, ++last[value / 100]) << "seed " << seed;
  }
}

TEST(FakeEnvTest, TimersAreNeverEarlyAndCanBeCancelled) {
  Place place(7);
  FakeShard& shard = place.shard();
  const MonoTime start = place.world.now();
  MonoTime fired;
  bool cancelled_fired = false;
  shard.call_at(start + Millis(50), [&] { fired = shard.now(); });
  const TimerId other = shard.call_at(start + Millis(10), [&] { cancelled_fired = true; });
  shard.cancel(other);
  place.world.run_for(Millis(1000));
  EXPECT_GE(fired, start + Millis(50));
  EXPECT_LE(fired, start + Millis(60));
  EXPECT_FALSE(cancelled_fired);
}

struct CountingHook final : TurnHook {
  explicit CountingHook(Shard& of) : shard(of) {}
  void on_turn_end() override {
    if (++calls < 3) shard.arm(*this);
  }
  Shard& shard;
  int calls = 0;
};

TEST(FakeEnvTest, HooksRunAtTheEndOfTheTurnAndMayArmAgain) {
  Place place(1);
  CountingHook hook(place.shard());
  int calls_inside = -1;
  place.shard().post([&] {
    place.shard().arm(hook);
    place.shard().arm(hook);
    calls_inside = hook.calls;
  });
  place.world.run_for(Millis(100));
  EXPECT_EQ(calls_inside, 0);
  EXPECT_EQ(hook.calls, 3);
}

TEST(FakeEnvTest, JobsRunInAnyOrderAndAnswerOnTheShard) {
  std::set<std::string> orders;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Place place(seed);
    std::string order;
    int done = 0;
    for (char name : {'a', 'b', 'c'}) {
      place.shard().run_blocking(
          PoolId(0), [&order, name] { order += name; },
          [&] {
            EXPECT_TRUE(place.shard().is_current());
            ++done;
          });
    }
    place.world.run_for(Millis(1000));
    EXPECT_EQ(done, 3);
    orders.insert(order);
  }
  EXPECT_GE(orders.size(), 4U);
}

Task<void> sleep_twice(Shard& shard, int& steps) {
  for (int i = 0; i < 2; ++i) {
    const MonoTime when = shard.now() + Millis(10);
    co_await sleep_until(shard, when);
    ++steps;
  }
}

TEST(FakeEnvTest, AProcessDiesBetweenAnyTwoSteps) {
  std::set<int> seen;
  for (std::uint64_t death = 1; death <= 8; ++death) {
    Place place(death);
    int steps = 0;
    auto scope = std::make_unique<TaskScope>();
    place.env.die_in_steps(death, FakeEnv::Death::kKill);
    place.shard().post([&] { scope->spawn(sleep_twice(place.shard(), steps)); });
    place.world.run_for(Millis(1000));
    if (place.env.dead()) {
      EXPECT_LT(steps, 2);
    }
    place.env.drop_all();
    scope.reset();
    seen.insert(steps);
  }
  EXPECT_EQ(seen, (std::set<int>{0, 1, 2}));
}

TEST(FakeEnvTest, TheDeadHaveNoEffect) {
  Place place(2);
  place.env.disk().cut_after(1, [&] { place.env.die(FakeEnv::Death::kPowerCut); });
  bool posted_ran = false;
  Result<void> second;
  place.shard().post([&] {
    (void)place.disk.make_directories("/a");
    second = place.disk.make_directories("/b");
    place.shard().post([&] { posted_ran = true; });
  });
  place.world.run_for(Millis(100));
  EXPECT_TRUE(place.env.dead());
  EXPECT_FALSE(second.ok());
  EXPECT_FALSE(posted_ran);
}

TEST(FakeEnvTest, WallClockJumpsAndMonoDoesNot) {
  Place place(1);
  const Timestamp wall = place.shard().wall_now();
  const MonoTime mono = place.env.clock().mono();
  place.env.clock().jump(-3'600'000);
  EXPECT_EQ(place.shard().wall_now(), wall - 3'600'000);
  EXPECT_EQ(place.env.clock().mono(), mono);
}

TEST(FakeEnvTest, APausedProcessGoesOnLater) {
  Place place(1);
  const MonoTime start = place.world.now();
  MonoTime ran;
  place.shard().post([&] { ran = place.world.now(); });
  place.env.pause(Millis(500));
  place.world.run_for(Millis(1000));
  EXPECT_GE(ran, start + Millis(500));
}

std::uint64_t hash_of_run(std::uint64_t seed) {
  Place place(seed, 2);
  for (int i = 0; i < 10; ++i) {
    place.shard(0).run_blocking(
        PoolId(0),
        [&, i] { (void)write_small_file(place.disk, "/f" + std::to_string(i), as_view("x")); },
        [&] { place.shard(1).post([] {}); });
  }
  place.world.run_for(Millis(1000));
  return place.world.trace_hash();
}

TEST(FakeEnvTest, TheSameSeedGivesTheSameTraceHash) {
  EXPECT_EQ(hash_of_run(5), hash_of_run(5));
  EXPECT_NE(hash_of_run(5), hash_of_run(6));
}

}  // namespace
}  // namespace moldau::env::fake
