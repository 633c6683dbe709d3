// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "env/shard.h"

namespace moldau::client {

/// When a host looks at its machine: soon, if something happened, and at a time the machine names.
///
/// Owner    the host; the callback is not called once this is destroyed.
/// Thread   shard-bound; the callback comes from the loop.
class Turns {
 public:
  Turns(env::Shard& shard, Callback turn) : state_(std::make_shared<State>(shard)) {
    state_->turn = std::move(turn);
  }
  ~Turns() {
    if (timer_) state_->shard.cancel(*timer_);
    state_->gone = true;
  }
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  /// One turn later in this turn of the loop, or in the next one, however often it is called.
  void wake() { wake(state_); }
  /// One turn at `when`, instead of the one that was asked for before.
  void wake_at(MonoTime when) {
    if (timer_ && timer_at_ == when && state_->armed) return;
    if (timer_) state_->shard.cancel(*timer_);
    timer_at_ = when;
    state_->armed = true;
    timer_ = state_->shard.call_at(when, [state = state_] {
      state->armed = false;
      wake(state);
    });
  }

 private:
  struct State {
    explicit State(env::Shard& on) : shard(on) {}
    env::Shard& shard;
    Callback turn;
    bool woken = false;
    bool armed = false;
    bool gone = false;
  };
  static void wake(const std::shared_ptr<State>& state) {
    if (state->gone || std::exchange(state->woken, true)) return;
    state->shard.post([state] {
      state->woken = false;
      if (!state->gone) state->turn();
    });
  }

  std::shared_ptr<State> state_;
  std::optional<env::TimerId> timer_;
  MonoTime timer_at_;
};

}  // namespace moldau::client
