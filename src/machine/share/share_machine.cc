// SPDX-License-Identifier: Apache-2.0
#include "machine/share/share_machine.h"

#include <algorithm>

#include "wire/encode.h"
#include "wire/share_snapshot_key.h"
#include "wire/share_snapshot_value.h"
#include "wire/share_update_key.h"
#include "wire/share_update_value.h"

namespace moldau::share {
namespace {

/// More at a time would hold up the shard.
constexpr std::size_t kKeysPerTick = 1'000;

std::optional<std::pair<std::int16_t, ByteView>> split(ByteView bytes) {
  if (bytes.size() < 2) return std::nullopt;
  return std::pair(wire::load_big_endian<std::int16_t>(bytes.data()), bytes.subspan(2));
}

template <class K>
std::optional<SharePartitionKey> parse_key(ByteView bytes) {
  const auto key = wire::decode_exactly<K>(bytes, 0);
  if (!key.ok() || key->partition < 0 || key->group_id.size() > kGroupIdBytesMax)
    return std::nullopt;
  return SharePartitionKey(key->group_id.str(), key->topic_id, PartitionId(key->partition));
}

template <class V>
std::optional<V> parse_value(ByteView bytes) {
  const auto parts = split(bytes);
  if (!parts) return std::nullopt;
  auto value = wire::decode_exactly<V>(parts->second, parts->first);
  if (!value.ok()) return std::nullopt;
  for (const auto& batch : value->state_batches)
    if (batch.first_offset < 0 || batch.last_offset < batch.first_offset ||
        !is_known_state(batch.delivery_state) || batch.last_offset == INT64_MAX)
      return std::nullopt;
  return std::move(*value);
}

template <class V>
ShareState state_of(const V& from) {
  ShareState out;
  out.snapshot_epoch = from.snapshot_epoch;
  out.leader_epoch = LeaderEpoch(from.leader_epoch);
  out.start_offset = Offset(from.start_offset);
  out.delivery_complete_count = from.delivery_complete_count;
  out.batches.reserve(from.state_batches.size());
  for (const auto& batch : from.state_batches)
    out.batches.emplace_back(Offset(batch.first_offset), Offset(batch.last_offset),
                             static_cast<DeliveryState>(batch.delivery_state),
                             batch.delivery_count);
  return out;
}

/// What Apache says of such an error, and for unknown topics.
StateOutcome refusal(ErrorCode code) {
  switch (code) {
    case ErrorCode::kFencedLeaderEpoch:
      return StateOutcome(code,
                          "The leader epoch in the request is older than the epoch on the broker.");
    case ErrorCode::kFencedStateEpoch:
      return StateOutcome(code,
                          "The share coordinator rejected the request because the share-group "
                          "state epoch did not match.");
    case ErrorCode::kUnknownTopicOrPartition:
      return StateOutcome(code, "This server does not host this topic-partition.");
    default:
      return StateOutcome(code);
  }
}

bool is_known(const SharePartitionKey& key, const image::MetadataImage& image) {
  const image::TopicImage* topic = image.topic(key.topic_id);
  return topic && topic->partition(key.partition);
}

StateOutcome check_key(const SharePartitionKey& key) {
  if (key.partition.value() < 0)
    return StateOutcome(ErrorCode::kInvalidRequest,
                        "The partition id cannot be a negative number.");
  if (key.group_id.size() > kGroupIdBytesMax)
    return StateOutcome(ErrorCode::kInvalidRequest, "The group id is too long.");
  return StateOutcome();
}

StateOutcome check_batches(const std::vector<StateBatch>& batches) {
  for (const StateBatch& batch : batches)
    if (batch.first.value() < 0 || batch.last < batch.first || batch.last == Offset(INT64_MAX) ||
        !is_known_state(static_cast<std::int8_t>(batch.state)))
      return StateOutcome(ErrorCode::kInvalidRequest, "A state batch is not sound.");
  return StateOutcome();
}

StateOutcome too_large() {
  return StateOutcome(ErrorCode::kUnknownServerError, "The state is too large for a record.");
}

template <class Outcome = StateOutcome>
ShareEffects answered(AnswerId id, const StateOutcome& outcome) {
  ShareEffects effects;
  effects.answers.emplace_back(id, Outcome(outcome.error, outcome.message));
  return effects;
}

}  // namespace

// --- replay -----------------------------------------------------------------------------------

void ShareMachine::replay(ByteView key, std::optional<ByteView> value, std::optional<Offset> at) {
  const auto parts = split(key);
  if (parts && parts->first == wire::ShareSnapshotKey::kRecordType)
    return replay_snapshot(parts->second, value, at);
  if (parts && parts->first == wire::ShareUpdateKey::kRecordType)
    return replay_update(parts->second, value);
  ++damaged_;
}

void ShareMachine::replay_snapshot(ByteView key, std::optional<ByteView> value,
                                   std::optional<Offset> at) {
  const auto which = parse_key<wire::ShareSnapshotKey>(key);
  if (!which) {
    ++damaged_;
    return;
  }
  if (!value) {
    partitions_.erase(*which);
    if (at) last_tombstone_ = *at;
    return;
  }
  const auto from = parse_value<wire::ShareSnapshotValue>(*value);
  if (!from) {
    ++damaged_;
    return;
  }
  Kept& kept = partitions_[*which];
  kept.state = state_of(*from);
  kept.state.state_epoch = from->state_epoch;
  kept.state.created = Timestamp(from->create_timestamp);
  kept.state.written = Timestamp(from->write_timestamp);
  kept.leader_epoch = std::max(kept.leader_epoch, kept.state.leader_epoch);
  kept.state_epoch = std::max(kept.state_epoch, kept.state.state_epoch);
  if (kept.updates >= settings_.updates_per_snapshot) kept.updates = 0;
  // Until its own offset is known, the one before it holds the log.
  if (at) kept.snapshot_at = at;
}

void ShareMachine::replay_update(ByteView key, std::optional<ByteView> value) {
  const auto which = parse_key<wire::ShareUpdateKey>(key);
  auto from = value ? parse_value<wire::ShareUpdateValue>(*value) : std::nullopt;
  if (!which || !from) {
    ++damaged_;
    return;
  }
  ShareState change = state_of(*from);
  const auto found = partitions_.find(*which);
  Kept& kept = found == partitions_.end() ? partitions_[*which] : found->second;
  kept.leader_epoch = std::max(kept.leader_epoch, change.leader_epoch);
  ++kept.updates;
  if (found == partitions_.end()) {
    kept.state = std::move(change);
    return;
  }
  ShareState& state = kept.state;
  if (change.start_offset != Offset(-1)) state.start_offset = change.start_offset;
  if (change.leader_epoch != LeaderEpoch(-1)) state.leader_epoch = change.leader_epoch;
  state.delivery_complete_count = change.delivery_complete_count;
  state.batches = combine_state_batches(state.batches, change.batches, state.start_offset);
}

void ShareMachine::appended(const record::KeyedBatch& batch, Offset base) {
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    const auto parts = split(batch.records[i].key);
    if (!parts || parts->first != wire::ShareSnapshotKey::kRecordType) continue;
    const auto key = parse_key<wire::ShareSnapshotKey>(parts->second);
    if (!key) continue;
    const Offset at = base + static_cast<std::int64_t>(i);
    if (!batch.records[i].value) last_tombstone_ = at;
    const auto found = partitions_.find(*key);
    if (found != partitions_.end() && batch.records[i].value) found->second.snapshot_at = at;
  }
}

// --- requests ---------------------------------------------------------------------------------

bool ShareMachine::write_record(ShareEffects& effects, record::KeyedRecord record) {
  std::size_t bytes = kBatchHeaderBytes + batch_bytes(record);
  for (const record::KeyedRecord& other : effects.batch.records) bytes += batch_bytes(other);
  if (bytes > settings_.batch_bytes_max) return false;
  std::optional<ByteView> value;
  if (record.value) value = ByteView(*record.value);
  replay(record.key, value, std::nullopt);
  effects.batch.records.push_back(std::move(record));
  return true;
}

ShareEffects ShareMachine::initialize(const ShareContext& context, AnswerId id,
                                      const InitializeState& asked) {
  const StateOutcome sound = check_key(asked.key);
  if (sound.error != ErrorCode::kNone) return answered(id, sound);
  const auto found = partitions_.find(asked.key);
  if (found != partitions_.end() && asked.state_epoch != -1 &&
      found->second.state_epoch > asked.state_epoch)
    return answered(id, refusal(ErrorCode::kFencedStateEpoch));
  if (!is_known(asked.key, context.image))
    return answered(id, refusal(ErrorCode::kUnknownTopicOrPartition));
  ShareState state;
  if (found != partitions_.end()) state.snapshot_epoch = found->second.state.snapshot_epoch + 1;
  state.state_epoch = asked.state_epoch;
  state.start_offset = asked.start_offset;
  state.delivery_complete_count = asked.start_offset == Offset(-1) ? -1 : 0;
  state.created = context.wall;
  state.written = context.wall;
  ShareEffects effects;
  if (!write_record(effects, share_snapshot_record(asked.key, state)))
    return answered(id, too_large());
  effects.answers.emplace_back(id, StateOutcome());
  return effects;
}

record::KeyedRecord ShareMachine::changed(const SharePartitionKey& key, const Kept& kept,
                                          const WriteState& asked, LeaderEpoch leader_epoch,
                                          Timestamp wall) const {
  ShareState out;
  out.leader_epoch = leader_epoch;
  out.delivery_complete_count = asked.delivery_complete_count;
  out.snapshot_epoch = kept.state.snapshot_epoch;
  if (kept.updates < settings_.updates_per_snapshot) {
    out.start_offset = asked.start_offset;
    out.batches = combine_state_batches({}, asked.batches, asked.start_offset);
    return share_update_record(key, out);
  }
  ++out.snapshot_epoch;
  out.start_offset =
      asked.start_offset == Offset(-1) ? kept.state.start_offset : asked.start_offset;
  out.state_epoch = kept.state.state_epoch;
  out.batches = combine_state_batches(kept.state.batches, asked.batches, out.start_offset);
  out.created = wall;
  out.written = wall;
  return share_snapshot_record(key, out);
}

ShareEffects ShareMachine::write(const ShareContext& context, AnswerId id,
                                 const WriteState& asked) {
  ++writes_;
  StateOutcome sound = check_key(asked.key);
  if (sound.error == ErrorCode::kNone) sound = check_batches(asked.batches);
  if (sound.error != ErrorCode::kNone) return answered(id, sound);
  const auto found = partitions_.find(asked.key);
  if (found == partitions_.end())
    return answered(id,
                    StateOutcome(ErrorCode::kInvalidRequest,
                                 "Write operation on uninitialized share partition not allowed."));
  const Kept& kept = found->second;
  if (asked.leader_epoch != LeaderEpoch(-1) && kept.leader_epoch > asked.leader_epoch)
    return answered(id, refusal(ErrorCode::kFencedLeaderEpoch));
  if (asked.state_epoch != -1 && kept.state_epoch > asked.state_epoch)
    return answered(id, refusal(ErrorCode::kFencedStateEpoch));
  if (!is_known(asked.key, context.image))
    return answered(id, refusal(ErrorCode::kUnknownTopicOrPartition));
  ShareEffects effects;
  if (!write_record(effects,
                    changed(asked.key, kept, asked, kept.state.leader_epoch, context.wall)))
    return answered(id, too_large());
  effects.answers.emplace_back(id, StateOutcome());
  return effects;
}

ShareEffects ShareMachine::read(const ShareContext& context, AnswerId id, const ReadState& asked) {
  const StateOutcome sound = check_key(asked.key);
  if (sound.error != ErrorCode::kNone) return answered<ReadOutcome>(id, sound);
  const auto found = partitions_.find(asked.key);
  if (found == partitions_.end())
    return answered<ReadOutcome>(
        id, StateOutcome(ErrorCode::kInvalidRequest,
                         "Read operation on uninitialized share partition not allowed."));
  const Kept& kept = found->second;
  if (asked.leader_epoch != LeaderEpoch(-1) && kept.leader_epoch > asked.leader_epoch)
    return answered<ReadOutcome>(id, refusal(ErrorCode::kFencedLeaderEpoch));
  if (!is_known(asked.key, context.image))
    return answered<ReadOutcome>(id, refusal(ErrorCode::kUnknownTopicOrPartition));
  ReadOutcome outcome;
  outcome.state_epoch = kept.state.state_epoch;
  outcome.start_offset = kept.state.start_offset;
  outcome.batches = kept.state.batches;
  ShareEffects effects;
  if (asked.leader_epoch != LeaderEpoch(-1) && kept.leader_epoch != asked.leader_epoch) {
    ++writes_;
    WriteState write;
    write.start_offset = kept.state.start_offset;
    write.delivery_complete_count = kept.state.delivery_complete_count;
    if (!write_record(effects, changed(asked.key, kept, write, asked.leader_epoch, context.wall)))
      return answered<ReadOutcome>(id, too_large());
  }
  effects.answers.emplace_back(id, std::move(outcome));
  return effects;
}

ShareEffects ShareMachine::remove(const ShareContext& context, AnswerId id,
                                  const DeleteState& asked) {
  const StateOutcome sound = check_key(asked.key);
  if (sound.error != ErrorCode::kNone) return answered(id, sound);
  if (!is_known(asked.key, context.image))
    return answered(id, refusal(ErrorCode::kUnknownTopicOrPartition));
  ShareEffects effects;
  if (partitions_.contains(asked.key) && !write_record(effects, share_state_tombstone(asked.key)))
    return answered(id, too_large());
  effects.answers.emplace_back(id, StateOutcome());
  return effects;
}

SummaryOutcome ShareMachine::summary(const SharePartitionKey& key,
                                     const image::MetadataImage& image) const {
  StateOutcome sound = check_key(key);
  if (sound.error == ErrorCode::kNone && !is_known(key, image))
    sound = refusal(ErrorCode::kUnknownTopicOrPartition);
  if (sound.error != ErrorCode::kNone) return SummaryOutcome(sound.error, sound.message);
  SummaryOutcome out;
  const ShareState* state = find(key);
  out.start_offset = state ? state->start_offset : Offset(-1);
  out.delivery_complete_count = state ? state->delivery_complete_count : -1;
  out.leader_epoch = state ? state->leader_epoch : LeaderEpoch(0);
  out.state_epoch = state ? state->state_epoch : 0;
  return out;
}

const ShareState* ShareMachine::find(const SharePartitionKey& key) const {
  const auto found = partitions_.find(key);
  return found == partitions_.end() ? nullptr : &found->second.state;
}

// --- time -------------------------------------------------------------------------------------

ShareEffects ShareMachine::loaded(const ShareContext& context) {
  // A topic may have been deleted while nobody looked.
  for (const auto& [key, kept] : partitions_)
    if (!context.image.topic(key.topic_id)) deleted_topics_.insert(key.topic_id);
  if (!deleted_topics_.empty()) deleted_cursor_.emplace();
  cold_due_ = context.now + settings_.cold_snapshot_interval;
  prune_due_ = context.now + settings_.prune_interval;
  set_wake(context.now);
  return {};
}

ShareEffects ShareMachine::topics_deleted(const ShareContext& context,
                                          std::span<const TopicId> topics) {
  deleted_topics_.insert(topics.begin(), topics.end());
  // From the start again: what is new may lie before the cursor.
  if (!topics.empty()) deleted_cursor_.emplace();
  ShareEffects effects;
  sweep_deleted(effects);
  set_wake(context.now);
  return effects;
}

ShareEffects ShareMachine::tick(const ShareContext& context) {
  ShareEffects effects;
  if (deleted_cursor_) {
    sweep_deleted(effects);
  } else if (cold_cursor_ || (cold_due_ && *cold_due_ <= context.now)) {
    sweep_cold(context, effects);
  }
  if (prune_due_ && *prune_due_ <= context.now) {
    prune_due_ = context.now + settings_.prune_interval;
    const std::optional<Offset> before = last_redundant_offset();
    if (before && before != pruned_before_) effects.prune_before = before;
    pruned_before_ = before;
  }
  set_wake(context.now);
  return effects;
}

void ShareMachine::sweep_deleted(ShareEffects& effects) {
  auto at = partitions_.lower_bound(*deleted_cursor_);
  for (std::size_t looked = 0; at != partitions_.end() && looked < kKeysPerTick; ++looked) {
    const SharePartitionKey key = at->first;
    if (deleted_topics_.contains(key.topic_id) &&
        !write_record(effects, share_state_tombstone(key)))
      break;
    at = partitions_.upper_bound(key);
  }
  if (at != partitions_.end()) {
    deleted_cursor_ = at->first;
    return;
  }
  deleted_cursor_.reset();
  deleted_topics_.clear();
}

void ShareMachine::sweep_cold(const ShareContext& context, ShareEffects& effects) {
  if (!cold_cursor_) {
    cold_due_ = context.now + settings_.cold_snapshot_interval;
    const bool all_cold = std::all_of(partitions_.begin(), partitions_.end(), [](const auto& one) {
      return one.second.state.created != one.second.state.written;
    });
    if (all_cold) return;
    cold_cursor_.emplace();
  }
  auto at = partitions_.lower_bound(*cold_cursor_);
  for (std::size_t looked = 0; at != partitions_.end() && looked < kKeysPerTick; ++looked) {
    const std::int64_t age = context.wall - at->second.state.written;
    if (age >= settings_.cold_snapshot_interval.value()) {
      ShareState state = at->second.state;
      ++state.snapshot_epoch;
      state.written = context.wall;
      // What no batch can hold is left as it is.
      if (!write_record(effects, share_snapshot_record(at->first, state)) &&
          !effects.batch.records.empty())
        break;
    }
    ++at;
  }
  cold_cursor_.reset();
  if (at != partitions_.end()) cold_cursor_ = at->first;
}

void ShareMachine::set_wake(MonoTime now) {
  wake_at_ = prune_due_;
  if (cold_due_ && (!wake_at_ || *cold_due_ < *wake_at_)) wake_at_ = cold_due_;
  if (deleted_cursor_ || cold_cursor_) wake_at_ = now;
}

std::optional<Offset> ShareMachine::last_redundant_offset() const {
  std::optional<Offset> least;
  for (const auto& [key, kept] : partitions_)
    if (kept.snapshot_at && (!least || *kept.snapshot_at < *least)) least = kept.snapshot_at;
  if (!least && partitions_.empty()) least = last_tombstone_;
  if (least && least->value() <= 0) return std::nullopt;
  return least;
}

}  // namespace moldau::share
