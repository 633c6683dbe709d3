// SPDX-License-Identifier: Apache-2.0
#include "os/run.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

namespace moldau::os {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

void raise_open_files_limit(env::Logger& logger) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    logger.warn("os", "cannot raise the limit of open files errno={}", errno);
}

/// Signals as events of shard 0.
/// Thread   shard-bound.
class SignalWatch final : private Pollable {
 public:
  SignalWatch(Reactor& reactor, UniqueFunction<void(int)> on_signal)
      : reactor_(reactor), on_signal_(std::move(on_signal)) {
    const sigset_t set = ending_signals();
    descriptor_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    MOLDAU_CHECK(descriptor_ >= 0, "signalfd");
    token_ = reactor_.add(descriptor_, EPOLLIN, *this);
  }
  ~SignalWatch() override {
    reactor_.remove(token_, descriptor_);
    close(descriptor_);
  }

 private:
  void on_events(std::uint32_t) override {
    signalfd_siginfo received{};
    while (read(descriptor_, &received, sizeof(received)) == sizeof(received))
      on_signal_(static_cast<int>(received.ssi_signo));
  }

  Reactor& reactor_;
  UniqueFunction<void(int)> on_signal_;
  int descriptor_ = -1;
  Reactor::Token token_ = 0;
};

/// One run from setup to the end of the loops.
/// Thread   shard 0, except request_stop().
class Run final : public Control {
 public:
  Run(RealEnv& env, Setup setup) : env_(env), setup_(std::move(setup)) {}

  void request_stop(int exit_code) override {
    int none = kNoCode;
    exit_code_.compare_exchange_strong(none, exit_code);
    env_.shard(env::ShardId(0)).post([this] { stop(); });
  }

  int run() {
    raise_open_files_limit(env_.logger());
    SignalWatch signals(env_.reactor(env::ShardId(0)), [this](int number) { on_signal(number); });
    env_.shard(env::ShardId(0)).post([this] { set_up(); });
    env_.run();
    program_.reset();
    const int code = exit_code_.load();
    return code == kNoCode ? 0 : code;
  }

 private:
  static constexpr int kNoCode = -1;

  void set_up() {
    if (stopping_) return end();
    program_ = setup_(env_, *this);
    setup_ = nullptr;
    if (!program_) {
      int none = kNoCode;
      exit_code_.compare_exchange_strong(none, 1);
      stopping_ = true;
      end();
    }
  }

  void on_signal(int number) {
    if (signalled_) {
      env_.logger().write(env::LogLevel::kFatal, "os", "a second signal: ending at once");
      _exit(128 + number);
    }
    signalled_ = true;
    env_.logger().info("os", "Received signal {}, stopping", number);
    stop();
  }

  void stop() {
    if (std::exchange(stopping_, true)) return;
    if (program_) program_->stop([this] { end(); });
  }

  void end() {
    if (!std::exchange(ended_, true)) env_.stop();
  }

  RealEnv& env_;
  Setup setup_;
  std::unique_ptr<Program> program_;
  std::atomic<int> exit_code_{kNoCode};
  bool stopping_ = false;
  bool signalled_ = false;
  bool ended_ = false;
};

/// One task from its start to its end.
/// Thread   shard 0.
class CommandRun final {
 public:
  CommandRun(RealEnv& env, CommandSetup setup) : env_(env), setup_(std::move(setup)) {}

  int run() {
    raise_open_files_limit(env_.logger());
    SignalWatch signals(env_.reactor(env::ShardId(0)), [this](int number) { on_signal(number); });
    env_.shard(env::ShardId(0)).post([this] { scope_.spawn(perform()); });
    env_.run();
    scope_.destroy_all();
    return signal_ == 0 ? exit_code_ : 128 + signal_;
  }

 private:
  env::Task<void> perform() {
    env::Task<int> task = setup_(env_, interrupt_);
    exit_code_ = co_await task;
    env_.stop();
  }

  void on_signal(int number) {
    const bool first = signal_ == 0;
    if (first) signal_ = number;
    if (first && interrupt_.on_signal) return interrupt_.on_signal();
    env_.stop();
  }

  RealEnv& env_;
  CommandSetup setup_;
  Interrupt interrupt_;
  env::TaskScope scope_;
  int exit_code_ = 1;
  int signal_ = 0;
};

}  // namespace

void block_signals() {
  const sigset_t set = ending_signals();
  MOLDAU_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0, "pthread_sigmask");
  MOLDAU_CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR, "SIGPIPE");
}

int run(RealEnvOptions options, Setup setup) {
  block_signals();
  RealEnv env(std::move(options));
  return Run(env, std::move(setup)).run();
}

int run_command(RealEnvOptions options, CommandSetup setup) {
  block_signals();
  RealEnv env(std::move(options));
  return CommandRun(env, std::move(setup)).run();
}

}  // namespace moldau::os
