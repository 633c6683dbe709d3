// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace moldau::env {

/// Random bits: of the kernel in production, of the seed in the simulator.
/// Thread   shard-bound.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
  /// A number in [0, bound); bound > 0. Bias below 2^-32 for any bound we use.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
};

}  // namespace moldau::env
