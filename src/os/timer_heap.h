// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "env/shard.h"

namespace moldau::os {

/// Timers of one shard, the earliest on top; equal times fire in the order they were set.
/// Thread   shard-bound.
/// Bounds   one slot of 100 bytes per pending timer; slots are used again.
class TimerHeap {
 public:
  env::TimerId add(MonoTime when, Callback callback);
  /// False if it has fired or was cancelled.
  bool cancel(env::TimerId timer);
  /// Takes the earliest timer if it is due.
  std::optional<Callback> take_due(MonoTime now);
  std::optional<MonoTime> next() const;
  std::size_t size() const { return heap_.size(); }

 private:
  struct Slot {
    MonoTime when;
    std::uint64_t order = 0;
    Callback callback;
    std::uint32_t place = 0;       // in heap_, while used
    std::uint32_t generation = 1;  // told apart from earlier users of the slot
  };
  bool earlier(std::uint32_t a, std::uint32_t b) const;
  void put(std::size_t place, std::uint32_t slot);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  Callback remove_at(std::size_t place);

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> heap_;
  std::uint64_t order_ = 0;
};

}  // namespace moldau::os
