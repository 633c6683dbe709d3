// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "env/shard.h"

namespace moldau::env {

/// A value that arrives once, or never; whoever waits may be destroyed first, as a client is that
/// is closed while the loop goes on. (OneShot is for those who live as long as the loop.)
///
/// Owner    the frame of the coroutine that waits; setters keep what they need alive.
/// Thread   shard-bound; the waiting coroutine is resumed from the loop, never inside set().
template <class T>
class Arrival {
  struct State {
    explicit State(Shard& on) : shard(on) {}
    Shard& shard;
    std::optional<T> value;
    std::coroutine_handle<> waiting;
  };

 public:
  /// Copies set the same value: the first one counts.
  class Setter {
   public:
    explicit Setter(std::shared_ptr<State> state) : state_(std::move(state)) {}
    void set(T value) const {
      if (state_->value) return;
      state_->value.emplace(std::move(value));
      if (!state_->waiting) return;
      state_->shard.post([state = state_] {
        if (state->waiting) std::exchange(state->waiting, {}).resume();
      });
    }
    bool is_set() const { return state_->value.has_value(); }

   private:
    std::shared_ptr<State> state_;
  };

  explicit Arrival(Shard& shard) : state_(std::make_shared<State>(shard)) {}
  ~Arrival() { state_->waiting = {}; }
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;

  Setter setter() const { return Setter(state_); }

  bool await_ready() const noexcept { return state_->value.has_value(); }
  void await_suspend(std::coroutine_handle<> handle) noexcept { state_->waiting = handle; }
  T await_resume() { return std::move(*state_->value); }

 private:
  std::shared_ptr<State> state_;
};

/// co_await pause_until(shard, when): a sleep that may be destroyed.
inline Task<void> pause_until(Shard& shard, MonoTime when) {
  Arrival<bool> due(shard);
  const TimerId timer = shard.call_at(when, [setter = due.setter()] { setter.set(true); });
  (void)timer;
  (void)co_await due;
}

}  // namespace moldau::env
