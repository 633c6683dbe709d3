// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "env/env.h"

namespace moldau::coordinator {

/// The largest and the mean of the values of the last 30 to 60 seconds; NaN if there are none.
/// Thread   record() on the shard it names; reading anywhere, where a value that is being recorded
///          may be seen in part.
/// Source   org.apache.kafka.common.metrics.stats.{Max,Avg} with two samples of 30 seconds.
class RecentValues {
 public:
  RecentValues(env::Clock& clock, std::uint32_t shards) : clock_(clock), shards_(shards) {}
  /// With gauges `name`_max and `name`_avg that read it.
  static std::shared_ptr<RecentValues> shown_as(env::Env& env, const std::string& name);

  void record(env::ShardId shard, std::int64_t value);
  double largest() const;
  double mean() const;

 private:
  struct Sample {
    env::Gauge begun;
    env::Gauge count;
    env::Gauge sum;
    env::Gauge largest;
  };
  struct OfShard {
    std::array<Sample, 2> samples;
    std::size_t current = 0;
  };
  struct Total {
    std::int64_t count = 0;
    std::int64_t sum = 0;
    std::int64_t largest = 0;
  };
  Total total() const;

  env::Clock& clock_;
  std::deque<OfShard> shards_;
};

}  // namespace moldau::coordinator
