// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/types.h"
#include "env/logger.h"

namespace moldau::quorum {

/// How long the controller's decisions take: a slow one is logged at once, the others together
/// once in a while.
/// Thread   shard-bound.
/// Source   EventPerformanceMonitor.
class EventPerformance {
 public:
  EventPerformance(Millis always_log, Millis period) : always_log_(always_log), period_(period) {}

  void observe(std::string_view what, MonoTime began, MonoTime ended, env::Logger& logger);

 private:
  void tell(MonoTime now, env::Logger& logger);

  const Millis always_log_;
  const Millis period_;
  bool running_ = false;
  MonoTime since_;
  std::uint64_t count_ = 0;
  std::int64_t total_ns_ = 0;
  std::int64_t slowest_ns_ = 0;
  std::string_view slowest_;
};

}  // namespace moldau::quorum
