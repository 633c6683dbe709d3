// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/types.h"
#include "env/env.h"
#include "node/coordinator/recent_values.h"

namespace moldau::coordinator {

/// Where a coordinator of one partition is in its life. Failed: its log cannot be read.
enum class LoadState : std::uint8_t { kNone, kLoading, kActive, kFailed };

/// How long the partitions of an internal topic took to load.
/// Thread   bound to the shard that it names.
class LoadTimes {
 public:
  /// `sensors`: what the names begin with; `recent`: of all shards.
  LoadTimes(env::Metrics& metrics, const std::string& sensors, std::shared_ptr<RecentValues> recent,
            env::ShardId shard);
  static std::shared_ptr<RecentValues> recent_of(env::Env& env, const std::string& sensors) {
    return RecentValues::shown_as(env, sensors + "partition_load_time");
  }

  void loaded(Millis took);

 private:
  std::shared_ptr<RecentValues> recent_;
  env::ShardId shard_;
  env::Counter& loads_;
  env::Counter& load_ms_;
};

/// The metrics of the host of one kind of machine on one shard.
/// Thread   shard-bound.
/// Source   CoordinatorRuntimeMetricsImpl. What it says of the queues, threads and buffers of
///          Apache's runtime has no match here.
class RuntimeMetrics {
 public:
  RuntimeMetrics(env::Metrics& metrics, const std::string& sensors,
                 std::shared_ptr<RecentValues> recent_loads, env::ShardId shard);

  void changed(LoadState from, LoadState to);
  void loaded(Millis took) { times_.loaded(took); }
  /// A batch is committed, or is known not to be, so long after it was decided.
  void committed(Millis after);

 private:
  LoadTimes times_;
  /// By LoadState; null for kNone.
  std::array<env::Gauge*, 4> partitions_{};
  env::Histogram& purgatory_;
};

}  // namespace moldau::coordinator
