// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/types.h"
#include "machine/share/share_key.h"
#include "machine/share/state_batch.h"
#include "record/keyed_record.h"

namespace moldau::share {

/// Where a share partition stands, as a snapshot of it says.
/// Thread   a value.
/// Source   ShareGroupOffset.
struct ShareState {
  std::int32_t snapshot_epoch = 0;
  std::int32_t state_epoch = 0;
  LeaderEpoch leader_epoch{0};
  /// -1: the group has not begun yet.
  Offset start_offset{-1};
  /// Records from the start on that are done with; -1: not known.
  std::int32_t delivery_complete_count = -1;
  Timestamp created{0};
  Timestamp written{0};
  std::vector<StateBatch> batches;
  bool operator==(const ShareState&) const = default;
};

/// Records of `__share_group_state` as Apache Kafka 4.3 writes them.
/// Source   ShareCoordinatorRecordHelpers.
record::KeyedRecord share_snapshot_record(const SharePartitionKey& key, const ShareState& state);
/// Only epochs, offset, count and batches are in it.
record::KeyedRecord share_update_record(const SharePartitionKey& key, const ShareState& state);
record::KeyedRecord share_state_tombstone(const SharePartitionKey& key);

/// At most so many bytes a record takes in a batch.
std::size_t batch_bytes(const record::KeyedRecord& record);
inline constexpr std::size_t kBatchHeaderBytes = 61;
/// A longer group id would be cut on its way into a key.
inline constexpr std::size_t kGroupIdBytesMax = 32'767;

}  // namespace moldau::share
