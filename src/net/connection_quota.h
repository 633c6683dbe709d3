// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/types.h"
#include "net/socket_server.h"

namespace moldau::net {

/// Counts connections against their limits: per address, per listener and in all.
/// Thread   shard-bound (shard 0). Pure: time is given.
/// Bounds   one entry per address that has a connection.
/// Source   ConnectionQuotas, KIP-402, KIP-612.
class ConnectionQuota {
 public:
  ConnectionQuota(const std::vector<Listener>& listeners, ConnectionLimits limits);

  void update(ConnectionLimits limits);
  /// Counts a connection that was accepted; false if its address has too many already, then it
  /// is not counted.
  bool admit(const std::string& host, std::size_t listener, MonoTime now);
  void closed(const std::string& host, std::size_t listener);

  /// The listener may have no more connections until one is closed.
  bool full(std::size_t listener) const;
  /// When the creation rates allow its next one; nullopt: now.
  std::optional<MonoTime> next_creation(std::size_t listener, MonoTime now) const;
  std::uint32_t limit_of(const std::string& host) const;

 private:
  /// A number of connections and a pace of new ones.
  struct Bucket {
    std::uint32_t connections_max = kNoLimit;
    std::uint32_t creations_per_second_max = kNoLimit;
    std::uint64_t connections = 0;
    /// When the creations so far would have come at an even pace; may run one second ahead.
    MonoTime paced_until;

    std::int64_t interval() const;
    std::optional<MonoTime> next(MonoTime now) const;
    bool full() const { return connections >= connections_max; }
  };
  struct ListenerBucket : Bucket {
    bool exempt = false;
  };

  ConnectionLimits limits_;
  Bucket all_;
  std::vector<ListenerBucket> listeners_;
  std::unordered_map<std::string, std::uint32_t> by_host_;
};

}  // namespace moldau::net
