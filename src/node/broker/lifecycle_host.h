// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/broker_config.h"
#include "env/env.h"
#include "machine/broker/lifecycle_machine.h"
#include "node/broker/log_directories.h"
#include "node/quorum/quorum.h"

namespace moldau::broker {

/// Drives the broker's side of its life: sends what LifecycleMachine asks for to the active
/// controller and feeds the answers back.
///
/// Owner    node/assembly.
/// Thread   shard 0.
/// Source   BrokerLifecycleManager.
class LifecycleHost {
 public:
  struct Events {
    /// Each state once, as it is entered.
    UniqueFunction<void(BrokerState)> entered;
    /// The controller did not register us in time.
    Callback gave_up;
    /// A failed log dir could not be told within log.dir.failure.timeout.ms.
    Callback cannot_tell;
    /// After begin_shutdown(): the controller let us go.
    Callback may_stop;
  };

  LifecycleHost(env::Env& env, std::shared_ptr<const config::BrokerConfig> config,
                std::vector<config::Listener> advertised, std::string cluster_id, Uuid incarnation,
                LogDirectories& directories, quorum::Quorum& quorum, Events events);

  /// Before start(): with the ports that were bound.
  void set_advertised(std::vector<config::Listener> advertised) {
    advertised_ = std::move(advertised);
  }
  void start();
  void metadata_applied(Offset offset) { machine_.metadata_applied(offset); }
  /// Logs are open and the first image is in force.
  void ready();
  void begin_shutdown();
  /// A log dir has gone offline: the controller is told at once.
  void directory_failed(DirectoryId directory);
  /// No more requests are sent.
  void stop() { stopped_ = true; }
  BrokerEpoch broker_epoch() const { return machine_.broker_epoch(); }
  BrokerState state() const { return machine_.state(); }

 private:
  env::Task<void> send_registration();
  env::Task<void> send_heartbeat(Heartbeat beat);
  void perform(LifecycleEffects effects);
  void wake_at(MonoTime when);

  env::Env& env_;
  env::Shard& shard_;
  std::shared_ptr<const config::BrokerConfig> config_;
  std::vector<config::Listener> advertised_;
  std::string cluster_id_;
  LogDirectories& directories_;
  quorum::Quorum& quorum_;
  Events events_;
  LifecycleMachine machine_;
  Uuid incarnation_;
  std::set<DirectoryId> untold_;  // failed log dirs that no heartbeat has brought over yet
  bool stopped_ = false;
  std::shared_ptr<LifecycleHost*> alive_;
  env::TaskScope tasks_;
};

}  // namespace moldau::broker
