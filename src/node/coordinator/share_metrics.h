// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/types.h"
#include "env/env.h"
#include "machine/share/share_partition.h"
#include "node/coordinator/load_metrics.h"

namespace moldau::coordinator {

/// The metrics of the share coordinators of one shard.
/// Path     ShareKind → this → env::Metrics.
/// Thread   shard-bound.
/// Bounds   a number and a series for each partition of the internal topic that is coordinated.
/// Source   ShareCoordinatorMetrics.
class ShareStateMetrics {
 public:
  explicit ShareStateMetrics(env::Metrics& metrics);

  /// `writes`: of the machine since it is there.
  void count(PartitionId partition, std::uint64_t writes);
  /// The log of the partition begins at `start` now.
  void pruned(PartitionId partition, Offset start);
  /// The machine has gone.
  void forget(PartitionId partition);

 private:
  env::Metrics& metrics_;
  env::Counter& writes_;
  std::map<PartitionId, std::uint64_t> last_;
};

/// What share consumers do with the partitions that are led here.
/// Path     SharePartitionHost and the handler of ShareFetch → this → env::Metrics.
/// Thread   shard-bound.
/// Bounds   a fixed number of series: Apache's label `group` is left out, as nothing bounds the
///          groups.
/// Source   ShareGroupMetrics.
class ShareGroupMetrics {
 public:
  /// Records by the type of their acknowledgement: gap, accept, release, reject, renew.
  using ByType = std::array<std::uint64_t, 5>;

  explicit ShareGroupMetrics(env::Metrics& metrics);

  static ByType by_type(const std::vector<share::Acknowledgement>& batches);
  void acknowledged(const ByType& records);
  void partition_loaded(Millis took);
  /// A fetch of `partitions` has acquired records of some of them, or has given up.
  void fetched(std::size_t acquired, std::size_t partitions, Millis took);

 private:
  /// Null for gaps.
  std::array<env::Counter*, 5> acknowledgements_{};
  env::Histogram& partition_load_ms_;
  env::Histogram& fetch_ratio_;
  env::Histogram& acquire_ms_;
};

}  // namespace moldau::coordinator
