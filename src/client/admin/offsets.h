// SPDX-License-Identifier: Apache-2.0
// Operations of Admin on offsets of partitions. Owner, thread and errors as in topics.h.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "client/admin/outcome.h"
#include "client/cluster.h"

namespace moldau::client::admin {

/// What ListOffsets looks for besides times.
enum class OffsetSpec : std::int64_t {
  kLatest = -1,
  kEarliest = -2,
  kMaxTimestamp = -3,
  kEarliestLocal = -4,
  kLatestTiered = -5,
  kEarliestPendingUpload = -6
};

struct ListedOffset {
  Offset offset{-1};
  Timestamp timestamp{-1};
  LeaderEpoch leader_epoch{-1};
};

/// The offset of each partition at a time, or at an OffsetSpec as a number. Leaders are asked one
/// after the other; partitions that move are asked for again until the deadline.
env::Task<Outcomes<TopicPartition, ListedOffset>> list_offsets(
    Cluster& cluster, std::map<TopicPartition, Timestamp> wanted, bool read_committed,
    MonoTime deadline);

/// Deletes what is before an offset of each partition (-1: the high watermark); gives the low
/// watermarks.
env::Task<Outcomes<TopicPartition, Offset>> delete_records(Cluster& cluster,
                                                           std::map<TopicPartition, Offset> before,
                                                           MonoTime deadline);

}  // namespace moldau::client::admin
