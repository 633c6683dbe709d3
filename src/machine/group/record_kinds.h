// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/types.h"
#include "machine/group/group_table.h"
#include "machine/group/modern_group.h"

namespace moldau::group {

/// Where records of groups are replayed to.
/// Owner    borrows the machine's parts.
/// Thread   a value.
struct ReplayTarget {
  ReplayTarget(GroupTable& g, TopicSubscribers& s) : groups(g), subscribers(s) {}
  GroupTable& groups;
  TopicSubscribers& subscribers;
};

enum class Replayed : std::uint8_t {
  /// A record of another kind of group.
  kNotMine,
  kApplied,
  /// It cannot be read, or makes no sense; nothing has changed.
  kDamaged,
};

/// Replays records of one kind of group. `key` is without the record type in front.
using ReplayKind = Replayed (*)(ReplayTarget target, std::int16_t type, ByteView key,
                                std::optional<ByteView> value);

// share_group_replay.cc: types 10 to 15.
Replayed replay_share_record(ReplayTarget target, std::int16_t type, ByteView key,
                             std::optional<ByteView> value);

// consumer_replay.cc: types 3 to 8 and 16.
Replayed replay_consumer_record(ReplayTarget target, std::int16_t type, ByteView key,
                                std::optional<ByteView> value);

// streams_replay.cc: types 17 and 19 to 23.
Replayed replay_streams_record(ReplayTarget target, std::int16_t type, ByteView key,
                               std::optional<ByteView> value);

}  // namespace moldau::group
