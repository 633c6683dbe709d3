// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "client/cluster.h"
#include "client/guard.h"
#include "client/turns.h"
#include "machine/client/fetch_machine.h"

namespace moldau::client {

struct ConsumerOptions {
  FetchOptions fetch;
  OffsetReset reset;
  std::int32_t min_bytes = 1;
  std::int32_t max_bytes = 50 << 20;
  Millis max_wait{500};
  Millis request_timeout{30'000};
  std::string rack;
};

/// Hosts a FetchMachine: asks for topics, offsets and records.
///
/// Path     machine().assign → wake → turn → Cluster::call → machine().read by whoever consumes.
/// Owner    a tool, or the façade of the library; borrows cluster and guard. When it is destroyed
///          nothing is called any more.
/// Thread   shard-bound, but for what the guard protects: machine().
/// Bounds   as FetchMachine.
class Consumer {
 public:
  /// `news` is called when there may be records or troubles.
  Consumer(Cluster& cluster, ConsumerOptions options, Guard& guard, Callback news);
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  /// Under the guard.
  FetchMachine& machine() { return machine_; }
  /// Positions, the assignment or what waits has changed.
  void wake() { turns_.wake(); }

 private:
  void turn();
  env::Task<void> fetch(FetchPlan plan);
  env::Task<void> reset(ResetPlan plan);
  env::Task<void> ask_topics();

  Cluster& cluster_;
  const ConsumerOptions options_;
  Guard& guard_;
  Callback news_;
  FetchMachine machine_;
  std::set<std::string> wanted_topics_;
  bool asking_topics_ = false;
  MonoTime refreshed_at_;
  Turns turns_;
  env::TaskScope scope_;
};

}  // namespace moldau::client
