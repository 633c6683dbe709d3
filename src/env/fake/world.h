// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/types.h"
#include "base/unique_function.h"
#include "env/fake/seeded_random.h"

namespace moldau::env::fake {

class Network;

/// Time, chance and the queue of what will happen, for all machines of one run. Nothing happens
/// but in step(); events of one moment come in an order the seed chooses.
///
/// Owner    a test or the simulator; outlives all disks and processes in it.
/// Thread   one thread.
/// Bounds   none of its own: what happens is bounded by who schedules.
class World {
 public:
  explicit World(std::uint64_t seed);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  MonoTime now() const { return now_; }
  /// Milliseconds since 1970 as a right clock would show them.
  Timestamp wall() const;
  SeededRandom& random() { return random_; }
  Network& network() { return *network_; }

  /// `event` will run at `when` (now, if that has passed).
  void at(MonoTime when, Callback event);
  /// Runs the next event and moves time to it; false if there is none.
  bool step();
  /// Runs what happens until `end`, and moves time there.
  void run_until(MonoTime end);
  void run_for(Millis span) { run_until(now_ + span); }
  /// Runs until done() says so (asked before each event); false once `limit` has passed.
  template <class F>
  bool run_while(F done, Millis limit) {
    const MonoTime end = now_ + limit;
    while (!done()) {
      if (queue_.empty() || queue_.front().when > end) return false;
      step();
    }
    return true;
  }
  std::uint64_t events() const { return events_; }

  /// Everything that can differ between two runs goes into the hash.
  void trace(std::uint64_t what, std::uint64_t value) {
    trace_.add(what);
    trace_.add(value);
  }
  std::uint64_t trace_hash() const { return trace_.value(); }

 private:
  struct Event {
    MonoTime when;
    std::uint64_t tie;
    Callback run;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.when != b.when ? a.when > b.when : a.tie > b.tie;
    }
  };

  MonoTime now_{1'000'000'000};
  std::uint64_t events_ = 0;
  SeededRandom random_;
  SeededRandom ties_;
  TraceHash trace_;
  std::vector<Event> queue_;  // a heap
  std::unique_ptr<Network> network_;
};

}  // namespace moldau::env::fake
