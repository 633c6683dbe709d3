// SPDX-License-Identifier: Apache-2.0
#include "machine/txn/txn_machine.h"

#include <algorithm>
#include <limits>

#include "machine/txn/answers.h"

namespace moldau::txn {
namespace {

/// A timed-out transaction that found no producer id is looked at again after this.
constexpr Millis kNextAttempt{1'000};

template <class T>
T added(T at, Millis span) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(at.value(), span.value(), &sum))
    sum = span.value() > 0 ? std::numeric_limits<std::int64_t>::max()
                           : std::numeric_limits<std::int64_t>::min();
  return T(sum);
}

Millis between(Timestamp from, Timestamp to) {
  std::int64_t span = 0;
  if (__builtin_sub_overflow(to.value(), from.value(), &span))
    span = to > from ? std::numeric_limits<std::int64_t>::max()
                     : std::numeric_limits<std::int64_t>::min();
  return Millis(span);
}

}  // namespace

TxnMachine::TxnMachine(const TxnSettings& settings, LeaderEpoch coordinator_epoch)
    : settings_(settings), coordinator_epoch_(coordinator_epoch) {}

TxnEffects TxnMachine::begin(const TxnContext& context) {
  MOLDAU_CHECK(is_loaded_, "a step before loaded()");
  last_now_ = context.now;
  last_wall_ = context.wall;
  batch_bytes_ = 0;
  return {};
}

void TxnMachine::replay(ByteView key, std::optional<ByteView> value) {
  auto record = parse_transaction(key, value);
  if (!record.ok()) {
    ++counters_.records_skipped;
    return;
  }
  auto at = entries_.find(record->transactional_id);
  if (at != entries_.end()) unindex(*at);
  if (!record->metadata) {
    if (at != entries_.end()) entries_.erase(at);
    return;
  }
  if (at == entries_.end()) at = entries_.try_emplace(record->transactional_id).first;
  at->second.hard = *std::move(record->metadata);
  at->second.last_producer_epoch = ProducerEpoch(-1);
  at->second.markers.reset();
  index(*at);
}

TxnEffects TxnMachine::loaded(const TxnContext& context) {
  MOLDAU_CHECK(!is_loaded_, "loaded twice");
  is_loaded_ = true;
  TxnEffects effects = begin(context);
  next_expiry_search_ = added(context.now, Millis(0)) + settings_.remove_expired_interval;
  std::size_t budget = settings_.transactions_per_tick_max;
  tick_markers(context, budget, effects);
  return effects;
}

void TxnMachine::index(Named& named) {
  auto& [id, entry] = named;
  const TransactionMetadata& hard = entry.hard;
  if (hard.is_preparing()) {
    retry_markers_at(named, last_now_);
  } else if (hard.state == TransactionState::kOngoing) {
    if (hard.timeout == kNoTimeout) return;
    entry.timeout_at = added(added(hard.start, hard.timeout), Millis(1));
    timeouts_.emplace(*entry.timeout_at, id);
  } else {
    entry.idle_since = hard.last_update;
    idle_.emplace(*entry.idle_since, id);
  }
}

void TxnMachine::unindex(Named& named) {
  auto& [id, entry] = named;
  if (entry.retry_at) retries_.erase({*entry.retry_at, id});
  if (entry.timeout_at) timeouts_.erase({*entry.timeout_at, id});
  if (entry.idle_since) idle_.erase({*entry.idle_since, id});
  entry.retry_at.reset();
  entry.timeout_at.reset();
  entry.idle_since.reset();
}

TransactionMetadata TxnMachine::transition(const TransactionMetadata& from, TransactionState to,
                                           Timestamp wall) {
  TransactionMetadata out = from;
  out.state = to;
  out.previous_producer_id = from.producer_id;
  out.last_update = wall;
  return out;
}

void TxnMachine::append(record::KeyedRecord record, TxnEffects& effects) {
  std::optional<ByteView> value;
  if (record.value) value = ByteView(*record.value);
  const std::uint64_t skipped = counters_.records_skipped;
  replay(record.key, value);
  MOLDAU_CHECK(counters_.records_skipped == skipped, "a record of our own is not readable");
  batch_bytes_ += record.key.size() + (value ? value->size() : 0);
  effects.batch.records.push_back(std::move(record));
}

void TxnMachine::write(const TxnContext& context, std::string_view transactional_id,
                       const TransactionMetadata& metadata, ProducerEpoch last_producer_epoch,
                       TxnEffects& effects) {
  append(serialize_transaction(transactional_id, metadata, context.transaction_version), effects);
  const auto at = entries_.find(transactional_id);
  MOLDAU_CHECK(at != entries_.end(), "a transactional id is written as another");
  at->second.last_producer_epoch = last_producer_epoch;
}

bool TxnMachine::wait_for_producer_id(Waiting waiting, Named* named, TxnEffects& effects) {
  if (waiting_.size() >= settings_.producer_id_waits_max) return false;
  if (named != nullptr) {
    unindex(*named);
    named->second.waits_for_producer_id = true;
  }
  waiting_.emplace(next_token_, std::move(waiting));
  effects.need_producer_id.push_back(next_token_);
  ++next_token_;
  return true;
}

void TxnMachine::end_wait(std::string_view transactional_id) {
  const auto at = entries_.find(transactional_id);
  if (at == entries_.end() || !at->second.waits_for_producer_id) return;
  at->second.waits_for_producer_id = false;
  index(*at);
}

TxnEffects TxnMachine::producer_id_given(const TxnContext& context, ProducerIdToken token,
                                         const Result<ProducerId>& given) {
  TxnEffects effects = begin(context);
  auto node = waiting_.extract(token);
  if (node.empty()) return effects;
  const bool usable = given.ok() && *given >= ProducerId(0);
  const ErrorCode error = given.ok() ? ErrorCode::kUnknownServerError : given.code();
  const std::string id =
      std::visit([](const auto& waiting) { return waiting.transactional_id; }, node.mapped());
  end_wait(id);
  if (auto* init_request = std::get_if<InitRequest>(&node.mapped())) {
    if (usable) {
      init(context, std::move(*init_request), *given, effects);
    } else {
      effects.answers.push_back(init_answer(init_request->id, init_request->version, error));
    }
  } else if (auto* end_request = std::get_if<EndRequest>(&node.mapped())) {
    if (usable) {
      end(context, std::move(*end_request), *given, effects);
    } else {
      effects.answers.push_back(end_answer(end_request->id, end_request->version, error));
    }
  } else if (const auto at = entries_.find(id); at != entries_.end() && at->second.timeout_at) {
    if (usable) {
      ++counters_.transactions_timed_out;
      fence(context, *at, *given, effects);
    } else {
      unindex(*at);
      at->second.timeout_at = added(context.wall, kNextAttempt);
      timeouts_.emplace(*at->second.timeout_at, at->first);
    }
  }
  return effects;
}

TxnEffects TxnMachine::tick(const TxnContext& context) {
  TxnEffects effects = begin(context);
  std::size_t budget = settings_.transactions_per_tick_max;
  tick_markers(context, budget, effects);
  tick_timeouts(context, budget, effects);
  tick_expiry(context, budget, effects);
  return effects;
}

void TxnMachine::tick_markers(const TxnContext& context, std::size_t& budget, TxnEffects& effects) {
  for (; budget > 0 && has_room() && !retries_.empty(); --budget) {
    const auto& [at, id] = *retries_.begin();
    if (at > context.now) return;
    send_markers(context, *entries_.find(id), effects);
  }
}

void TxnMachine::tick_timeouts(const TxnContext& context, std::size_t& budget,
                               TxnEffects& effects) {
  for (; budget > 0 && has_room() && !timeouts_.empty(); --budget) {
    const auto& [at, id] = *timeouts_.begin();
    if (at > context.wall) return;
    Named& named = *entries_.find(id);
    if (!fence_needs_producer_id(context, named.second)) {
      ++counters_.transactions_timed_out;
      fence(context, named, std::nullopt, effects);
    } else if (!wait_for_producer_id(TimedOut{named.first}, &named, effects)) {
      unindex(named);
      named.second.timeout_at = added(context.wall, kNextAttempt);
      timeouts_.emplace(*named.second.timeout_at, named.first);
    }
  }
}

void TxnMachine::tick_expiry(const TxnContext& context, std::size_t& budget, TxnEffects& effects) {
  if (context.now < next_expiry_search_) return;
  const Timestamp oldest =
      added(context.wall, Millis(-settings_.transactional_id_expiration.value()));
  for (; budget > 0 && has_room(); --budget) {
    if (idle_.empty() || idle_.begin()->first > oldest) {
      next_expiry_search_ = context.now + settings_.remove_expired_interval;
      return;
    }
    ++counters_.transactional_ids_expired;
    append(serialize_tombstone(idle_.begin()->second), effects);
  }
}

std::optional<MonoTime> TxnMachine::next_deadline() const {
  if (!is_loaded_) return std::nullopt;
  MonoTime out = next_expiry_search_;
  if (!retries_.empty()) out = std::min(out, retries_.begin()->first);
  if (!timeouts_.empty()) {
    // The wall clock may be set meanwhile, so it is looked at now and then.
    const Millis left = between(last_wall_, timeouts_.begin()->first);
    const Millis wait = std::clamp(left, Millis(0), settings_.abort_timed_out_interval);
    out = std::min(out, last_now_ + wait);
  }
  return out;
}

const TransactionMetadata* TxnMachine::find(std::string_view transactional_id) const {
  const auto at = entries_.find(transactional_id);
  return at == entries_.end() ? nullptr : &at->second.hard;
}

DescribedTransaction TxnMachine::describe(std::string_view transactional_id) const {
  DescribedTransaction out;
  out.transactional_id = wire::Text::copy_of(transactional_id);
  const auto at = entries_.find(transactional_id);
  if (transactional_id.empty() || at == entries_.end()) {
    out.error_code =
        static_cast<std::int16_t>(transactional_id.empty() ? ErrorCode::kInvalidRequest
                                                           : ErrorCode::kTransactionalIdNotFound);
    return out;
  }
  const Entry& entry = at->second;
  out.producer_id = entry.hard.producer_id.value();
  out.producer_epoch = entry.hard.producer_epoch.value();
  out.transaction_state = state_name(entry.hard.state);
  out.transaction_timeout_ms = static_cast<std::int32_t>(entry.hard.timeout.value());
  out.transaction_start_time_ms = entry.hard.start.value();
  // While the markers are written: those that have none yet.
  for (const TopicPartition& partition :
       entry.markers ? entry.markers->missing : entry.hard.partitions) {
    if (out.topics.empty() || out.topics.back().topic != partition.topic)
      out.topics.emplace_back().topic = wire::Text(partition.topic);
    out.topics.back().partitions.push_back(partition.partition.value());
  }
  return out;
}

std::vector<ListedTransaction> TxnMachine::list(const TxnContext& context,
                                                const ListFilter& filter) const {
  std::vector<ListedTransaction> out;
  for (const auto& [id, entry] : entries_) {
    const TransactionMetadata& hard = entry.hard;
    if (!filter.producer_ids.empty() && !filter.producer_ids.contains(hard.producer_id)) continue;
    if (filter.by_state && !filter.states.contains(hard.state)) continue;
    if (filter.duration >= Millis(0) && between(hard.start, context.wall) <= filter.duration)
      continue;
    out.emplace_back(id, hard.producer_id, hard.state);
  }
  return out;
}

}  // namespace moldau::txn
