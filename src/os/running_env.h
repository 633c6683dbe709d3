// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <future>
#include <thread>
#include <type_traits>
#include <utility>

#include "os/real_env.h"

namespace moldau::os {

/// A real env whose loops all run on threads of their own: for tests, benchmarks and libraries,
/// whose caller keeps its thread.
/// Thread   made, called and destroyed on one thread that is no shard.
class RunningEnv {
 public:
  explicit RunningEnv(RealEnvOptions options = {})
      : env_(std::move(options)), loop_([this] { env_.run(); }) {}
  ~RunningEnv() { stop(); }
  RunningEnv(const RunningEnv&) = delete;
  RunningEnv& operator=(const RunningEnv&) = delete;

  RealEnv& env() { return env_; }
  env::Shard& shard(std::uint32_t id) { return env_.shard(env::ShardId(id)); }

  /// Ends the loops; what was built on the env may be destroyed on this thread afterwards.
  void stop() {
    if (!loop_.joinable()) return;
    env_.stop();
    loop_.join();
    for (std::uint32_t i = 0; i < env_.shard_count(); ++i)
      env_.reactor(env::ShardId(i)).take_over();
  }

  /// Runs `f` on the shard and waits for its value.
  template <class F>
  auto call(std::uint32_t id, F f) -> decltype(f()) {
    std::promise<decltype(f())> answer;
    auto value = answer.get_future();
    shard(id).post([&] {
      if constexpr (std::is_void_v<decltype(f())>) {
        f();
        answer.set_value();
      } else {
        answer.set_value(f());
      }
    });
    return value.get();
  }

 private:
  RealEnv env_;
  std::thread loop_;
};

}  // namespace moldau::os
