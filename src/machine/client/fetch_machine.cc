// SPDX-License-Identifier: Apache-2.0
#include "machine/client/fetch_machine.h"

#include <algorithm>
#include <limits>

namespace moldau::client {
namespace {

constexpr MonoTime kNever{std::numeric_limits<std::int64_t>::max()};
constexpr Timestamp kLatestTimestamp{-1};
constexpr Timestamp kEarliestTimestamp{-2};

Timestamp timestamp_of(const OffsetReset& reset) {
  if (reset.kind == OffsetReset::Kind::kEarliest) return kEarliestTimestamp;
  if (reset.kind == OffsetReset::Kind::kTimestamp) return reset.timestamp;
  return kLatestTimestamp;
}

}  // namespace

// ---- What is read

FetchMachine::State* FetchMachine::find(const TopicPartition& partition) {
  const auto found = states_.find(partition);
  return found == states_.end() ? nullptr : &found->second;
}
const FetchMachine::State* FetchMachine::find(const TopicPartition& partition) const {
  const auto found = states_.find(partition);
  return found == states_.end() ? nullptr : &found->second;
}

void FetchMachine::assign(const std::set<TopicPartition>& partitions) {
  std::erase_if(states_, [&](const auto& one) { return !partitions.contains(one.first); });
  std::erase_if(waiting_, [&](const Waiting& one) { return !partitions.contains(one.partition); });
  for (const TopicPartition& partition : partitions) states_.try_emplace(partition);
}

void FetchMachine::drop_waiting(const TopicPartition& partition) {
  std::erase_if(waiting_, [&](const Waiting& one) { return one.partition == partition; });
  if (State* state = find(partition)) state->waiting = 0;
}

void FetchMachine::finish_front() {
  if (State* state = find(waiting_.front().partition); state && state->waiting > 0)
    --state->waiting;
  waiting_.pop_front();
}

void FetchMachine::seek(const TopicPartition& partition, Offset offset, LeaderEpoch epoch) {
  State* state = find(partition);
  if (!state) return;
  drop_waiting(partition);
  state->position = offset;
  state->epoch = epoch;
  state->reset.reset();
  state->resetting = false;
  state->not_before = MonoTime(0);
}

void FetchMachine::begin_reset(State& state, OffsetReset where) {
  state.position.reset();
  state.epoch = LeaderEpoch(-1);
  state.reset = where;
  state.resetting = false;
}

void FetchMachine::seek_to(const TopicPartition& partition, OffsetReset where) {
  State* state = find(partition);
  if (!state) return;
  drop_waiting(partition);
  begin_reset(*state, where);
  state->not_before = MonoTime(0);
}

void FetchMachine::pause(const TopicPartition& partition, bool paused) {
  if (State* state = find(partition)) state->paused = paused;
}

std::optional<Offset> FetchMachine::position(const TopicPartition& partition) const {
  const State* state = find(partition);
  return state ? state->position : std::nullopt;
}

std::optional<std::int64_t> FetchMachine::lag(const TopicPartition& partition) const {
  const State* state = find(partition);
  if (!state || !state->position || state->end.value() < 0) return std::nullopt;
  return std::max<std::int64_t>(0, state->end - *state->position);
}

std::set<std::string> FetchMachine::topics() const {
  std::set<std::string> out;
  for (const auto& [partition, state] : states_) out.insert(partition.topic);
  return out;
}

bool FetchMachine::has_records() const {
  return std::any_of(waiting_.begin(), waiting_.end(), [&](const Waiting& one) {
    const State* state = find(one.partition);
    return state && !state->paused;
  });
}

// ---- Offsets

std::vector<ResetPlan> FetchMachine::due_resets(const ClusterView& view, MonoTime now) {
  std::map<NodeId, ResetPlan> plans;
  for (auto& [partition, state] : states_) {
    if (state.position || state.resetting || now < state.not_before) continue;
    if (!state.reset) {
      if (reset_.kind == OffsetReset::Kind::kNone) {
        troubles_.push_back({partition,
                             Error(ErrorCode::kOffsetOutOfRange,
                                   "Undefined offset with no reset policy for partitions: [" +
                                       partition.text() + "]"),
                             Offset(-1)});
        state.not_before = kNever;
        continue;
      }
      state.reset = reset_;
    }
    const PartitionView* known = view.partition(partition.topic, partition.partition);
    if (!known || known->leader.value() < 0) {
      stale_topics_.insert(partition.topic);
      continue;
    }
    ResetPlan& plan = plans[known->leader];
    plan.node = known->leader;
    plan.parts.push_back({partition, timestamp_of(*state.reset), known->leader_epoch});
    state.resetting = true;
  }
  std::vector<ResetPlan> out;
  for (auto& [node, plan] : plans) out.push_back(std::move(plan));
  return out;
}

void FetchMachine::resets_answered(const ResetPlan& plan, const wire::ListOffsetsResponse& answer,
                                   MonoTime now, std::uint64_t random) {
  for (const ResetPlan::Part& part : plan.parts) {
    State* state = find(part.partition);
    if (!state || !state->resetting || !state->reset) continue;
    state->resetting = false;
    const wire::ListOffsetsResponse::ListOffsetsPartitionResponse* told = nullptr;
    for (const auto& topic : answer.topics) {
      if (topic.name.view() != part.partition.topic) continue;
      for (const auto& one : topic.partitions)
        if (one.partition_index == part.partition.partition.value()) told = &one;
    }
    const ErrorCode error =
        told ? error_from_wire(told->error_code) : ErrorCode::kUnknownServerError;
    if (error != ErrorCode::kNone) {
      take_error(part.partition, *state, error, now, random);
    } else if (told->offset < 0) {
      // Nothing is as young as that: reading begins at the end.
      state->reset = OffsetReset{OffsetReset::Kind::kLatest, Timestamp()};
    } else {
      state->position = Offset(told->offset);
      state->reset.reset();
      state->failures = 0;
    }
  }
}

void FetchMachine::resets_failed(const ResetPlan& plan, MonoTime now, std::uint64_t random) {
  for (const ResetPlan::Part& part : plan.parts) {
    State* state = find(part.partition);
    if (!state || !state->resetting) continue;
    state->resetting = false;
    stale_topics_.insert(part.partition.topic);
    try_later(*state, now, random);
  }
}

// ---- Fetches

std::optional<NodeId> FetchMachine::node_for(const TopicPartition& partition, State& state,
                                             const ClusterView& view, MonoTime now) {
  const PartitionView* known = view.partition(partition.topic, partition.partition);
  if (!known || known->leader.value() < 0) {
    stale_topics_.insert(partition.topic);
    return std::nullopt;
  }
  if (state.preferred && now < state.preferred_until && view.broker(*state.preferred))
    return state.preferred;
  state.preferred.reset();
  return known->leader;
}

std::vector<FetchPlan> FetchMachine::due_fetches(const ClusterView& view, MonoTime now) {
  std::map<NodeId, std::map<TopicPartition, FetchWanted>> wanted;
  for (auto& [partition, state] : states_) {
    if (!state.position || state.paused || state.waiting > 0 || state.fetching ||
        now < state.not_before)
      continue;
    const auto node = node_for(partition, state, view, now);
    if (!node || fetching_.contains(*node)) continue;
    const PartitionView* known = view.partition(partition.topic, partition.partition);
    wanted[*node][partition] = {view.topic(partition.topic)->id, *state.position,
                                known->leader_epoch, state.epoch};
  }
  std::vector<FetchPlan> plans;
  for (auto& [node, parts] : wanted) {
    FetchPlan plan;
    plan.node = node;
    plan.session = sessions_[node].next(parts);
    for (const auto& [partition, what] : parts) {
      plan.parts.push_back({partition, what});
      find(partition)->fetching = true;
    }
    fetching_.insert(node);
    plans.push_back(std::move(plan));
  }
  return plans;
}

void FetchMachine::answered(const FetchPlan& plan, const Slice& frame,
                            const wire::FetchResponse& answer, MonoTime now, std::uint64_t random) {
  const ErrorCode error = error_from_wire(answer.error_code);
  if (error != ErrorCode::kNone) return failed(plan, Error(error), now, random);
  fetching_.erase(plan.node);
  sessions_[plan.node].answered(answer.session_id);
  std::map<TopicPartition, const wire::FetchResponse::PartitionData*> told;
  for (const auto& topic : answer.responses) {
    for (const FetchPlan::Part& part : plan.parts) {
      const bool same = topic.topic.view() == part.partition.topic ||
                        (topic.topic_id == part.wanted.topic_id && topic.topic_id != TopicId());
      if (!same) continue;
      for (const auto& one : topic.partitions)
        if (one.partition_index == part.partition.partition.value()) told[part.partition] = &one;
    }
  }
  for (const FetchPlan::Part& part : plan.parts) {
    State* state = find(part.partition);
    if (!state) continue;
    state->fetching = false;
    const auto found = told.find(part.partition);
    // A seek or a new assignment has made the answer void.
    if (found == told.end() || state->position != part.wanted.offset) continue;
    take_part(part, *state, frame, *found->second, now, random);
  }
}

void FetchMachine::failed(const FetchPlan& plan, const Error& why, MonoTime now,
                          std::uint64_t random) {
  fetching_.erase(plan.node);
  sessions_[plan.node].reset();
  const bool of_session = why.code == ErrorCode::kFetchSessionIdNotFound ||
                          why.code == ErrorCode::kInvalidFetchSessionEpoch;
  for (const FetchPlan::Part& part : plan.parts) {
    State* state = find(part.partition);
    if (!state) continue;
    state->fetching = false;
    if (of_session) continue;
    state->preferred.reset();
    stale_topics_.insert(part.partition.topic);
    try_later(*state, now, random);
  }
}

void FetchMachine::take_part(const FetchPlan::Part& part, State& state, const Slice& frame,
                             const wire::FetchResponse::PartitionData& told, MonoTime now,
                             std::uint64_t random) {
  const ErrorCode error = error_from_wire(told.error_code);
  if (error != ErrorCode::kNone) return take_error(part.partition, state, error, now, random);
  state.failures = 0;
  state.end = Offset(options_.read_committed ? told.last_stable_offset : told.high_watermark);
  if (told.diverging_epoch.end_offset >= 0 || told.diverging_epoch.epoch >= 0) {
    // The log was cut below us (KIP-320): go on where it agrees, or as the policy says.
    const Offset end(told.diverging_epoch.end_offset);
    if (reset_.kind == OffsetReset::Kind::kNone) {
      troubles_.push_back({part.partition,
                           Error(ErrorCode::kOffsetOutOfRange,
                                 "the log of " + part.partition.text() + " was truncated to " +
                                     std::to_string(end.value())),
                           *state.position});
    }
    state.position = std::min(*state.position, std::max(end, Offset(0)));
    state.epoch = LeaderEpoch(told.diverging_epoch.epoch);
    return;
  }
  if (told.preferred_read_replica >= 0) {
    state.preferred = NodeId(told.preferred_read_replica);
    state.preferred_until = now + options_.metadata_max_age;
    return;
  }
  if (told.records.is_null() || told.records.size() == 0) return;
  std::vector<AbortedTransaction> aborted;
  if (told.aborted_transactions)
    for (const auto& one : *told.aborted_transactions)
      aborted.push_back({ProducerId(one.producer_id), Offset(one.first_offset)});
  waiting_.push_back(
      {part.partition,
       FetchedRecords(frame, told.records.view(), part.wanted.offset, std::move(aborted),
                      {options_.read_committed, options_.check_crcs})});
  ++state.waiting;
}

void FetchMachine::take_error(const TopicPartition& partition, State& state, ErrorCode error,
                              MonoTime now, std::uint64_t random) {
  if (error_refreshes_metadata(error) || error == ErrorCode::kUnknownTopicId ||
      error == ErrorCode::kInconsistentTopicId)
    stale_topics_.insert(partition.topic);
  if (error == ErrorCode::kOffsetOutOfRange) {
    // A follower may lag behind; the leader knows.
    if (state.preferred) return state.preferred.reset();
    if (reset_.kind != OffsetReset::Kind::kNone) return begin_reset(state, reset_);
  }
  const bool passes = error_is_retriable(error) || error == ErrorCode::kUnknownTopicId ||
                      error == ErrorCode::kInconsistentTopicId ||
                      error == ErrorCode::kUnknownServerError;
  if (!passes)
    troubles_.push_back(
        {partition, Error(error, partition.text()), state.position.value_or(Offset(-1))});
  try_later(state, now, random);
}

void FetchMachine::try_later(State& state, MonoTime now, std::uint64_t random) {
  state.not_before = now + options_.retry.after(state.failures++, random);
}

MonoTime FetchMachine::next_wake(MonoTime now) const {
  MonoTime next = kNever;
  for (const auto& [partition, state] : states_)
    if (state.not_before > now) next = std::min(next, state.not_before);
  return next;
}

}  // namespace moldau::client
