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
/// Connections that came faster than their address may, waiting to be closed.
inline constexpr std::size_t kThrottledMax = 1'024;
/// Names of listeners over the life of a server: each keeps its counters.
inline constexpr std::size_t kListenerNamesMax = 256;

/// How many connections may stand and how fast they may come.
struct ConnectionBounds {
  std::uint32_t connections_max = kNoLimit;           // max.connections
  std::uint32_t creations_per_second_max = kNoLimit;  // max.connection.creation.rate
};

/// One address clients connect to.
struct Listener {
  std::string name;  // "PLAINTEXT"
  env::SocketAddress address;
  /// Brokers come here, and to another one clients: the bounds of the whole broker do not hold
  /// these connections back; the ones of clients are closed for them.
  bool inter_broker = false;
  /// Counted apart from the brokers' listeners, against the same limits.
  bool controller = false;
};

/// What may change while the server runs; the keys as in Apache.
struct ConnectionLimits {
  ConnectionBounds all;
  std::map<std::string, ConnectionBounds> listeners;                  // listener.name.<name>.…
  std::uint32_t connections_per_ip_max = kNoLimit;                    // max.connections.per.ip
  std::map<std::string, std::uint32_t> connections_per_ip_overrides;  // numeric address → limit
  /// So many seconds' worth of creations may come at once
  /// (quota.window.size.seconds × (quota.window.num - 1)).
  Millis creation_burst{10'000};
  /// The longest a connection that comes too fast is kept before it is closed
  /// (quota.window.size.seconds).
  Millis throttle_max{1'000};
};

/// New connections per second and address: the client quotas of entity type ip.
struct IpCreationRates {
  std::uint32_t of_any = kNoLimit;
  std::map<std::string, std::uint32_t> of_one;  // numeric address → rate
  bool operator==(const IpCreationRates&) const = default;
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
  /// Bytes of memory in answers of one connection that are not sent; then it is not read.
  std::uint64_t queued_bytes_max = 8ULL << 20;  // moldau.connection.queued.bytes.max
  /// All shards together: requests being received or answered, and unsent replies; above it
  /// no socket is read.
  std::uint64_t bytes_in_flight_max = 256ULL << 20;
  env::SocketOptions socket;
  ConnectionLimits limits;
};

/// Whether a listener could be bound there now.
/// Thread   the shard's.
/// Errors   kNetworkException with os_error, address in the detail.
Result<void> try_to_listen(env::Shard& shard, const env::SocketAddress& address);

/// Listeners and sessions of a node, spread round-robin over its shards.
///
/// Owner    the node; borrows env and sinks, which must outlive it. Destroy it after close_all()
///          has told `done` (or when the loops have ended).
/// Thread   made and called on shard 0; sinks are called on their own shard.
/// Bounds   see the options; per connection at most requests_in_flight_max answers wait in order;
///          at most kThrottledMax refused connections are kept open to slow their peers down;
///          at most kListenerNamesMax different listeners.
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
  /// One more listener, whose name is new or was removed; start() binds it.
  /// Errors   kInvalidRequest: there were too many names.
  Result<void> add(Listener listener);
  /// Accepts on it no more. Its connections take no further request and are closed as soon as
  /// theirs are answered, at the latest at `deadline`.
  void remove(const std::string& listener, MonoTime deadline);
  /// Those that were given or added and not removed.
  std::vector<Listener> listeners() const;
  bool started(const std::string& listener) const;
  /// Where a started listener is bound, with the real port.
  const env::SocketAddress& address(const std::string& listener) const;

  /// New limits hold at once: connections above max.connections are closed, those first that
  /// have been idle the longest.
  void update_limits(ConnectionLimits limits);
  void update_ip_rates(IpCreationRates rates);
  void stop_accepting();
  /// Takes no further request; a session is closed as soon as its requests are answered and its
  /// answers sent, at the latest at `deadline`. `done` runs on shard 0.
  void close_all(MonoTime deadline, Callback done);

 private:
  class Acceptor;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace moldau::net
