// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/types.h"
#include "env/metrics.h"
#include "machine/group/group_counts.h"

namespace moldau::coordinator {

/// The metrics of the group coordinators of one shard. Gauges are sums over the partitions it
/// coordinates; counters grow by what a partition counts more than before.
/// Path     GroupKind → this → env::Metrics.
/// Thread   shard-bound.
/// Bounds   one GroupCounts for each partition; series: a fixed number.
/// Source   GroupCoordinatorMetrics, GroupCoordinatorMetricsShard.
class GroupMetrics {
 public:
  explicit GroupMetrics(env::Metrics& metrics);

  /// What a machine counts now.
  void count(PartitionId partition, const group::GroupCounts& now);
  /// The machine has gone: what it counted as it is goes with it.
  void forget(PartitionId partition);

 private:
  using State = std::pair<std::string_view, std::string_view>;

  void change_gauges(const group::GroupCounts& counts, std::int64_t sign);

  std::map<PartitionId, group::GroupCounts> last_;
  std::map<std::string_view, env::Gauge*> of_protocol_;
  std::map<State, env::Gauge*> of_state_;
  std::map<std::string_view, env::Gauge*> of_manager_;
  std::map<std::string_view, env::Counter*> events_;
};

}  // namespace moldau::coordinator
