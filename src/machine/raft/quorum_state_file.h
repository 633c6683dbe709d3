// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "machine/raft/effects.h"
#include "machine/raft/voter_set.h"

namespace moldau::raft {

inline constexpr std::string_view kQuorumStateName = "quorum-state";
inline constexpr std::size_t kQuorumStateBytesMax = std::size_t{1} << 20;

/// The one line of JSON of quorum-state. Version 1 with kraft.version 1, else version 0, which
/// lists the voters and knows no directory.
/// Thread   pure.
/// Source   QuorumStateData v0-1, FileQuorumStateStore.
std::string serialize_quorum_state(const ElectionState& state, std::int16_t kraft_version,
                                   const VoterSet& voters);

/// Errors   kCorruptMessage: no JSON object, a number or id that is none, a version above 1, an
///          epoch below 0. An empty file is one too: who takes it for "no vote given yet" could
///          vote twice.
Result<ElectionState> parse_quorum_state(std::string_view text);

}  // namespace moldau::raft
