// SPDX-License-Identifier: Apache-2.0
#include "machine/raft/peer_requests.h"

#include <algorithm>

namespace moldau::raft {

bool PeerRequests::ready(NodeId peer, MonoTime now) const {
  return ready_at(peer) <= now;
}

bool PeerRequests::idle(MonoTime now) const {
  return std::all_of(in_flight_.begin(), in_flight_.end(),
                     [now](const auto& entry) { return entry.second.deadline <= now; });
}

CorrelationId PeerRequests::sent(NodeId peer, Request request, MonoTime deadline) {
  InFlight entry;
  entry.id = CorrelationId(++next_id_);
  entry.to = peer;
  entry.request = std::move(request);
  entry.deadline = deadline;
  const CorrelationId id = entry.id;
  in_flight_.insert_or_assign(peer, std::move(entry));
  return id;
}

std::optional<PeerRequests::InFlight> PeerRequests::take(CorrelationId id) {
  for (auto it = in_flight_.begin(); it != in_flight_.end(); ++it) {
    if (it->second.id != id) continue;
    InFlight entry = std::move(it->second);
    in_flight_.erase(it);
    return entry;
  }
  return std::nullopt;
}

void PeerRequests::back_off(NodeId peer, MonoTime until) {
  back_off_[peer] = until;
}

MonoTime PeerRequests::ready_at(NodeId peer) const {
  MonoTime at{INT64_MIN};
  if (const auto it = in_flight_.find(peer); it != in_flight_.end()) at = it->second.deadline;
  if (const auto it = back_off_.find(peer); it != back_off_.end()) at = std::max(at, it->second);
  return at;
}

}  // namespace moldau::raft
