// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.h"
#include "machine/group/group_counts.h"
#include "machine/group/group_table.h"
#include "machine/group/offset_store.h"

namespace moldau::group {

/// Applies records of the log: the only writer of hard state.
/// Owner    the table and the store are the machine's.
/// Thread   on the partition's shard.
/// Errors   none: what cannot be applied is counted and left alone.
/// Source   GroupCoordinatorShard.replay; CoordinatorRecordSerde.
class Replayer {
 public:
  Replayer(GroupTable& groups, OffsetStore& offsets, GroupCounts& counts)
      : groups_(groups), offsets_(offsets), counts_(counts) {}

  /// `producer`: of a transactional batch.
  void replay(ByteView key, std::optional<ByteView> value, std::optional<ProducerId> producer);

 private:
  void replay_offset(ByteView key, std::optional<ByteView> value,
                     std::optional<ProducerId> producer);
  void replay_classic(ByteView key, std::optional<ByteView> value);

  GroupTable& groups_;
  OffsetStore& offsets_;
  GroupCounts& counts_;
  std::uint64_t sequence_ = 0;
};

}  // namespace moldau::group
