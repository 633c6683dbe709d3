// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "env/env.h"
#include "log/log_view.h"

namespace moldau::replica {

struct ReadOutcome;

/// A read that would have waited for the device: the pool does it, and then, with everything in
/// memory, it is done once more where it belongs.
struct ColdRead {
  log::LogView view;
  log::ReadRequest request;
  env::PoolId pool;

  /// *Blocking.* Reads all that the read needs, its records included, and says how many bytes
  /// those are. An error is met again, and judged, by the read that follows.
  std::uint64_t warm() const;
};

using ColdReads = std::vector<std::shared_ptr<const ColdRead>>;

/// The cold ones of a fetch, in the order of its answer; without those behind a full answer.
ColdReads cold_reads_of(const std::vector<ReadOutcome>& outcomes, std::uint32_t bytes_max);

/// Warms them, each on its pool, until an answer of `bytes_max` is full.
/// Thread   shard-bound; `shard` is the caller's.
env::Task<void> warm(env::Shard* shard, ColdReads reads, std::uint32_t bytes_max);

}  // namespace moldau::replica
