// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/load_metrics.h"

#include <algorithm>
#include <utility>

namespace moldau::coordinator {
namespace {

std::uint64_t at_least_none(Millis time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.value(), 0));
}

}  // namespace

LoadTimes::LoadTimes(env::Metrics& metrics, const std::string& sensors,
                     std::shared_ptr<RecentValues> recent, env::ShardId shard)
    : recent_(std::move(recent)),
      shard_(shard),
      loads_(metrics.counter(sensors + "partition_loads_total")),
      load_ms_(metrics.counter(sensors + "partition_load_time_ms_total")) {}

void LoadTimes::loaded(Millis took) {
  loads_.add();
  load_ms_.add(at_least_none(took));
  recent_->record(shard_, took.value());
}

RuntimeMetrics::RuntimeMetrics(env::Metrics& metrics, const std::string& sensors,
                               std::shared_ptr<RecentValues> recent_loads, env::ShardId shard)
    : times_(metrics, sensors, std::move(recent_loads), shard),
      purgatory_(metrics.histogram(sensors + "event_purgatory_time_ms")) {
  for (const auto& [state, label] : {std::pair(LoadState::kLoading, "state=\"loading\""),
                                     std::pair(LoadState::kActive, "state=\"active\""),
                                     std::pair(LoadState::kFailed, "state=\"failed\"")})
    partitions_[static_cast<std::size_t>(state)] =
        &metrics.gauge(sensors + "num_partitions", label);
}

void RuntimeMetrics::changed(LoadState from, LoadState to) {
  if (env::Gauge* gauge = partitions_[static_cast<std::size_t>(from)]) gauge->add(-1);
  if (env::Gauge* gauge = partitions_[static_cast<std::size_t>(to)]) gauge->add(1);
}

void RuntimeMetrics::committed(Millis after) {
  purgatory_.record(at_least_none(after));
}

}  // namespace moldau::coordinator
