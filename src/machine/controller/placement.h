// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace moldau::controller {

/// Random numbers as an input: a stream that follows from one seed (splitmix64).
/// Thread   a value.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  /// Below `bound`, which is above 0.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  std::uint64_t state_;
};

/// A broker that replicas may be placed on: registered, not shutting down, not all cordoned.
struct UsableBroker {
  UsableBroker(NodeId i, std::optional<std::string> r, bool f)
      : id(i), rack(std::move(r)), fenced(f) {}
  NodeId id;
  std::optional<std::string> rack;
  bool fenced;
};

/// Chooses the brokers of `partitions` new partitions, the first of each being the leader to be.
///
/// Spreads over racks, leaders over all unfenced brokers; fenced ones are taken last.
/// Errors   kInvalidReplicationFactor: not positive, more than there are brokers, all fenced.
/// Source   StripedReplicaPlacer; KIP-455, KIP-36 (racks).
Result<std::vector<std::vector<NodeId>>> place_replicas(const std::vector<UsableBroker>& brokers,
                                                        std::int32_t partitions,
                                                        std::int32_t replication_factor,
                                                        Dice& dice);

}  // namespace moldau::controller
