// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>

#include "env/env.h"
#include "node/broker/lifecycle_host.h"
#include "node/quorum/quorum.h"

namespace moldau::broker {

/// Gives out producer ids from blocks that the controller allocates.
///
/// Owner    node/assembly.
/// Thread   shard 0.
/// Bounds   kWaitingMax requests wait for a block.
/// Durable  an id is given out at most once: blocks are committed before any id of theirs.
/// Errors   kCoordinatorLoadInProgress: no block could be had now; clients retry.
/// Source   RPCProducerIdManager, KIP-730.
class ProducerIds {
 public:
  static constexpr std::size_t kWaitingMax = 10'000;
  using Taken = UniqueFunction<void(Result<ProducerId>)>;

  /// `patience`: how long the controller may take (request.timeout.ms).
  ProducerIds(env::Env& env, NodeId self, LifecycleHost& lifecycle, quorum::Quorum& quorum,
              Millis patience);

  /// `taken` may be called at once.
  void take(Taken taken);

 private:
  env::Task<void> allocate();
  void serve_waiting(const Error* error);

  env::Env& env_;
  env::Shard& shard_;
  NodeId self_;
  LifecycleHost& lifecycle_;
  quorum::Quorum& quorum_;
  Millis patience_;
  std::int64_t next_ = 0;
  std::int64_t end_ = 0;
  bool allocating_ = false;
  std::deque<Taken> waiting_;
  env::TaskScope tasks_;
};

}  // namespace moldau::broker
