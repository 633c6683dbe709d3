// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/unique_function.h"
#include "env/task.h"
#include "os/real_env.h"

namespace moldau::os {

/// What run() runs: a node, usually.
/// Owner    run(); destroyed after all loops have ended.
/// Thread   made and stopped on shard 0, destroyed on the same thread.
class Program {
 public:
  virtual ~Program() = default;
  /// Asked once, after a signal or request_stop(): finish, then call `done` on shard 0.
  virtual void stop(Callback done) = 0;
};

/// Lets a program end itself.
/// Thread   any thread.
class Control {
 public:
  virtual ~Control() = default;
  /// The first call decides the exit code.
  virtual void request_stop(int exit_code) = 0;
};

using Setup = UniqueFunction<std::unique_ptr<Program>(env::Env&, Control&)>;

/// Runs a program until SIGTERM, SIGINT, SIGHUP or request_stop(), and returns its exit code
/// (0 after a signal). A second signal ends the process at once with 128 + signal.
///
/// Raises the limit of open files to what the machine allows and ignores SIGPIPE. `setup` runs on
/// shard 0 in its loop; if it returns nullptr the program ends with the code it requested, or 1.
/// Thread   the main thread, before any other is started: signals are blocked in all.
int run(RealEnvOptions options, Setup setup);

/// What a command does about the first signal; without a callback it is ended at once.
/// Thread   shard 0.
struct Interrupt {
  Callback on_signal;
};

/// The task must live no longer than what it was given.
using CommandSetup = UniqueFunction<env::Task<int>(env::Env&, Interrupt&)>;

/// Runs one task on shard 0 and returns its exit code. After SIGINT, SIGTERM or SIGHUP it is
/// 128 + signal: at once, the task being destroyed, or when the task has ended if it asked to be
/// told; a second signal always ends at once.
/// Thread   as run().
int run_command(RealEnvOptions options, CommandSetup setup);

/// For make_logger() before run(): signals are blocked here, so that its thread has them blocked.
void block_signals();

}  // namespace moldau::os
