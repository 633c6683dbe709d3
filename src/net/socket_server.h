// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "env/env.h"
#include "net/session.h"

namespace moldau::net {

inline constexpr std::uint32_t kNoLimit = std::numeric_limits<std::int32_t>::max();

/// One address clients connect to.
struct Listener {
  std::string name;  // "PLAINTEXT"
  env::SocketAddress address;
  /// Its connections are outside of the limits of the whole broker (inter-broker, controller).
  bool exempt_from_connection_limit = false;
  std::uint32_t connections_max = kNoLimit;           // listener.name.….max.connections
  std::uint32_t creations_per_second_max = kNoLimit;  // …max.connection.creation.rate
};

/// How many connections may stand and how fast they may come; the keys as in Apache.
struct ConnectionLimits {
  std::uint32_t connections_max = kNoLimit;                           // max.connections
  std::uint32_t connections_per_ip_max = kNoLimit;                    // max.connections.per.ip
  std::map<std::string, std::uint32_t> connections_per_ip_overrides;  // numeric address → limit
  std::uint32_t creations_per_second_max = kNoLimit;  // max.connection.creation.rate
};

struct SocketServerOptions {
  std::vector<Listener> listeners;
  std::uint32_t request_bytes_max = 104'857'600;  // socket.request.max.bytes
  Millis idle_max{600'000};                       // connections.max.idle.ms
  /// A new connection must have sent its first whole request by then.
  Millis first_request_max{30'000};
  /// While memory is short, a peer that holds some and moves nothing for so long is closed.
  Millis stall_max{10'000};
  /// Requests of one connection that are delivered and unanswered; then it is not read.
  std::uint32_t requests_in_flight_max = 64;
  /// All shards together: requests being received or answered, and unsent replies; above it
  /// no socket is read.
  std::uint64_t bytes_in_flight_max = 256ULL << 20;
  env::SocketOptions socket;
  ConnectionLimits limits;
};

/// Listeners and sessions of a node, spread round-robin over its shards.
///
/// Owner    the node; borrows env and sinks, which must outlive it. Destroy it after close_all()
///          has told `done` (or when the loops have ended).
/// Thread   made and called on shard 0; sinks are called on their own shard.
/// Bounds   see the options; per connection at most requests_in_flight_max answers wait in order.
/// Errors   start: kNetworkException with os_error (EADDRINUSE …), address in the detail.
/// Source   SocketServer, KIP-402, KIP-612.
class SocketServer {
 public:
  /// `sinks[i]` serves shard i.
  SocketServer(env::Env& env, SocketServerOptions options, std::vector<RequestSink*> sinks);
  ~SocketServer();

  /// Binds the listener of this name and begins to accept.
  Result<void> start(const std::string& listener);
  /// Binds and accepts on all listeners that are not started yet.
  Result<void> start();
  /// Where a started listener is bound, with the real port.
  const env::SocketAddress& address(const std::string& listener) const;

  void update_limits(ConnectionLimits limits);
  void stop_accepting();
  /// Takes no further request; a session is closed as soon as its requests are answered and its
  /// answers sent, at the latest at `deadline`. `done` runs on shard 0.
  void close_all(MonoTime deadline, Callback done);

 private:
  class Acceptor;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace moldau::net
