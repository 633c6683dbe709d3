// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "machine/group/group_effects.h"

namespace moldau::group {

/// A protocol (an assignor, for consumers) that a member can do, in its order of preference.
struct MemberProtocol {
  std::string name;
  std::vector<std::byte> metadata;
  bool operator==(const MemberProtocol&) const = default;
};
using MemberProtocols = std::vector<MemberProtocol>;

/// A member of a classic group.
/// Thread   a value of the partition's shard.
/// Source   ClassicGroupMember.
struct ClassicMember {
  std::string id;
  /// KIP-345: a static member.
  std::optional<std::string> group_instance_id;
  std::string client_id;
  std::string client_host;
  Millis rebalance_timeout{0};
  Millis session_timeout{0};
  MemberProtocols protocols;
  std::vector<std::byte> assignment;

  // Soft state.
  std::optional<AnswerId> awaiting_join;
  std::optional<AnswerId> awaiting_sync;
  /// Joined, and has not seen the end of a rebalance yet: its id is not known to it for sure.
  bool is_new = false;
  std::optional<MonoTime> heartbeat_deadline;

  bool is_static() const { return group_instance_id.has_value(); }
  /// Nothing if the member cannot do the protocol.
  std::optional<ByteView> metadata(std::string_view protocol) const {
    for (const MemberProtocol& p : protocols) {
      if (p.name == protocol) return ByteView(p.metadata);
    }
    return std::nullopt;
  }
  /// A member that waits for its rebalance is alive without heartbeats; new ones are not trusted.
  bool has_satisfied_heartbeat() const { return !is_new && (awaiting_join || awaiting_sync); }
};

}  // namespace moldau::group
