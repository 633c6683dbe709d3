// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sim/client.h"
#include "sim/node_process.h"
#include "sim/scenario.h"

namespace moldau::sim {

/// Injects the faults of a scenario at moments of the seed's choosing.
/// Owner    Simulation.
/// Thread   one thread.
class FaultPlan {
 public:
  FaultPlan(const Scenario& scenario, Model& model, env::fake::FakeDisk& disk);

  /// A new life begins: arms what is armed at starts.
  void on_start(NodeProcess& node);
  /// Injects what is due.
  void on_step(NodeProcess& node, const std::vector<std::unique_ptr<Client>>& clients);
  /// The disk heals, nothing more is injected.
  void heal();
  /// Between two lives.
  void on_buried();

  /// The node may give up in this life: its disk has failed.
  bool excuses_exit() const { return disk_failed_ || disk_is_full_; }
  /// A start may take longer: the node was stopped, or its disk is full.
  bool excuses_delay() const;
  /// An fsync has failed: only a power cut shows what the medium holds.
  bool sync_failed() const { return sync_failed_; }
  /// By how much the wall clock of this machine is wrong now.
  std::int64_t wall_jumped_ms() const { return wall_jumped_ms_; }

 private:
  struct Armed {
    const Scenario::Fault* fault;
    MonoTime next;
  };
  void inject(const Scenario::Fault& fault, NodeProcess& node,
              const std::vector<std::unique_ptr<Client>>& clients);
  void inject_death(const Scenario::Fault& fault, NodeProcess& node);
  void fill_disk();
  void fail_calls(const Scenario::Fault& fault, bool syncs_only);
  void rot();
  MonoTime later(const Scenario::Fault& fault);

  Model& model_;
  env::fake::FakeDisk& disk_;
  env::fake::SeededRandom random_;
  std::vector<Armed> armed_;
  bool disk_failed_ = false;
  bool disk_is_full_ = false;
  bool sync_failed_ = false;
  bool rot_wanted_ = false;
  MonoTime disk_heals_;
  MonoTime paused_until_;
  std::int64_t wall_jumped_ms_ = 0;
};

}  // namespace moldau::sim
