// SPDX-License-Identifier: Apache-2.0
#include "node/park/waiter.h"

#include <algorithm>

namespace moldau::park {

Waiter::~Waiter() {
  if (timer_set_) home_.cancel(timer_);
}

env::Task<bool> Waiter::wait_until(MonoTime deadline) {
  timed_out_ = false;
  if (!woken_) {
    timer_ = home_.call_at(deadline, [self = weak_from_this()] {
      if (auto waiter = self.lock()) waiter->on_deadline();
    });
    timer_set_ = true;
    Sleep sleep(*this);
    co_await sleep;
    if (timer_set_) home_.cancel(timer_);
    timer_set_ = false;
  }
  woken_ = false;
  co_return !timed_out_;
}

void Waiter::wake() {
  if (signalled_.exchange(true, std::memory_order_acq_rel)) return;
  home_.post([self = shared_from_this()] { self->on_signal(); });
}

void Waiter::on_signal() {
  woken_ = true;
  if (waiting_) std::exchange(waiting_, {}).resume();
}

void Waiter::on_deadline() {
  timer_set_ = false;
  timed_out_ = true;
  if (waiting_) std::exchange(waiting_, {}).resume();
}

void WaitList::add(std::shared_ptr<Waiter> waiter) {
  // A request that looks again may stand here already.
  if (std::find(waiters_.begin(), waiters_.end(), waiter) != waiters_.end()) return;
  if (waiters_.size() >= sweep_at_) {
    std::erase_if(waiters_, [](const auto& w) { return w->finished(); });
    sweep_at_ = std::max<std::size_t>(16, waiters_.size() * 2);
  }
  waiters_.push_back(std::move(waiter));
}

void WaitList::wake_all() {
  std::vector<std::shared_ptr<Waiter>> woken;
  woken.swap(waiters_);
  for (const auto& waiter : woken)
    if (!waiter->finished()) waiter->wake();
}

}  // namespace moldau::park
