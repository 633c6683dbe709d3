// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/types.h"

namespace moldau::client {

/// The partition of a key, as all of Kafka's clients choose it.
/// Source   BuiltInPartitioner.partitionForKey; murmur2 without its sign.
PartitionId partition_of_key(ByteView key, std::int32_t partitions);

/// Where records without a key go: to one partition until it has got a batch's bytes, then to
/// another one that is chosen so that partitions with long queues are chosen seldom.
///
/// Owner    the accumulator, one for each topic.
/// Thread   a value. Pure: random bits are inputs.
/// Source   KIP-794; BuiltInPartitioner.
class StickyPartitioner {
 public:
  /// How many batches wait for a partition; `available` says that it has a leader that is not
  /// slow (partitioner.availability.timeout.ms).
  struct Load {
    PartitionId partition;
    std::uint32_t queued = 0;
    bool available = true;
  };

  /// Learns the loads; partitions that are not available are passed over if any other is.
  void set_loads(std::span<const Load> loads, bool adaptive);
  /// The partition for the next record.
  PartitionId partition(std::uint64_t random);
  /// `bytes` were put there. Another one is chosen after `switch_bytes`, at once if the batch is
  /// full (so that no batch stays half full), at twice as many in any case.
  void produced(std::size_t bytes, std::size_t switch_bytes, bool batch_full);
  /// Else partition() chooses one, of the loads as they were set last.
  bool has_partition() const { return current_ >= 0; }

 private:
  std::vector<PartitionId> partitions_;
  std::vector<std::uint64_t> weights_;  // cumulated; empty: all are alike
  std::int64_t current_ = -1;
  std::size_t bytes_ = 0;
};

}  // namespace moldau::client
