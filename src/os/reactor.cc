// SPDX-License-Identifier: Apache-2.0
#include "os/reactor.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "os/real_clock.h"
#include "os/real_env.h"
#include "os/socket_net.h"

namespace moldau::os {
namespace {

constexpr Reactor::Token kWakeToken = ~Reactor::Token{0};

std::uint32_t index_of(Reactor::Token token) {
  return static_cast<std::uint32_t>(token);
}
std::uint32_t generation_of(Reactor::Token token) {
  return static_cast<std::uint32_t>(token >> 32);
}

int checked(int descriptor, const char* call) {
  if (descriptor < 0) throw std::system_error(errno, std::system_category(), call);
  return descriptor;
}

}  // namespace

Reactor::Reactor(RealEnv& env, env::ShardId id) : env_(env), id_(id), events_(kEventsPerTurn) {
  epoll_ = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  wake_event_ = checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // never read: an edge is enough
  event.data.u64 = kWakeToken;
  checked(epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_event_, &event), "epoll_ctl");
  net_ = std::make_unique<SocketNet>(*this);
  refresh_clock();
}

Reactor::~Reactor() {
  drop_all();
  net_.reset();
  close(wake_event_);
  close(epoll_);
}

env::Net& Reactor::net() {
  return *net_;
}

void Reactor::refresh_clock() {
  now_ = read_mono_clock();
  wall_now_.reset();
}

Timestamp Reactor::wall_now() const {
  if (!wall_now_) wall_now_ = read_wall_clock();
  return *wall_now_;
}

void Reactor::run() {
  take_over();
  // sendfile has no MSG_NOSIGNAL; on this thread only, a library leaves its process alone.
  sigset_t pipe_signal;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
  while (!stopping_) turn(true);
  for (int i = 0; i < kTurnsAfterStop && turn(false); ++i) {
  }
}

void Reactor::stop() {
  post([this] { stopping_ = true; });
}

void Reactor::drop_all() {
  mailbox_.drop_all();
  // Destroying a callback may post or set a timer; what that leaves behind goes in the next round.
  for (int round = 0; round < kHookRounds; ++round) {
    std::exchange(posted_, {}).clear();
    std::exchange(timers_, {});
    mailbox_.drop_all();
  }
}

void Reactor::post(Callback callback) {
  if (is_current()) {
    posted_.push_back(std::move(callback));
    return;
  }
  if (mailbox_.push(std::move(callback))) {
    const std::uint64_t one = 1;
    ssize_t written = 0;
    do {
      written = write(wake_event_, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
    // EAGAIN would mean a counter near 2^64: the sleeper has been told often enough.
  }
}

env::TimerId Reactor::call_at(MonoTime when, Callback callback) {
  return timers_.add(when, std::move(callback));
}

void Reactor::cancel(env::TimerId timer) {
  timers_.cancel(timer);
}

void Reactor::run_blocking(env::PoolId pool, Callback work, Callback done) {
  struct Job {
    Callback work;
    Callback done;
  };
  auto job = std::make_unique<Job>(Job{std::move(work), std::move(done)});
  env_.pool(pool).run([this, job = std::move(job)]() mutable {
    job->work();
    job->work = nullptr;
    // `done` belongs to the shard: it is called and destroyed there.
    post([done = std::move(job->done)]() mutable { done(); });
  });
}

Reactor::Token Reactor::add(int descriptor, std::uint32_t events, Pollable& pollable) {
  std::uint32_t index = 0;
  if (free_registrations_.empty()) {
    index = static_cast<std::uint32_t>(registrations_.size());
    registrations_.emplace_back();
  } else {
    index = free_registrations_.back();
    free_registrations_.pop_back();
  }
  registrations_[index].pollable = &pollable;
  const Token token = Token{registrations_[index].generation} << 32 | index;
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  MOLDAU_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0, "epoll_ctl add");
  return token;
}

void Reactor::modify(Token token, int descriptor, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  MOLDAU_CHECK(epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event) == 0, "epoll_ctl mod");
}

void Reactor::remove(Token token, int descriptor) {
  MOLDAU_CHECK(is_registered(token), "a descriptor is removed once");
  // Explicitly, not by close(): a duplicate of the descriptor would keep it in the set.
  MOLDAU_CHECK(epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr) == 0, "epoll_ctl del");
  Registration& registration = registrations_[index_of(token)];
  registration.pollable = nullptr;
  if (++registration.generation == 0xFFFFFFFFU) registration.generation = 1;
  free_registrations_.push_back(index_of(token));
}

bool Reactor::is_registered(Token token) const {
  const std::uint32_t index = index_of(token);
  return index < registrations_.size() && registrations_[index].pollable &&
         registrations_[index].generation == generation_of(token);
}

void Reactor::add_hook(env::TurnHook& hook) {
  hooks_.push_back(&hook);
}

void Reactor::remove_hook(env::TurnHook& hook) {
  // The batch under way keeps its places: run_hooks walks it by index.
  std::erase(hooks_, &hook);
  std::replace(hooks_running_.begin(), hooks_running_.end(), &hook,
               static_cast<env::TurnHook*>(nullptr));
}

int Reactor::wait_ms(bool may_sleep) const {
  if (!may_sleep || !posted_.empty() || !hooks_.empty()) return 0;
  const std::optional<MonoTime> next = timers_.next();
  if (!next) return -1;
  const std::int64_t nanos = *next - read_mono_clock();
  if (nanos <= 0) return 0;
  // Rounded up: a timer may be late by a millisecond, never early.
  return static_cast<int>(std::min<std::int64_t>((nanos + 999'999) / 1'000'000, 60'000));
}

bool Reactor::turn(bool may_sleep) {
  int timeout = wait_ms(may_sleep);
  if (timeout != 0 && !mailbox_.fall_asleep()) timeout = 0;
  const int count = epoll_wait(epoll_, events_.data(), kEventsPerTurn, timeout);
  MOLDAU_CHECK(count >= 0 || errno == EINTR, "epoll_wait");
  refresh_clock();
  for (std::size_t index = 0; count > 0 && index < static_cast<std::size_t>(count); ++index)
    dispatch(events_[index].data.u64, events_[index].events);
  std::size_t done = run_timers();
  done += run_posted();
  done += run_hooks();
  return done > 0 || count > 0;
}

void Reactor::dispatch(Token token, std::uint32_t events) {
  if (token == kWakeToken || !is_registered(token)) return;  // gone by an earlier event
  registrations_[index_of(token)].pollable->on_events(events);
}

std::size_t Reactor::run_timers() {
  std::size_t count = 0;
  while (count < kTimersPerTurn) {
    std::optional<Callback> due = timers_.take_due(now_);
    if (!due) break;
    (*due)();
    ++count;
  }
  return count;
}

std::size_t Reactor::run_posted() {
  // What these callbacks post runs in the next turn: a chain of posts cannot starve the sockets.
  running_.swap(posted_);
  const std::size_t own = running_.size();
  for (std::size_t i = 0; i < own; ++i) {
    Callback callback = std::move(running_[i]);
    callback();
  }
  running_.clear();
  return own + mailbox_.run_all();
}

std::size_t Reactor::run_hooks() {
  std::size_t count = 0;
  for (int round = 0; round < kHookRounds && !hooks_.empty(); ++round) {
    hooks_running_.swap(hooks_);
    for (std::size_t i = 0; i < hooks_running_.size(); ++i) {
      env::TurnHook* hook = hooks_running_[i];
      if (!hook) continue;
      hooks_running_[i] = nullptr;
      call_hook(*hook);
      ++count;
    }
    hooks_running_.clear();
  }
  return count;
}

}  // namespace moldau::os
