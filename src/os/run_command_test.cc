// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/run.h"

namespace moldau::os {
namespace {

template <class F>
int exit_code_of(F body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

env::Task<int> answer(env::Shard& shard) {
  co_await env::sleep_until(shard, shard.now() + Millis(1));
  co_return 7;
}

env::Task<int> interrupted(env::Shard& shard) {
  kill(getpid(), SIGINT);
  co_await env::sleep_until(shard, shard.now() + Millis(60'000));
  co_return 0;
}

env::Task<int> finishing(env::Shard& shard, Interrupt& interrupt) {
  env::OneShot<bool> told(shard);
  env::OneShot<bool>* slot = &told;
  interrupt.on_signal = [slot] { slot->set(true); };
  kill(getpid(), SIGTERM);
  (void)co_await told;
  co_return 0;
}

TEST(RunCommandTest, TheTasksValueIsTheExitCode) {
  EXPECT_EQ(exit_code_of([] {
              return run_command(
                  {}, [](env::Env& env, Interrupt&) { return answer(env.shard(env::ShardId(0))); });
            }),
            7);
}

TEST(RunCommandTest, ASignalEndsItWithItsNumber) {
  EXPECT_EQ(exit_code_of([] {
              return run_command({}, [](env::Env& env, Interrupt&) {
                return interrupted(env.shard(env::ShardId(0)));
              });
            }),
            128 + SIGINT);
}

TEST(RunCommandTest, ATaskThatAskedToBeToldEndsInItsOwnWay) {
  EXPECT_EQ(exit_code_of([] {
              return run_command({}, [](env::Env& env, Interrupt& interrupt) {
                return finishing(env.shard(env::ShardId(0)), interrupt);
              });
            }),
            128 + SIGTERM);
}

}  // namespace
}  // namespace moldau::os
