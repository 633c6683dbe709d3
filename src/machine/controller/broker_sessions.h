// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>

#include "base/types.h"
#include "machine/image/registration.h"

namespace moldau::controller {

/// Where a broker stands in its life, as the controller steers it.
enum class BrokerControlState { kFenced, kUnfenced, kControlledShutdown, kShutdownNow };

/// Soft state of the active controller: which brokers were heard of lately, and how far they are.
///
/// It is not in the log: a new controller starts with a full session for every unfenced broker.
/// Thread   owned by the ControllerMachine.
/// Bounds   one entry per registered broker.
/// Source   BrokerHeartbeatManager, BrokerHeartbeatTracker; KIP-631.
class BrokerSessions {
 public:
  explicit BrokerSessions(Millis session_timeout) : session_timeout_(session_timeout) {}

  struct Session {
    Session() = default;
    BrokerEpoch epoch{-1};
    bool fenced = true;
    MonoTime last_contact{0};
    /// The last metadata offset the broker has applied; -1 if it did not say.
    Offset metadata_offset{-1};
    /// In controlled shutdown: all active brokers must have seen this offset. -1 outside of it.
    Offset controlled_shutdown_offset{-1};
    bool shutting_down() const { return controlled_shutdown_offset.value() >= 0; }
  };

  /// A registration or a change of it was replayed.
  void registered(const image::BrokerRegistration& broker, MonoTime now);
  void removed(NodeId broker) { sessions_.erase(broker); }
  /// A heartbeat came.
  void touch(NodeId broker, bool fenced, Offset metadata_offset, MonoTime now);
  /// The first call wins: a repeated request must not move the goal.
  void begin_controlled_shutdown(NodeId broker, Offset offset);
  /// Its session will not be renewed by anything but a new registration or heartbeat.
  void fence(NodeId broker);

  const Session* find(NodeId broker) const;
  BrokerControlState state(NodeId broker) const;
  /// Unfenced, and heard of within the session timeout, in this epoch.
  bool has_valid_session(NodeId broker, BrokerEpoch epoch, MonoTime now) const;
  /// One whose session is over. Fenced one at a time, so that each sees the effect of the last.
  std::optional<NodeId> find_stale(MonoTime now) const;
  /// When find_stale may find somebody; empty if nobody has a session.
  std::optional<MonoTime> next_expiry() const;
  /// The lowest metadata offset of all active brokers; the highest number if there are none.
  Offset lowest_active_offset() const;

 private:
  Millis session_timeout_;
  std::map<NodeId, Session> sessions_;
};

}  // namespace moldau::controller
