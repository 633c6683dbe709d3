// SPDX-License-Identifier: Apache-2.0
#include "node/quorum/event_performance.h"

#include <algorithm>

namespace moldau::quorum {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;

double millis_of(std::int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / kMillisecond;
}

}  // namespace

void EventPerformance::observe(std::string_view what, MonoTime began, MonoTime ended,
                               env::Logger& logger) {
  if (!running_) since_ = began;
  running_ = true;
  const std::int64_t took = ended.value() - began.value();
  if (took >= always_log_.value() * kMillisecond)
    logger.warn("controller", "exceptionally slow controller event kind={} took_ms={:.1f}", what,
                millis_of(took));
  ++count_;
  total_ns_ += took;
  if (took >= slowest_ns_) {
    slowest_ns_ = took;
    slowest_ = what;
  }
  if (ended >= since_ + period_) tell(ended, logger);
}

void EventPerformance::tell(MonoTime now, env::Logger& logger) {
  logger.info("controller",
              "controller events count={} in_ms={:.0f} average_ms={:.3f} slowest_ms={:.3f} "
              "slowest={}",
              count_, millis_of(now.value() - since_.value()),
              millis_of(total_ns_ / static_cast<std::int64_t>(count_)), millis_of(slowest_ns_),
              slowest_);
  since_ = now;
  count_ = 0;
  total_ns_ = 0;
  slowest_ns_ = 0;
}

}  // namespace moldau::quorum
