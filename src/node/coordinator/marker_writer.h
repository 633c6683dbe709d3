// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_function.h"
#include "machine/image/image.h"
#include "node/coordinator/group_coordinators.h"
#include "node/replica/replica_host.h"

namespace moldau::coordinator {

/// The end of one producer's transaction.
struct TransactionMarker {
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  LeaderEpoch coordinator_epoch;
  bool commit = false;
  std::int8_t transaction_version = 0;
};

struct MarkerOutcome {
  TopicPartition partition;
  ErrorCode error = ErrorCode::kNone;
};

/// Writes transaction markers into the partitions that this node leads.
///
/// Path     TxnCoordinators and handler/write_txn_markers → HostedPartition, and the group
///          coordinator of partitions of `__consumer_offsets`.
/// Owner    node/assembly.
/// Thread   write() from any shard; `done` on that shard.
/// Durable  an outcome without error: the marker is committed.
/// Errors   kUnknownTopicOrPartition, kNotLeaderOrFollower, kInvalidProducerEpoch,
///          kTransactionCoordinatorFenced, kCoordinatorLoadInProgress, kKafkaStorageError.
class MarkerWriter {
 public:
  using Done = UniqueFunction<void(std::vector<MarkerOutcome>)>;

  MarkerWriter(replica::ReplicaSet& replicas, GroupCoordinators& groups)
      : replicas_(replicas), groups_(groups) {}

  void write(env::Shard& here, const image::ImagePtr& image, const TransactionMarker& marker,
             std::vector<TopicPartition> partitions, MonoTime deadline, Done done);

 private:
  struct Gathering;
  void write_one(const std::shared_ptr<Gathering>& gathering, std::size_t index,
                 const TopicIdPartition& id, bool is_offsets);

  replica::ReplicaSet& replicas_;
  GroupCoordinators& groups_;
};

}  // namespace moldau::coordinator
