// SPDX-License-Identifier: Apache-2.0
#include "machine/controller/broker_sessions.h"

#include <algorithm>
#include <limits>

namespace moldau::controller {

void BrokerSessions::registered(const image::BrokerRegistration& broker, MonoTime now) {
  Session& session = sessions_[broker.id];
  if (session.epoch != broker.epoch) session = Session();
  session.epoch = broker.epoch;
  session.fenced = broker.fenced;
  session.last_contact = now;
  if (broker.fenced) session.controlled_shutdown_offset = Offset(-1);
}

void BrokerSessions::touch(NodeId broker, bool fenced, Offset metadata_offset, MonoTime now) {
  const auto it = sessions_.find(broker);
  if (it == sessions_.end()) return;
  it->second.last_contact = now;
  it->second.metadata_offset = metadata_offset;
  it->second.fenced = fenced;
  // A fenced broker leaves controlled shutdown: with its next heartbeat it stops at once.
  if (fenced) it->second.controlled_shutdown_offset = Offset(-1);
}

void BrokerSessions::begin_controlled_shutdown(NodeId broker, Offset offset) {
  const auto it = sessions_.find(broker);
  if (it == sessions_.end() || it->second.fenced || it->second.shutting_down()) return;
  it->second.controlled_shutdown_offset = offset;
}

void BrokerSessions::fence(NodeId broker) {
  const auto it = sessions_.find(broker);
  if (it == sessions_.end()) return;
  it->second.fenced = true;
  it->second.controlled_shutdown_offset = Offset(-1);
}

const BrokerSessions::Session* BrokerSessions::find(NodeId broker) const {
  const auto it = sessions_.find(broker);
  return it == sessions_.end() ? nullptr : &it->second;
}

BrokerControlState BrokerSessions::state(NodeId broker) const {
  const Session* session = find(broker);
  if (session == nullptr || (session->fenced && !session->shutting_down())) {
    return BrokerControlState::kFenced;
  }
  return session->shutting_down() ? BrokerControlState::kControlledShutdown
                                  : BrokerControlState::kUnfenced;
}

bool BrokerSessions::has_valid_session(NodeId broker, BrokerEpoch epoch, MonoTime now) const {
  const Session* session = find(broker);
  return session != nullptr && !session->fenced && session->epoch == epoch &&
         now <= session->last_contact + session_timeout_;
}

std::optional<NodeId> BrokerSessions::find_stale(MonoTime now) const {
  for (const auto& [id, session] : sessions_) {
    if (!session.fenced && now > session.last_contact + session_timeout_) return id;
  }
  return std::nullopt;
}

std::optional<MonoTime> BrokerSessions::next_expiry() const {
  std::optional<MonoTime> first;
  for (const auto& [id, session] : sessions_) {
    if (session.fenced) continue;
    const MonoTime expiry = session.last_contact + session_timeout_ + 1;
    if (!first || expiry < *first) first = expiry;
  }
  return first;
}

Offset BrokerSessions::lowest_active_offset() const {
  Offset lowest(std::numeric_limits<std::int64_t>::max());
  for (const auto& [id, session] : sessions_) {
    if (!session.fenced && !session.shutting_down()) {
      lowest = std::min(lowest, session.metadata_offset);
    }
  }
  return lowest;
}

}  // namespace moldau::controller
