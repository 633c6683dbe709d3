// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "env/task.h"
#include "log/compaction.h"
#include "node/replica/cleaner_pace.h"
#include "node/replica/hosted_partition.h"

namespace moldau::replica {

/// What a pass of the cleaner needs besides the log.
struct CompactionOrder {
  CompactionOrder() = default;
  /// The first dirty offset, as cleaner-offset-checkpoint has it.
  std::optional<Offset> checkpoint;
  log::CleanerLimits limits;
  /// Held between groups of segments; null: as fast as it goes.
  std::shared_ptr<CleanerPace> pace;
};

/// What came of it.
struct CompactionOutcome {
  CompactionOutcome() : result() {}
  /// kRequestTimedOut: broken off, to be tried again; kKafkaStorageError: the disk; others: this
  /// log cannot be cleaned.
  Result<void> result;
  /// Clean up to here; nothing if the pass did not come to its end.
  std::optional<Offset> end_offset;
  log::CompactionReport report;
};

/// Cleans one partition once: the steps of log::Compaction, each where it belongs.
///
/// Path     broker::LogCleaner → ReplicaHost::spawn → this → log::Compaction on the pools.
/// Owner    shares the partition, which is not given away meanwhile (HostedPartition::quiet).
/// Thread   the partition's shard.
/// Bounds   one pass per partition at a time; memory as CompactionOrder::limits.
/// Durable  as Compaction::publish.
env::Task<void> run_compaction(std::shared_ptr<HostedPartition> partition,
                               std::shared_ptr<const CompactionOrder> order,
                               std::shared_ptr<CompactionOutcome> outcome);

}  // namespace moldau::replica
