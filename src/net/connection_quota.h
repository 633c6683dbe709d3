// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/types.h"
#include "net/socket_server.h"

namespace moldau::net {

/// Counts connections against their limits.
/// Thread   shard-bound (shard 0). Pure: time is given.
/// Bounds   one entry per address that has a connection.
/// Source   ConnectionQuotas, KIP-402, KIP-612.
class ConnectionQuota {
 public:
  explicit ConnectionQuota(ConnectionLimits limits) : limits_(std::move(limits)) {}

  void update(ConnectionLimits limits) { limits_ = std::move(limits); }
  /// Counts a connection that was accepted; false if its address has too many already, then it
  /// is not counted. Exempt ones count only per address.
  bool admit(const std::string& host, bool exempt, MonoTime now);
  void closed(const std::string& host, bool exempt);

  /// No more connections for now, until one is closed.
  bool full() const { return counted_ >= limits_.connections_max; }
  /// When the creation rate allows the next one; nullopt: now.
  std::optional<MonoTime> next_creation(MonoTime now) const;
  std::uint32_t limit_of(const std::string& host) const;

 private:
  std::int64_t creation_interval() const;

  ConnectionLimits limits_;
  std::uint64_t counted_ = 0;
  std::unordered_map<std::string, std::uint32_t> by_host_;
  /// When the creations so far would have come at an even pace; may run one second ahead.
  MonoTime paced_until_;
};

}  // namespace moldau::net
