// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.h"
#include "machine/group/group_counts.h"
#include "machine/group/group_table.h"
#include "machine/group/offset_store.h"
#include "machine/group/record_kinds.h"

namespace moldau::group {

/// Applies records of the log: the only writer of hard state.
/// Owner    the table and the store are the machine's.
/// Thread   on the partition's shard.
/// Errors   none: what cannot be applied is counted and left alone.
/// Source   GroupCoordinatorShard.replay; CoordinatorRecordSerde.
class Replayer {
 public:
  Replayer(ReplayTarget target, OffsetStore& offsets, GroupCounts& counts)
      : target_(target), groups_(target.groups), offsets_(offsets), counts_(counts) {}

  /// `producer`: of a transactional batch.
  void replay(ByteView key, std::optional<ByteView> value, std::optional<ProducerId> producer);

 private:
  void replay_offset(ByteView key, std::optional<ByteView> value,
                     std::optional<ProducerId> producer);
  void replay_classic(ByteView key, std::optional<ByteView> value);
  void replay_other_kind(std::int16_t type, ByteView key, std::optional<ByteView> value);
  /// A record that gives a group its epoch: it rebalances.
  void count_epoch(std::int16_t type);

  ReplayTarget target_;
  GroupTable& groups_;
  OffsetStore& offsets_;
  GroupCounts& counts_;
  std::uint64_t sequence_ = 0;
};

}  // namespace moldau::group
