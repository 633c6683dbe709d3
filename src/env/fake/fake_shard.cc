// SPDX-License-Identifier: Apache-2.0
#include "env/fake/fake_shard.h"

#include <algorithm>
#include <utility>

#include "env/fake/fake_env.h"

namespace moldau::env::fake {

FakeShard::FakeShard(FakeEnv& env, ShardId id, SeededRandom random)
    : env_(env),
      id_(id),
      random_(random.fork()),
      order_(random.fork()),
      net_(*this),
      now_(env.world().now()) {}

FakeShard::~FakeShard() {
  drop_all();
}

bool FakeShard::is_current() const {
  return env_.current_ == this;
}

MonoTime FakeShard::now() const {
  return is_current() ? now_ : env_.world().now();
}

Timestamp FakeShard::wall_now() const {
  return env_.clock().wall();
}

void FakeShard::post(Callback callback) {
  if (is_current()) {
    posted_.push_back(std::move(callback));
  } else {
    const std::uint32_t sender = env_.current_ ? env_.current_->id().value() : kOutside;
    inbox_[sender].push_back(std::move(callback));
  }
  wake();
}

void FakeShard::post_from_outside(Callback callback) {
  inbox_[kOutside].push_back(std::move(callback));
  wake();
}

void FakeShard::add_event(Callback event) {
  events_.push_back(std::move(event));
  wake();
}

TimerId FakeShard::call_at(MonoTime when, Callback callback) {
  const std::uint64_t id = ++timers_made_;
  timers_.emplace(std::pair(when, id), std::move(callback));
  timer_times_.emplace(id, when);
  wake_at(when);
  return TimerId(id);
}

void FakeShard::cancel(TimerId timer) {
  const auto found = timer_times_.find(timer.value());
  if (found == timer_times_.end()) return;
  // Its destruction may come back here.
  const auto node = timers_.extract(std::pair(found->second, timer.value()));
  timer_times_.erase(found);
}

void FakeShard::run_blocking(PoolId pool, Callback work, Callback done) {
  env_.start_job(*this, pool, std::move(work), std::move(done));
}

void FakeShard::remove_hook(TurnHook& hook) {
  std::erase(hooks_, &hook);
  std::replace(hooks_running_.begin(), hooks_running_.end(), &hook,
               static_cast<TurnHook*>(nullptr));
}

void FakeShard::wake() {
  if (turn_is_due_ || env_.dead()) return;
  turn_is_due_ = true;
  const std::int64_t nanos =
      order_.chance(20) ? order_.between(0, 2'000'000) : order_.between(1'000, 60'000);
  env_.at(env_.world().now() + nanos, [this] { turn(); });
}

void FakeShard::wake_at(MonoTime when) {
  if (when >= next_wake_ || env_.dead()) return;
  next_wake_ = when;
  // A timer may be late, never early.
  env_.at(std::max(when, env_.world().now()) + order_.between(0, 1'000'000), [this, when] {
    if (next_wake_ == when) next_wake_ = MonoTime(INT64_MAX);
    wake();
  });
}

bool FakeShard::has_work() const {
  if (!posted_.empty() || !events_.empty() || !hooks_.empty()) return true;
  return std::any_of(inbox_.begin(), inbox_.end(),
                     [](const auto& item) { return !item.second.empty(); });
}

void FakeShard::turn() {
  turn_is_due_ = false;
  now_ = env_.world().now();
  env_.world().trace(0x7475726e, id_.value());
  CurrentShard current(this);
  run_events();
  run_timers();
  run_posted();
  run_hooks();
  if (env_.dead()) return;
  if (has_work()) wake();
  if (!timers_.empty()) wake_at(timers_.begin()->first.first);
}

void FakeShard::run(Callback callback) {
  // The process may die before any callback, so at any await.
  if (env_.dies_before_step()) return;
  callback();
}

void FakeShard::run_events() {
  std::vector<Callback> events = std::exchange(events_, {});
  for (std::size_t i = events.size(); i > 1; --i) std::swap(events[i - 1], events[order_.below(i)]);
  for (Callback& event : events) run(std::move(event));
}

void FakeShard::run_timers() {
  while (!timers_.empty() && timers_.begin()->first.first <= now_) {
    auto due = timers_.extract(timers_.begin());
    timer_times_.erase(due.key().second);
    env_.world().trace(0x74696d65, due.key().second);
    run(std::move(due.mapped()));
    if (env_.dead()) return;
  }
}

void FakeShard::run_posted() {
  for (Callback& callback : std::exchange(posted_, {})) run(std::move(callback));
  // In order per sender; how much of each has arrived is chance.
  std::vector<std::uint32_t> senders;
  for (const auto& [sender, queue] : inbox_)
    if (!queue.empty()) senders.push_back(sender);
  while (!senders.empty() && !env_.dead()) {
    const std::size_t which = order_.below(senders.size());
    std::deque<Callback>& queue = inbox_[senders[which]];
    const bool rest_is_late = order_.chance(100);
    if (!rest_is_late) {
      Callback callback = std::move(queue.front());
      queue.pop_front();
      run(std::move(callback));
    }
    if (rest_is_late || queue.empty())
      senders.erase(senders.begin() + static_cast<std::ptrdiff_t>(which));
  }
}

void FakeShard::run_hooks() {
  for (int round = 0; round < kHookRounds && !hooks_.empty(); ++round) {
    hooks_running_.swap(hooks_);
    for (std::size_t i = 0; i < hooks_running_.size(); ++i) {
      TurnHook* hook = hooks_running_[i];
      if (!hook) continue;
      if (env_.dies_before_step()) break;
      hooks_running_[i] = nullptr;
      call_hook(*hook);
    }
    hooks_running_.clear();
  }
}

void FakeShard::drop_all() {
  // Destroying a callback may post or set a timer.
  for (int round = 0; round < 8; ++round) {
    std::exchange(posted_, {}).clear();
    std::exchange(inbox_, {}).clear();
    std::exchange(events_, {}).clear();
    std::exchange(timers_, {}).clear();
    timer_times_.clear();
  }
}

CurrentShard::CurrentShard(FakeShard* shard)
    : env_(&shard->env()), before_(std::exchange(env_->current_, shard)) {}
CurrentShard::~CurrentShard() {
  env_->current_ = before_;
}

}  // namespace moldau::env::fake
