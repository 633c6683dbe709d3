// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "env/env.h"
#include "node/broker/lifecycle_host.h"
#include "node/quorum/quorum.h"

namespace moldau::broker {

/// A replica and the log dir it lies in, or is about to.
struct DirectoryAssignment {
  TopicIdPartition partition;
  DirectoryId directory;
};

/// Tells the controller in which log dirs replicas lie (AssignReplicasToDirs).
///
/// Owner    node/assembly.
/// Thread   shard 0.
/// Bounds   kAtOnce assignments per request.
/// Durable  an assignment that was accepted is committed.
/// Source   KIP-858; AssignmentsManager.
class DirectoryAssigner {
 public:
  static constexpr std::size_t kAtOnce = 2'250;

  DirectoryAssigner(env::Env& env, NodeId self, LifecycleHost& lifecycle, quorum::Quorum& quorum);

  /// Until the controller has taken them or does not know them; logs what goes wrong.
  void assign_all(std::vector<DirectoryAssignment> assignments);
  /// Once. Errors: the controller's for the request or this partition; kRequestTimedOut.
  env::Task<Result<void>> assign(TopicIdPartition partition, DirectoryId directory);
  /// No more is sent.
  void stop() { stopping_ = true; }

 private:
  using Codes = std::vector<ErrorCode>;
  env::Task<void> run(std::vector<DirectoryAssignment> assignments);
  env::Task<Result<Codes>> send(const std::vector<DirectoryAssignment>* assignments);

  env::Env& env_;
  env::Shard& shard_;
  NodeId self_;
  LifecycleHost& lifecycle_;
  quorum::Quorum& quorum_;
  bool stopping_ = false;
  env::TaskScope tasks_;
};

}  // namespace moldau::broker
