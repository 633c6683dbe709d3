// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/result.h"
#include "base/types.h"

namespace moldau::broker {

/// Kafka's broker states; the numbers are those of the BrokerState metric.
enum class BrokerState : std::int8_t {
  kNotRunning = 0,
  kStarting = 1,
  kRecovery = 2,
  kRunning = 3,
  kPendingControlledShutdown = 6,
  kShuttingDown = 7
};

struct LifecycleConfig {
  Millis heartbeat_interval{2000};
  Millis registration_timeout{60000};
  /// Gap between heartbeats while the broker catches up with the metadata at start.
  Millis catch_up_interval{10};
  Millis first_shutdown_retry{50};
};

struct Heartbeat {
  BrokerEpoch broker_epoch;
  Offset current_metadata_offset;
  bool want_fence = false;
  bool want_shut_down = false;
};

/// What follows from a step; at most one request is under way at a time.
struct LifecycleEffects {
  bool send_registration = false;
  std::optional<Heartbeat> send_heartbeat;
  std::optional<BrokerState> entered;
  /// The controller did not accept us in time: the process must end.
  bool give_up = false;
  /// The controller let us go: stop.
  bool may_stop = false;
};

/// A broker's side of its life in the cluster: register, catch up, unfence, heartbeat, leave.
///
/// Path     node/broker feeds it and sends what it asks for to the active controller.
/// Thread   shard-bound value; time is an input.
/// Source   BrokerLifecycleManager; KIP-631.
class LifecycleMachine {
 public:
  LifecycleMachine(const LifecycleConfig& config, MonoTime now)
      : config_(config), registration_deadline_(now + config.registration_timeout) {}

  BrokerState state() const { return state_; }
  BrokerEpoch broker_epoch() const { return broker_epoch_; }
  bool fenced() const { return fenced_; }

  /// Looks at the clock; call at `next_tick()` or earlier.
  LifecycleEffects tick(MonoTime now);
  MonoTime next_tick() const { return next_send_; }

  LifecycleEffects registered(BrokerEpoch epoch, MonoTime now);
  LifecycleEffects registration_failed(MonoTime now);
  LifecycleEffects heartbeat_answered(bool caught_up, bool fenced, bool should_shut_down,
                                      MonoTime now);
  LifecycleEffects heartbeat_failed(MonoTime now);

  /// The metadata loader has applied everything up to and including `offset`.
  void metadata_applied(Offset offset) { metadata_offset_ = offset; }
  /// Logs are recovered and the first image is in force: the broker may serve.
  LifecycleEffects ready_to_unfence(MonoTime now);
  /// Something has happened that the controller must know: the next heartbeat goes at once.
  LifecycleEffects hurry(MonoTime now);
  /// SIGTERM.
  LifecycleEffects begin_shutdown(MonoTime now);

 private:
  LifecycleEffects enter(BrokerState state);

  LifecycleConfig config_;
  BrokerState state_ = BrokerState::kStarting;
  BrokerEpoch broker_epoch_{-1};
  Offset metadata_offset_{-1};
  MonoTime registration_deadline_;
  MonoTime next_send_{0};
  bool in_flight_ = false;
  bool in_a_hurry_ = false;
  bool fenced_ = true;
  bool ready_ = false;
  bool shutdown_answered_ = false;
};

}  // namespace moldau::broker
