// SPDX-License-Identifier: Apache-2.0
// SharePartition: what members say of their records.
#include <algorithm>

#include "machine/share/share_partition.h"

namespace moldau::share {

/// One request: all of it happens, or nothing.
struct SharePartition::Acknowledging {
  Acknowledging(const SharePartitionSettings& s, std::string_view m, MonoTime n)
      : settings(s), member(m), now(n) {}
  const SharePartitionSettings& settings;
  std::string_view member;
  MonoTime now;
  TransitionId id{0};
  std::vector<StateBatch> changed;
  ErrorCode error = ErrorCode::kNone;
  std::string message;

  bool refuse(ErrorCode code, const char* why) {
    error = code;
    message = why;
    return false;
  }
  bool is_refused() const { return error != ErrorCode::kNone; }
};

namespace {

constexpr auto kBadState = ErrorCode::kInvalidRecordState;

std::optional<DeliveryState> state_after(std::int8_t type) {
  switch (static_cast<AcknowledgeType>(type)) {
    case AcknowledgeType::kGap:
    case AcknowledgeType::kReject:
      return DeliveryState::kArchived;
    case AcknowledgeType::kAccept:
      return DeliveryState::kAcknowledged;
    case AcknowledgeType::kRelease:
      return DeliveryState::kAvailable;
    case AcknowledgeType::kRenew:
      break;
  }
  return std::nullopt;
}

bool types_are_sound(const Acknowledgement& one) {
  const bool counts = one.types.size() == 1 ||
                      static_cast<std::int64_t>(one.types.size()) == one.last - one.first + 1;
  return counts && one.first.value() >= -1 && one.first <= one.last &&
         std::all_of(one.types.begin(), one.types.end(), [](std::int8_t type) {
           return type >= 0 && type <= static_cast<std::int8_t>(AcknowledgeType::kRenew);
         });
}

}  // namespace

AcknowledgeOutcome SharePartition::acknowledge(const SharePartitionSettings& settings,
                                               std::string_view member,
                                               const std::vector<Acknowledgement>& batches,
                                               MonoTime now) {
  Acknowledging ack(settings, member, now);
  ack.id = TransitionId(++last_transition_);
  for (const Acknowledgement& one : batches) {
    if (!types_are_sound(one)) {
      (void)ack.refuse(ErrorCode::kInvalidRequest, "Invalid acknowledge type");
    } else if (one.last >= start_offset_) {
      acknowledge_batch(ack, one);
    }
    if (ack.is_refused()) break;
  }
  return finish(ack, now);
}

void SharePartition::acknowledge_batch(Acknowledging& ack, const Acknowledgement& one) {
  auto at = floor(one.first);
  if (at == batches_.end() && one.first < start_offset_) at = floor(start_offset_);
  if (at == batches_.end()) {
    (void)ack.refuse(kBadState,
                     "Batch record not found. The request batch offsets are not found "
                     "in the cache.");
    return;
  }
  const auto end = batches_.upper_bound(one.last);
  const Offset known_last = std::prev(end)->second.last();
  if (known_last < one.first || one.last > known_last) {
    (void)ack.refuse(ErrorCode::kInvalidRequest,
                     known_last < one.first
                         ? "Batch record not found. The first offset in request is past acquired "
                           "records."
                         : "Batch record not found. The last offset in request is past acquired "
                           "records.");
    return;
  }
  for (; at != end; ++at) {
    InFlightBatch& batch = at->second;
    if (batch.last() < start_offset_) continue;
    const bool is_within = batch.first() >= one.first && batch.last() <= one.last;
    const bool spans_start = batch.first() < start_offset_;
    if (!batch.by_offset()) {
      const InFlightState& state = batch.whole();
      if (!state.member) {
        (void)ack.refuse(kBadState,
                         "The batch cannot be acknowledged. The batch is not in the "
                         "acquired state.");
      } else if (!state.is_of(ack.member)) {
        (void)ack.refuse(kBadState, "Member is not the owner of batch record");
      } else if (state.under_way()) {
        (void)ack.refuse(kBadState,
                         "The record state is invalid. The acknowledgement of delivery "
                         "could not be completed.");
      } else if (state.state != DeliveryState::kAcquired) {
        (void)ack.refuse(kBadState,
                         "The batch cannot be acknowledged. The batch is not in the "
                         "acquired state.");
      }
      if (ack.is_refused()) return;
    }
    const bool is_one = is_within && !batch.by_offset() && one.types.size() == 1 && !spans_start;
    const bool done = is_one ? acknowledge_whole(ack, batch, one.types.front())
                             : acknowledge_part(ack, batch, one);
    if (!done) return;
  }
}

bool SharePartition::acknowledge_whole(Acknowledging& ack, InFlightBatch& batch, std::int8_t type) {
  return begin(ack, batch.runs().front(), type);
}

/// False if it is refused.
bool SharePartition::begin(Acknowledging& ack, InFlightRun& run, std::int8_t type) {
  if (type == static_cast<std::int8_t>(AcknowledgeType::kRenew)) {
    if (!ack.settings.may_renew)
      return ack.refuse(kBadState, "Renewing acquisition locks is not enabled for the group.");
    run.state.lock_until = ack.now + ack.settings.lock_duration;
    note_lock(*run.state.lock_until);
    return true;
  }
  const std::optional<DeliveryState> next = state_after(type);
  if (!next) return ack.refuse(ErrorCode::kInvalidRequest, "Unknown acknowledge type");
  begin_transition(ack, run, *next);
  return true;
}

void SharePartition::begin_transition(Acknowledging& ack, InFlightRun& run, DeliveryState next) {
  run.state.begin(ack.id, next, ack.settings.delivery_limit);
  const bool joins = !ack.changed.empty() && ack.changed.back().last + 1 == run.first &&
                     ack.changed.back().state == run.state.state &&
                     ack.changed.back().delivery_count == run.state.delivery_count;
  if (joins) {
    ack.changed.back().last = run.last;
  } else {
    ack.changed.emplace_back(run.first, run.last, run.state.state, run.state.delivery_count);
  }
  if (is_terminal(run.state.state))
    complete_count_ += static_cast<std::int32_t>(counted(run.first, run.last));
}

bool SharePartition::acknowledge_part(Acknowledging& ack, InFlightBatch& batch,
                                      const Acknowledgement& one) {
  batch.treat_by_offset();
  const Offset end = std::min(batch.last(), one.last);
  Offset at = std::max({batch.first(), one.first, start_offset_});
  while (at <= end) {
    // As far as the type is the same.
    std::size_t index = one.types.size() == 1 ? 0 : static_cast<std::size_t>(at - one.first);
    const std::int8_t type = one.types[index];
    Offset same = at;
    if (one.types.size() == 1) {
      same = end;
    } else {
      while (same < end && one.types[++index] == type) ++same;
    }
    for (InFlightRun* run : batch.cut(at, same)) {
      const InFlightState& state = run->state;
      if (state.state != DeliveryState::kAcquired)
        return ack.refuse(kBadState,
                          "The offset cannot be acknowledged. The offset is not acquired.");
      if (state.under_way())
        return ack.refuse(kBadState,
                          "The record state is invalid. The acknowledgement of "
                          "delivery could not be completed.");
      if (!state.is_of(ack.member))
        return ack.refuse(kBadState, "Member is not the owner of offset");
      if (!begin(ack, *run, type)) return false;
    }
    at = same + 1;
  }
  batch.join();
  return true;
}

AcknowledgeOutcome SharePartition::release_member(const SharePartitionSettings& settings,
                                                  std::string_view member) {
  Acknowledging ack(settings, member, MonoTime(0));
  ack.id = TransitionId(++last_transition_);
  for (auto& [first, batch] : batches_) {
    const auto is_held = [&](const InFlightRun& run) {
      return run.state.state == DeliveryState::kAcquired && !run.state.under_way() &&
             run.state.is_of(member);
    };
    if (std::none_of(batch.runs().begin(), batch.runs().end(), is_held)) continue;
    if (first < start_offset_ && batch.last() >= start_offset_) {
      batch.treat_by_offset();
      (void)batch.cut(start_offset_, batch.last());
    }
    for (InFlightRun& run : batch.runs()) {
      if (!is_held(run)) continue;
      begin_transition(
          ack, run,
          run.last < start_offset_ ? DeliveryState::kArchived : DeliveryState::kAvailable);
    }
  }
  return finish(ack, MonoTime(0));
}

AcknowledgeOutcome SharePartition::finish(Acknowledging& ack, MonoTime now) {
  AcknowledgeOutcome out;
  out.error = ack.error;
  out.message = std::move(ack.message);
  if (ack.is_refused()) {
    complete(ack.id, ack.changed, false, ack.settings, now);
    return out;
  }
  if (ack.changed.empty()) return out;
  transitions_.emplace(ack.id, ack.changed);
  out.write = to_write(ack.id, std::move(ack.changed));
  return out;
}

}  // namespace moldau::share
