// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace moldau::partition {

/// What the metadata says of a partition, as far as its leader or follower must know it.
struct PartitionAssignment {
  PartitionAssignment();
  NodeId leader{-1};
  LeaderEpoch leader_epoch{-1};
  PartitionEpoch partition_epoch{-1};
  std::vector<NodeId> replicas;
  std::vector<NodeId> isr;
  bool recovering = false;
  /// Effective min.insync.replicas: never more than there are replicas.
  std::int32_t min_isr = 1;
};

/// A follower as its leader sees it.
struct FollowerState {
  Offset log_end_offset{-1};
  Offset log_start_offset{-1};
  BrokerEpoch broker_epoch{-1};
  MonoTime caught_up_at{0};
  MonoTime last_fetch_at{0};
  Offset leader_end_at_last_fetch{-1};
};

/// A wish of the leader: the ISR it wants the controller to write down.
struct AlterIsr {
  std::vector<NodeId> isr;
  LeaderEpoch leader_epoch;
  PartitionEpoch partition_epoch;
};

/// What follows from a step. To be done in this order: send alter_isr, then release answers
/// up to the high watermark.
struct PartitionEffects {
  bool high_watermark_moved = false;
  std::optional<AlterIsr> alter_isr;
};

/// The leader's and follower's view of one partition: ISR, high watermark, who may write.
///
/// Path     replica::HostedPartition feeds it; it decides, the host performs.
/// Thread   shard-bound value without IO or clock.
/// Bounds   one FollowerState per replica.
/// Source   kafka.cluster.Partition; KIP-966 (min ISR and the high watermark), KIP-903 (epochs).
class PartitionMachine {
 public:
  explicit PartitionMachine(NodeId self) : self_(self) {}

  /// A newer image. `log_end` is the local end of log at this moment.
  PartitionEffects apply(const PartitionAssignment& assignment, Offset log_end, MonoTime now);

  bool is_leader() const { return assignment_.leader == self_; }
  const PartitionAssignment& assignment() const { return assignment_; }
  Offset high_watermark() const { return high_watermark_; }
  /// After loading: the checkpointed value, never beyond the log.
  void restore_high_watermark(Offset offset, Offset log_start, Offset log_end);
  /// Where this leader's epoch begins in the log.
  Offset epoch_start() const { return epoch_start_; }

  /// The local log reached `end` (the flushed end where acks are durable).
  PartitionEffects local_end(Offset end);
  /// The log lost its tail or its beginning.
  void truncated(Offset log_start, Offset log_end);

  /// A follower asks for records from `fetch_offset`: it holds everything before.
  PartitionEffects follower_fetch(NodeId follower, BrokerEpoch epoch, Offset fetch_offset,
                                  Offset log_start, Offset leader_end, MonoTime now);
  /// Followers that lag longer than `lag_max` leave the ISR.
  PartitionEffects check_lag(Offset leader_end, MonoTime now, Millis lag_max);
  /// The controller refused or the answer was lost: back to what the image says.
  PartitionEffects alter_isr_failed();

  /// kNone if a produce with acks=all may begin, else kNotEnoughReplicas.
  ErrorCode may_append_all() const;
  /// kNone, kUnknownLeaderEpoch or kFencedLeaderEpoch for a caller that knows `epoch` (-1: none).
  ErrorCode check_leader_epoch(LeaderEpoch epoch) const;
  /// True once everything before `end` is on all replicas of the maximal ISR.
  bool committed(Offset end) const { return high_watermark_ >= end; }
  /// The answer of a committed acks=all append: the ISR may have shrunk meanwhile.
  ErrorCode committed_verdict() const;

 private:
  std::vector<NodeId> maximal_isr() const;
  PartitionEffects advance();
  bool may_join(const FollowerState& follower) const;

  NodeId self_;
  PartitionAssignment assignment_;
  std::optional<std::vector<NodeId>> wanted_isr_;  // sent to the controller, not yet in the image
  std::map<NodeId, FollowerState> followers_;
  Offset local_end_{0};
  Offset high_watermark_{0};
  Offset epoch_start_{0};
};

}  // namespace moldau::partition
