// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/types.h"

namespace moldau::share {

/// What has become of a record. The numbers are in records and on the wire.
enum class DeliveryState : std::int8_t {
  kAvailable = 0,
  kAcquired = 1,
  kAcknowledged = 2,
  kArchiving = 3,
  kArchived = 4,
};

constexpr bool is_known_state(std::int8_t number) {
  return number >= 0 && number <= 4;
}
/// Nobody will get the record again.
constexpr bool is_terminal(DeliveryState state) {
  return state == DeliveryState::kAcknowledged || state == DeliveryState::kArchived;
}

/// Records that share their fate, first and last included.
/// Thread   a value.
struct StateBatch {
  StateBatch() = default;
  StateBatch(Offset f, Offset l, DeliveryState s, std::int16_t count)
      : first(f), last(l), state(s), delivery_count(count) {}

  Offset first{0};
  Offset last{0};
  DeliveryState state = DeliveryState::kAvailable;
  std::int16_t delivery_count = 0;
  bool operator==(const StateBatch&) const = default;
};

/// `added` over `so_far`, sorted: where they overlap, more deliveries win, then the later state.
/// Neighbours of the same fate become one. What lies before `start` is cut off, unless it is -1.
/// Bounds   n log n for n batches.
/// Source   PersisterStateBatchCombiner, with the same output.
std::vector<StateBatch> combine_state_batches(const std::vector<StateBatch>& so_far,
                                              const std::vector<StateBatch>& added, Offset start);

}  // namespace moldau::share
