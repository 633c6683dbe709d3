// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "machine/share/share_effects.h"

namespace moldau::share {

/// What the configuration says about share state.
/// Thread   a value.
struct ShareStateSettings {
  ShareStateSettings() = default;
  /// share.coordinator.snapshot.update.records.per.snapshot
  std::int32_t updates_per_snapshot = 500;
  /// share.coordinator.cold.partition.snapshot.interval.ms
  Millis cold_snapshot_interval{300'000};
  /// share.coordinator.state.topic.prune.interval.ms
  Millis prune_interval{300'000};
  /// max.message.bytes of the internal topic: no batch of the machine is larger.
  std::size_t batch_bytes_max = 1'048'588;
};

/// The share coordinator of one partition of `__share_group_state`: the state of the share
/// partitions that fall to it.
///
/// Path     node/coordinator → this; the leader of a topic partition and the group coordinator ask.
/// Owner    all state; requests are borrowed for the call, answers own their bytes.
/// Thread   a value of the partition's shard.
/// Bounds   one batch ≤ batch_bytes_max per call, a state or change that does not fit is refused;
///          a tick looks at a bounded number of keys.
/// Errors   in the answers: kInvalidRequest, kFencedLeaderEpoch, kFencedStateEpoch,
///          kUnknownTopicOrPartition, kUnknownServerError (too large for a record).
/// Source   ShareCoordinatorShard, ShareCoordinatorOffsetsManager; KIP-932.
class ShareMachine {
 public:
  explicit ShareMachine(const ShareStateSettings& settings) : settings_(settings) {}

  /// One record of the log, in the log's order; `at` is its offset, nothing for what the machine
  /// has just decided.
  void replay(ByteView key, std::optional<ByteView> value, std::optional<Offset> at);
  /// What the machine decided lies in the log, its first record at `base`. In the order of
  /// decisions.
  void appended(const record::KeyedBatch& batch, Offset base);
  ShareEffects loaded(const ShareContext& context);
  ShareEffects tick(const ShareContext& context);
  std::optional<MonoTime> next_deadline() const { return wake_at_; }

  ShareEffects initialize(const ShareContext& context, AnswerId id, const InitializeState& asked);
  /// Notes the leader's epoch, if it is new.
  ShareEffects read(const ShareContext& context, AnswerId id, const ReadState& asked);
  ShareEffects write(const ShareContext& context, AnswerId id, const WriteState& asked);
  ShareEffects remove(const ShareContext& context, AnswerId id, const DeleteState& asked);
  SummaryOutcome summary(const SharePartitionKey& key, const image::MetadataImage& image) const;
  /// Their state is removed, some now and the rest in the ticks that follow.
  ShareEffects topics_deleted(const ShareContext& context, std::span<const TopicId> topics);

  /// All that lies before it in the log is not needed any more.
  std::optional<Offset> last_redundant_offset() const;
  const ShareState* find(const SharePartitionKey& key) const;
  std::size_t size() const { return partitions_.size(); }
  std::uint64_t damaged_records() const { return damaged_; }
  /// Calls that were to change the state, refused ones too.
  std::uint64_t writes() const { return writes_; }

 private:
  struct Kept {
    ShareState state;
    /// The highest that were ever seen: older ones are fenced.
    LeaderEpoch leader_epoch{-1};
    std::int32_t state_epoch = -1;
    std::int32_t updates = 0;
    /// Of the last snapshot; nothing while it is on its way into the log.
    std::optional<Offset> snapshot_at;
  };

  bool write_record(ShareEffects& effects, record::KeyedRecord record);
  void replay_snapshot(ByteView key, std::optional<ByteView> value, std::optional<Offset> at);
  void replay_update(ByteView key, std::optional<ByteView> value);
  record::KeyedRecord changed(const SharePartitionKey& key, const Kept& kept,
                              const WriteState& asked, LeaderEpoch leader_epoch,
                              Timestamp wall) const;
  void sweep_deleted(ShareEffects& effects);
  void sweep_cold(const ShareContext& context, ShareEffects& effects);
  void set_wake(MonoTime now);

  ShareStateSettings settings_;
  std::map<SharePartitionKey, Kept> partitions_;
  std::optional<Offset> last_tombstone_;
  std::set<TopicId> deleted_topics_;
  /// Where the sweep for deleted topics goes on; nothing: it does not run.
  std::optional<SharePartitionKey> deleted_cursor_;
  std::optional<SharePartitionKey> cold_cursor_;
  std::optional<MonoTime> cold_due_;
  std::optional<MonoTime> prune_due_;
  std::optional<Offset> pruned_before_;
  std::optional<MonoTime> wake_at_;
  std::uint64_t damaged_ = 0;
  std::uint64_t writes_ = 0;
};

}  // namespace moldau::share
