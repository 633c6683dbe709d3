// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "base/types.h"
#include "env/env.h"
#include "node/coordinator/load_metrics.h"

namespace moldau::coordinator {

/// The metrics of the transaction coordinators of one shard, and of who asks them.
/// Path     TxnKind and the handlers of Produce and TxnOffsetCommit → this → env::Metrics.
/// Thread   shard-bound.
/// Bounds   a number for each partition that is coordinated; a fixed number of series.
/// Source   TransactionStateManager, TransactionMarkerChannelManager, AddPartitionsToTxnManager.
///          There is no queue of completions to be appended again: a coordinator whose append
///          fails is loaded anew.
class TxnMetrics {
 public:
  TxnMetrics(env::Metrics& metrics, std::shared_ptr<RecentValues> recent_loads, env::ShardId shard);
  static std::shared_ptr<RecentValues> recent_loads_of(env::Env& env);

  void loaded(Millis took) { loads_.loaded(took); }
  /// Markers of this partition's transactions that wait for a leader.
  void count(PartitionId partition, std::size_t markers_without_leader);
  void forget(PartitionId partition);
  /// A coordinator has said, so much later, of how many partitions it does not know.
  void verified(Millis took, std::size_t refused);

 private:
  LoadTimes loads_;
  env::Gauge& unknown_destination_;
  env::Histogram& verification_ms_;
  env::Counter& verification_failures_;
  std::map<PartitionId, std::int64_t> last_;
};

}  // namespace moldau::coordinator
