// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/admin.h"
#include "sim/client.h"
#include "sim/fault_plan.h"
#include "sim/model.h"
#include "sim/node_process.h"
#include "sim/scenario.h"
#include "sim/state_probe.h"
#include "sim/verifier.h"

namespace moldau::sim {

/// What a run came to.
/// Thread   a value.
struct RunReport {
  /// "" if all invariants held.
  std::string finding;
  std::string last_lines;
  std::uint64_t trace_hash = 0;
  std::uint64_t events = 0;
  std::uint64_t acked = 0;
  std::uint64_t read = 0;
  std::uint64_t deaths = 0;
  std::uint64_t full_reads = 0;
  std::uint64_t produce_errors = 0;
  std::uint64_t sessions = 0;
  std::uint64_t committed = 0;    // transactions
  std::uint64_t assignments = 0;  // of members of groups
};

/// One run: a node on a lying disk, model clients, faults, all from one seed. At the end the
/// faults stop; then everything must come to rest within bounded time, be read whole, and
/// survive a clean stop and start.
///
/// Path     main → this → NodeProcess, clients, Verifier; Checks on everything they see.
/// Owner    its caller; holds the whole world.
/// Thread   one thread.
/// Bounds   kStartPatience for a start, kRestPatience for the end.
class Simulation {
 public:
  Simulation(const Scenario& scenario, std::uint64_t seed);
  ~Simulation();
  RunReport run();

 private:
  static constexpr Millis kStartPatience{60'000};
  static constexpr Millis kRestPatience{120'000};
  /// Longer than an admin client waits until it asks what became of a request that got no answer.
  static constexpr Millis kPeace{15'000};
  /// A transaction that has timed out.
  static constexpr Millis kHangsNoLonger{10'000};
  static constexpr Millis kLateCopies{500};

  void make_config();
  void make_clients();
  std::unique_ptr<Client> make_client(const Scenario::Workload& load, env::fake::FakeShard& shard);
  std::unique_ptr<Client> make_transactional(const Scenario::Workload& load,
                                             env::fake::FakeShard& shard,
                                             const std::string& number);
  /// Steps until `done` or a finding; false if `limit` passed before.
  template <class F>
  bool go_on_until(F done, Millis limit);
  void supervise();
  void begin_life();
  void end_life(DeathKind kind);
  void on_running();
  void check_image_now();
  void come_to_rest();
  void verify_now();
  void probe_state();
  RunReport report() const;

  const Scenario& scenario_;
  env::fake::World world_;
  env::fake::FakeDisk disk_;
  env::fake::FakeDisk client_disk_;
  std::unique_ptr<env::fake::FakeEnv> client_env_;
  Model model_;
  FaultPlan faults_;
  std::shared_ptr<const config::BrokerConfig> config_;
  std::vector<std::unique_ptr<Client>> clients_;
  Admin* admin_ = nullptr;
  std::unique_ptr<Verifier> verifier_;
  std::unique_ptr<StateProbe> state_probe_;
  std::unique_ptr<NodeProcess> node_;
  std::int64_t wall_jumped_ms_ = 0;
  bool was_running_ = false;
  bool gate_waits_ = false;  // for the verifier
  MonoTime next_life_;
  MonoTime next_image_check_;
  std::uint64_t deaths_ = 0;
  std::string last_lines_;
};

}  // namespace moldau::sim
