// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/types.h"

namespace moldau::security {

/// How long the past is that a quota looks at: `samples` windows (quota.window.num and
/// quota.window.size.seconds, or those of the controller).
struct QuotaWindow {
  QuotaWindow() = default;
  QuotaWindow(std::int32_t count, Millis each) : samples(count), size(each) {}
  std::int32_t samples = 11;
  Millis size{1000};
};

/// The rate per second of what was recorded, over the samples of a QuotaWindow.
/// Times may come a little out of order, as they do from several shards.
/// Thread   a value. Pure: time is given, in milliseconds of any clock.
/// Bounds   samples + 1 of 24 bytes.
/// Source   Rate, SampledStat and WindowedSum of org.apache.kafka.common.metrics.
class QuotaRate {
 public:
  void record(double value, Millis now, const QuotaWindow& window);
  double per_second(Millis now, const QuotaWindow& window);
  /// The time over which per_second() averages: never less than all but one of the samples.
  Millis measured(Millis now, const QuotaWindow& window);
  /// How long to pause until the rate is `limit` again; 0 if it is not above.
  Millis throttle(double limit, Millis now, const QuotaWindow& window);

 private:
  struct Sample {
    explicit Sample(Millis now) : start(now), last(now) {}
    Millis start;
    Millis last;
    double sum = 0;
    void reset(Millis now) { *this = Sample(now); }
  };
  Sample& current(Millis now);
  Sample& advance(Millis now, const QuotaWindow& window);
  void purge(Millis now, const QuotaWindow& window);

  std::vector<Sample> samples_;
  std::size_t current_ = 0;
};

/// Tokens that come in at `limit` per second, at most those of a whole QuotaWindow; what is
/// taken beyond leaves it in debt.
/// Thread   a value. Pure.
/// Source   TokenBucket of org.apache.kafka.common.metrics; KIP-599.
class QuotaTokens {
 public:
  double left(double limit, Millis now, const QuotaWindow& window);
  void take(double tokens, double limit, Millis now, const QuotaWindow& window);
  /// How long until the debt is paid; 0 without one.
  Millis throttle(double limit, Millis now, const QuotaWindow& window);

 private:
  double tokens_ = 0;
  Millis updated_{0};
  bool filled_ = false;
};

}  // namespace moldau::security
