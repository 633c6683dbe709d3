// SPDX-License-Identifier: Apache-2.0
// For tests of clients: a fake machine, and tasks that are run to their end on it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "env/fake/fake_env.h"

namespace moldau::client {

/// Thread   one thread.
class TaskTest : public testing::Test {
 protected:
  explicit TaskTest(std::uint64_t seed) : world_(seed) {}

  /// Runs a task to its end and gives what it returned.
  template <class T>
  Result<T> finish(env::Task<Result<T>> task, Millis limit = Millis(100'000)) {
    std::optional<Result<T>> out;
    scope_.spawn(keep(std::move(task), &out));
    EXPECT_TRUE(world_.run_while([&] { return out.has_value(); }, limit)) << "it hangs";
    if (!out) return Error(ErrorCode::kUnknownServerError, "it hangs");
    return std::move(*out);
  }
  template <class T>
  static env::Task<void> keep(env::Task<Result<T>> task, std::optional<Result<T>>* out) {
    auto got = co_await task;
    out->emplace(std::move(got));
  }
  env::fake::FakeShard& shard() { return env_.shard(env::ShardId(0)); }
  MonoTime in(std::int64_t ms) { return world_.now() + Millis(ms); }

  env::fake::World world_;
  env::fake::FakeDisk disk_{world_};
  env::fake::FakeEnv env_{world_, disk_};
  env::TaskScope scope_;
};

}  // namespace moldau::client
