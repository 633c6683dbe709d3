// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/strong.h"
#include "base/types.h"
#include "base/unique_function.h"
#include "env/clock.h"
#include "env/net.h"
#include "env/random.h"
#include "env/task.h"

namespace moldau::env {

using ShardId = Strong<struct ShardIdTag, std::uint32_t>;
using TimerId = Strong<struct TimerIdTag, std::uint64_t>;

/// Which blocking pool: one per log directory (its position in log.dirs), plus one for the rest.
using PoolId = Strong<struct PoolIdTag, std::uint32_t>;
inline constexpr PoolId kGeneralPool{0xFFFFFFFFU};

/// Called once at the end of the loop turn in which it was asked for: the place to write what
/// gathered during the turn (appends of a partition, answers of a connection) in one call.
/// Thread   the shard it was armed on.
class TurnHook {
 public:
  virtual ~TurnHook() = default;
  virtual void on_turn_end() = 0;

 private:
  friend class Shard;
  bool armed_ = false;
};

/// One event loop, on one thread, owner of connections and partitions.
///
/// A turn is: events of the sockets, due timers, posted callbacks, then turn hooks (hooks armed
/// by hooks run in the same turn, by a bounded number of rounds).
/// Thread   post() from any thread; everything else on the shard's own thread.
class Shard {
 public:
  virtual ~Shard() = default;
  virtual ShardId id() const = 0;
  virtual bool is_current() const = 0;

  /// Runs `callback` on this shard in a later turn or later in this one; in order per sender.
  virtual void post(Callback callback) = 0;
  virtual TimerId call_at(MonoTime when, Callback callback) = 0;
  /// Fine for a timer that has fired.
  virtual void cancel(TimerId timer) = 0;
  /// `hook` must live until it has been called or disarmed.
  void arm(TurnHook& hook) {
    if (std::exchange(hook.armed_, true)) return;
    add_hook(hook);
  }
  /// Forgets a hook that is about to be destroyed.
  void disarm(TurnHook& hook) {
    if (std::exchange(hook.armed_, false)) remove_hook(hook);
  }

  /// The time at which this turn began; cheap.
  virtual MonoTime now() const = 0;
  virtual Timestamp wall_now() const = 0;
  virtual Random& random() = 0;
  virtual Net& net() = 0;

  /// `work` on a thread of the pool, then `done` on this shard. Work of one pool may run in
  /// parallel; `work` must touch only what was handed to it.
  virtual void run_blocking(PoolId pool, Callback work, Callback done) = 0;

 protected:
  virtual void add_hook(TurnHook& hook) = 0;
  virtual void remove_hook(TurnHook& hook) = 0;
  /// For implementations: clears the mark and calls.
  static void call_hook(TurnHook& hook) {
    hook.armed_ = false;
    hook.on_turn_end();
  }
};

/// A value that arrives once. One coroutine waits for it; it is resumed from the loop, never
/// from inside set().
/// Owner    the waiting side; the setter must not outlive it (use OneShot<T>::Setter otherwise).
/// Thread   shard-bound.
template <class T>
class OneShot {
 public:
  explicit OneShot(Shard& shard) : shard_(shard) {}
  OneShot(const OneShot&) = delete;
  OneShot& operator=(const OneShot&) = delete;

  void set(T value) {
    MOLDAU_CHECK(!value_.has_value(), "a OneShot is set once");
    value_.emplace(std::move(value));
    if (waiting_) shard_.post([handle = std::exchange(waiting_, {})] { handle.resume(); });
  }
  bool is_set() const { return value_.has_value(); }

  bool await_ready() const noexcept { return value_.has_value(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept { waiting_ = handle; }
  T await_resume() { return std::move(*value_); }

 private:
  Shard& shard_;
  std::optional<T> value_;
  std::coroutine_handle<> waiting_;
};

/// co_await run_on(here, there, f): runs f on another shard (or at once if it is this one) and
/// brings its value back. `f` returns a plain value and must not suspend.
template <class F>
auto call_on(Shard& here, Shard& there, F f) -> Task<decltype(f())> {
  using T = decltype(f());
  if (&here == &there) co_return f();
  OneShot<T> answer(here);
  OneShot<T>* slot = &answer;
  Shard* back = &here;
  there.post([slot, back, work = std::move(f)]() mutable {
    back->post([slot, value = work()]() mutable { slot->set(std::move(value)); });
  });
  T value = co_await answer;
  co_return value;
}

/// co_await blocking(shard, pool, f): runs f on the pool; f returns a plain value.
template <class F>
auto blocking(Shard& shard, PoolId pool, F f) -> Task<decltype(f())> {
  using T = decltype(f());
  OneShot<T> answer(shard);
  auto value = std::make_shared<std::optional<T>>();
  OneShot<T>* slot = &answer;
  shard.run_blocking(
      pool, [value, work = std::move(f)]() mutable { value->emplace(work()); },
      [value, slot] { slot->set(std::move(**value)); });
  T result = co_await answer;
  co_return result;
}

/// co_await sleep_until(shard, when).
inline Task<void> sleep_until(Shard& shard, MonoTime when) {
  OneShot<bool> due(shard);
  OneShot<bool>* slot = &due;
  shard.call_at(when, [slot] { slot->set(true); });
  (void)co_await due;
}

}  // namespace moldau::env
