// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "machine/share/state_batch.h"

namespace moldau::share {

/// Whose a record is; nullptr: nobody's.
using MemberName = std::shared_ptr<const std::string>;

/// What is to be written; 0: nothing is under way.
using TransitionId = Strong<struct TransitionIdTag, std::uint64_t>;

/// The fate of a record that is neither before the start nor behind the end.
/// Thread   a value.
struct InFlightState {
  InFlightState() = default;
  InFlightState(DeliveryState s, std::int16_t count, MemberName m = nullptr,
                std::optional<MonoTime> lock = std::nullopt)
      : state(s), delivery_count(count), member(std::move(m)), lock_until(lock) {}

  DeliveryState state = DeliveryState::kAvailable;
  std::int16_t delivery_count = 0;
  MemberName member;
  /// Of an acquired record: then it becomes available again.
  std::optional<MonoTime> lock_until;
  /// The state is being written. If that fails, it is `before` again.
  TransitionId transition{0};
  DeliveryState before = DeliveryState::kAvailable;
  MemberName member_before;
  /// Fell behind the start meanwhile: stays archived whatever comes.
  bool final = false;

  bool under_way() const { return transition.value() != 0; }
  bool is_free() const { return state == DeliveryState::kAvailable && !under_way(); }
  bool is_of(std::string_view name) const { return member && *member == name; }
  bool operator==(const InFlightState&) const = default;

  void begin(TransitionId id, DeliveryState next, std::int16_t delivery_limit);
  void finish(bool written, MonoTime now, std::int16_t delivery_limit);
  void archive();
  /// A lock has run out, or its member has gone.
  void release(DeliveryState next, std::int16_t delivery_limit);
};

/// Offsets in a row with the same fate.
struct InFlightRun {
  InFlightRun(Offset f, Offset l, InFlightState s) : first(f), last(l), state(std::move(s)) {}
  Offset first;
  Offset last;
  InFlightState state;
  std::int64_t count() const { return last - first + 1; }
};

/// Records that were acquired together for the first time, or read from the stored state. Treated
/// as one until a part of it goes its own way.
///
/// Thread   a value.
/// Bounds   as many runs as there are different neighbours, not one per offset.
/// Source   InFlightBatch, InFlightState of Apache, which keeps a map entry per offset.
class InFlightBatch {
 public:
  InFlightBatch(Offset first, Offset last, InFlightState state)
      : runs_{InFlightRun(first, last, std::move(state))} {}

  Offset first() const { return runs_.front().first; }
  Offset last() const { return runs_.back().last; }
  std::int64_t count() const { return last() - first() + 1; }
  /// Its offsets are treated each for itself, from now on.
  bool by_offset() const { return by_offset_; }
  void treat_by_offset() { by_offset_ = true; }
  /// Only while the batch is one.
  InFlightState& whole() { return runs_.front().state; }
  const InFlightState& whole() const { return runs_.front().state; }
  const std::vector<InFlightRun>& runs() const { return runs_; }
  std::vector<InFlightRun>& runs() { return runs_; }

  /// The runs that make up [first, last] of it exactly; others are cut at these borders.
  /// The pointers hold until the next call.
  std::vector<InFlightRun*> cut(Offset first, Offset last);
  /// Joins neighbours of the same fate.
  void join();
  const InFlightState& at(Offset offset) const;

 private:
  void cut_before(Offset offset);

  std::vector<InFlightRun> runs_;
  bool by_offset_ = false;
};

using InFlightBatches = std::map<Offset, InFlightBatch>;

}  // namespace moldau::share
