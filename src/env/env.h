// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "env/clock.h"
#include "env/disk.h"
#include "env/logger.h"
#include "env/metrics.h"
#include "env/shard.h"

namespace moldau::env {

/// Everything outside of a node: real in os/, lying in env/fake.
/// Owner    outlives the node.
/// Thread   any thread; shards as their own header says.
class Env {
 public:
  virtual ~Env() = default;
  virtual std::uint32_t shard_count() const = 0;
  virtual Shard& shard(ShardId id) = 0;
  virtual Disk& disk() = 0;
  virtual Clock& clock() = 0;
  virtual Logger& logger() = 0;
  virtual Metrics& metrics() = 0;
  /// What this process may use of the machine's memory.
  virtual std::uint64_t memory_bytes() const { return std::uint64_t{1} << 30; }
};

}  // namespace moldau::env
