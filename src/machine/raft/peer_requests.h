// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "base/types.h"
#include "machine/raft/effects.h"

namespace moldau::raft {

/// Which peer has a request of ours under way, and which one must be left alone for a moment.
///
/// Thread   a value.
/// Bounds   one request per peer; peers are voters, leaders and bootstrap servers.
/// Source   RequestManager.
class PeerRequests {
 public:
  struct InFlight {
    CorrelationId id{0};
    NodeId to{-1};
    Request request;
    MonoTime deadline{0};
  };

  bool ready(NodeId peer, MonoTime now) const;
  /// Nothing is under way to anybody.
  bool idle(MonoTime now) const;
  CorrelationId sent(NodeId peer, Request request, MonoTime deadline);
  /// The request of this answer, if it is still awaited.
  std::optional<InFlight> take(CorrelationId id);
  void back_off(NodeId peer, MonoTime until);
  /// Answers to come no longer matter (another role).
  void reset() { in_flight_.clear(), back_off_.clear(); }
  /// When the peer may be asked again; the deadline of its request if one is under way.
  MonoTime ready_at(NodeId peer) const;

 private:
  std::map<NodeId, InFlight> in_flight_;
  std::map<NodeId, MonoTime> back_off_;
  std::uint64_t next_id_ = 0;
};

}  // namespace moldau::raft
