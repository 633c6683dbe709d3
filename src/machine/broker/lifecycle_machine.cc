// SPDX-License-Identifier: Apache-2.0
#include "machine/broker/lifecycle_machine.h"

#include <utility>

namespace moldau::broker {

LifecycleEffects LifecycleMachine::enter(BrokerState state) {
  LifecycleEffects effects;
  state_ = state;
  effects.entered = state;
  return effects;
}

LifecycleEffects LifecycleMachine::tick(MonoTime now) {
  LifecycleEffects effects;
  if (state_ == BrokerState::kNotRunning || state_ == BrokerState::kShuttingDown) return effects;
  if (broker_epoch_.value() < 0 && now >= registration_deadline_) {
    effects.give_up = true;
    return effects;
  }
  if (in_flight_ || now < next_send_) return effects;
  in_flight_ = true;
  if (broker_epoch_.value() < 0) {
    effects.send_registration = true;
    return effects;
  }
  Heartbeat beat;
  beat.broker_epoch = broker_epoch_;
  beat.current_metadata_offset = metadata_offset_;
  beat.want_fence = !ready_ && state_ != BrokerState::kPendingControlledShutdown;
  beat.want_shut_down = state_ == BrokerState::kPendingControlledShutdown;
  effects.send_heartbeat = beat;
  return effects;
}

LifecycleEffects LifecycleMachine::registered(BrokerEpoch epoch, MonoTime now) {
  in_flight_ = false;
  broker_epoch_ = epoch;
  next_send_ = now;
  return {};
}

LifecycleEffects LifecycleMachine::registration_failed(MonoTime now) {
  in_flight_ = false;
  next_send_ = now + config_.heartbeat_interval;
  LifecycleEffects effects;
  effects.give_up = now >= registration_deadline_;
  return effects;
}

LifecycleEffects LifecycleMachine::heartbeat_answered(bool caught_up, bool fenced,
                                                      bool should_shut_down, MonoTime now) {
  in_flight_ = false;
  fenced_ = fenced;
  next_send_ = std::exchange(in_a_hurry_, false) ? now : now + config_.heartbeat_interval;
  switch (state_) {
    case BrokerState::kStarting:
      if (caught_up) return enter(BrokerState::kRecovery);
      next_send_ = now + config_.catch_up_interval;
      return {};
    case BrokerState::kRecovery:
      if (!fenced) return enter(BrokerState::kRunning);
      if (ready_) next_send_ = now + config_.catch_up_interval;
      return {};
    case BrokerState::kPendingControlledShutdown: {
      if (!should_shut_down) {
        if (!shutdown_answered_) next_send_ = now + config_.first_shutdown_retry;
        shutdown_answered_ = true;
        return {};
      }
      LifecycleEffects effects = enter(BrokerState::kShuttingDown);
      effects.may_stop = true;
      return effects;
    }
    default:
      return {};
  }
}

LifecycleEffects LifecycleMachine::heartbeat_failed(MonoTime now) {
  in_flight_ = false;
  next_send_ = now + config_.heartbeat_interval;
  return {};
}

LifecycleEffects LifecycleMachine::ready_to_unfence(MonoTime now) {
  ready_ = true;
  if (!in_flight_) next_send_ = now;
  return tick(now);
}

LifecycleEffects LifecycleMachine::hurry(MonoTime now) {
  in_a_hurry_ = in_flight_;
  if (!in_flight_) next_send_ = now;
  return tick(now);
}

LifecycleEffects LifecycleMachine::begin_shutdown(MonoTime now) {
  if (state_ == BrokerState::kPendingControlledShutdown || state_ == BrokerState::kShuttingDown)
    return {};
  if (broker_epoch_.value() < 0 || state_ == BrokerState::kStarting) {
    // Never served anybody: there is nothing to hand over.
    LifecycleEffects effects = enter(BrokerState::kShuttingDown);
    effects.may_stop = true;
    return effects;
  }
  LifecycleEffects effects = enter(BrokerState::kPendingControlledShutdown);
  next_send_ = now;
  LifecycleEffects sent = tick(now);
  effects.send_heartbeat = sent.send_heartbeat;
  return effects;
}

}  // namespace moldau::broker
