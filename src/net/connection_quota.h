// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/types.h"
#include "net/socket_server.h"

namespace moldau::net {

/// Counts connections against their limits: per address, per listener and in all. Listeners of
/// brokers and of controllers are two groups with the same limits, as Apache's two socket servers.
/// Thread   shard-bound (shard 0). Pure: time is given.
/// Bounds   one entry per address that has a connection; one per address whose creations are
///          paced and not yet forgotten: kPacesKept, or those of the last burst.
/// Source   ConnectionQuotas, KIP-402, KIP-612.
class ConnectionQuota {
 public:
  enum class Verdict { kAdmitted, kTooMany, kTooFast };
  struct Admission {
    Verdict verdict = Verdict::kAdmitted;
    /// kTooFast: until then the peer is to wait before it sees its connection closed.
    MonoTime until;
  };

  ConnectionQuota(const std::vector<Listener>& listeners, ConnectionLimits limits);

  /// The listener at this place is there from now on; places are given in order, and one is kept
  /// for the name that first had it.
  void put(std::size_t place, const Listener& listener, MonoTime now);
  /// It takes no more connections; those it has are counted until they are closed.
  void remove(std::size_t place);
  void update(ConnectionLimits limits, MonoTime now);
  void update(IpCreationRates rates, MonoTime now);
  /// Judges a connection that was accepted; only an admitted one is counted.
  Admission admit(const std::string& host, std::size_t listener, MonoTime now);
  void closed(const std::string& host, std::size_t listener);

  /// The listener may have no more connections until one is closed.
  bool full(std::size_t listener) const;
  /// Connections of the listener's group beyond what may stand.
  std::uint64_t excess(std::size_t listener) const;
  /// Its connections are not closed for others.
  bool is_protected(std::size_t listener) const { return listeners_[listener].is_protected; }
  /// When the creation rates allow its next one; nullopt: now.
  std::optional<MonoTime> next_creation(std::size_t listener, MonoTime now) const;
  std::uint32_t limit_of(const std::string& host) const;
  /// Addresses whose creations are remembered.
  std::size_t paces_kept() const { return groups_[0].paces.size() + groups_[1].paces.size(); }

 private:
  static constexpr std::size_t kPacesKept = 1'024;

  /// Creations at an even pace, some of which may come ahead of it.
  struct Pace {
    /// When the creations so far would have come at an even pace.
    MonoTime until;

    std::optional<MonoTime> next(std::uint32_t rate, Millis burst, MonoTime now) const;
    void count(std::uint32_t rate, MonoTime now);
    /// What was counted at another rate must not block for longer than it could have.
    void clamp(Millis burst, MonoTime now);
  };
  struct Bucket {
    ConnectionBounds bounds;
    std::uint64_t connections = 0;
    Pace pace;
    bool full() const { return connections >= bounds.connections_max; }
  };
  struct Group {
    Bucket all;
    std::unordered_map<std::string, std::uint32_t> by_host;
    std::unordered_map<std::string, Pace> paces;
  };
  struct ListenerBucket : Bucket {
    std::string name;
    std::size_t group = 0;
    bool inter_broker = false;
    bool present = false;
    bool is_protected = false;
  };

  std::optional<MonoTime> too_fast(Group& group, const std::string& host, MonoTime now);
  std::uint32_t rate_of(const std::string& host) const;
  void bound(ListenerBucket& bucket, MonoTime now) const;
  void choose_protected();

  ConnectionLimits limits_;
  IpCreationRates ip_rates_;
  std::array<Group, 2> groups_;
  std::vector<ListenerBucket> listeners_;
  std::size_t paces_swept_ = 0;
};

}  // namespace moldau::net
