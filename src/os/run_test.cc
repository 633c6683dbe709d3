// SPDX-License-Identifier: Apache-2.0
#include "os/run.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace moldau::os {
namespace {

struct Probe final : Program {
  explicit Probe(env::Env& e) : env(e) {}
  void stop(Callback done) override {
    // Stopping may take other shards and turns.
    env.shard(env::ShardId(1)).post([this, done = std::move(done)]() mutable {
      env.shard(env::ShardId(0)).post(std::move(done));
    });
  }
  env::Env& env;
};

RealEnvOptions two_shards() {
  RealEnvOptions options;
  options.shards = 2;
  return options;
}

/// Runs in a child: signal masks and exits are its own. Returns the wait status.
template <class F>
int in_child(F body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST(RunTest, ASignalStopsTheProgramCleanly) {
  const int status = in_child([] {
    return run(two_shards(), [](env::Env& env, Control&) -> std::unique_ptr<Program> {
      kill(getpid(), SIGTERM);
      return std::make_unique<Probe>(env);
    });
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(RunTest, TheProgramMayEndItself) {
  const int status = in_child([] {
    return run(two_shards(), [](env::Env& env, Control& control) -> std::unique_ptr<Program> {
      env.shard(env::ShardId(1)).post([&control] { control.request_stop(7); });
      return std::make_unique<Probe>(env);
    });
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST(RunTest, ASetupWithoutAProgramEndsWithItsCode) {
  const int status = in_child([] {
    return run(two_shards(), [](env::Env&, Control& control) -> std::unique_ptr<Program> {
      control.request_stop(3);
      return nullptr;
    });
  });
  EXPECT_EQ(WEXITSTATUS(status), 3);
  const int plain = in_child([] {
    return run(two_shards(),
               [](env::Env&, Control&) -> std::unique_ptr<Program> { return nullptr; });
  });
  EXPECT_EQ(WEXITSTATUS(plain), 1);
}

struct Stuck final : Program {
  void stop(Callback) override { kill(getpid(), SIGINT); }
};

TEST(RunTest, ASecondSignalEndsAtOnce) {
  const int status = in_child([] {
    return run(two_shards(), [](env::Env&, Control&) -> std::unique_ptr<Program> {
      kill(getpid(), SIGTERM);
      return std::make_unique<Stuck>();
    });
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGINT);
}

}  // namespace
}  // namespace moldau::os
