// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/env.h"
#include "net/connection.h"
#include "net/socket_server.h"

namespace moldau::net {

/// What one shard knows of a listener; metrics as Apache's socket-server-metrics.
struct ListenerState {
  ListenerState(env::Metrics& metrics, const Listener& listener, std::size_t place);

  const std::string name;
  const std::size_t index;
  env::Gauge& connections;
  env::Counter& created;
  env::Counter& closed;
  env::Counter& bytes_in;
  env::Counter& bytes_out;
  env::Counter& requests;
};

/// A connection that may be closed for others.
struct IdleConnection {
  std::uint64_t id = 0;
  MonoTime since;
  std::size_t listener = 0;
};

/// All connections of one shard, and what they share: the slab, the memory budget, the sink.
///
/// Owner    SocketServer; borrows env, options and sink.
/// Thread   shard-bound, but for construction.
/// Bounds   options.bytes_in_flight_max / shards: three quarters for requests delivered and
///          replies unsent, a quarter for frames being received. Beyond the first nobody is read;
///          beyond the second only the connection whose large frame is the oldest goes on with
///          one, so that some end. Peers that stall meanwhile are closed after stall_max.
class ShardSessions final : private env::TurnHook {
 public:
  /// `closed` is called on this shard for each connection that ended.
  using ClosedCallback = UniqueFunction<void(const std::string& host, std::size_t listener)>;
  ShardSessions(env::Env& env, env::ShardId shard, const SocketServerOptions& options,
                RequestSink& sink, ClosedCallback closed);
  ~ShardSessions() override;

  void add(std::unique_ptr<env::AcceptedSocket> socket, std::size_t listener);
  /// The `count` connections that have been idle the longest, of listeners with from[listener].
  std::vector<IdleConnection> idlest(const std::vector<bool>& from, std::size_t count) const;
  /// Closes these, as far as they stand.
  void close(const std::vector<std::uint64_t>& ids, const char* reason);
  /// The next listener from now on, at the place behind the last.
  void add_listener(const Listener& listener);
  /// As SocketServer::remove.
  void drain_listener(std::size_t listener, MonoTime deadline);
  /// As SocketServer::close_all; `done` is called on this shard.
  void drain(MonoTime deadline, Callback done);

  // For Connection:
  env::Shard& shard() { return shard_; }
  RequestSink& sink() { return sink_; }
  MonoTime precise_now() { return env_.clock().mono(); }
  const SocketServerOptions& options() const { return options_; }
  AheadCredit& credit() { return credit_; }
  const Slice& slab();
  void replace_slab() { slab_ = Slice(); }
  /// attend() is called at the end of this turn.
  void schedule(Connection& connection);
  void removed(Connection& connection);
  bool memory_short() const { return flight_bytes_ >= flight_bytes_max_; }
  void add_flight(std::uint64_t bytes) { flight_bytes_ += bytes; }
  void remove_flight(std::uint64_t bytes);
  /// It is scheduled when memory_short() ends, in the order of asking.
  void wait_for_memory(Connection& connection);
  void change_held(Connection& connection, std::size_t before, std::size_t now);
  bool may_grow(const Connection& connection) const;
  bool large_frames_wait() const { return held_bytes_ >= held_bytes_max_; }
  const Connection* oldest_large() const { return large_.empty() ? nullptr : large_.front(); }

 private:
  static constexpr std::size_t kSlabBytes = 128 << 10;

  void on_turn_end() override;
  void feed_the_starving();
  void schedule_large();
  void arm_sweep();
  void sweep();
  void log_close(Connection& connection);
  void finish_drained(std::size_t listener);
  void maybe_drained();

  env::Env& env_;
  env::Shard& shard_;
  const SocketServerOptions& options_;
  RequestSink& sink_;
  ClosedCallback closed_;
  std::vector<std::unique_ptr<ListenerState>> listeners_;
  env::Gauge& flight_gauge_;
  env::Gauge& held_gauge_;

  std::vector<Connection*> connections_;
  std::vector<Connection*> scheduled_;
  std::vector<Connection*> attending_;
  std::deque<Connection*> starving_;
  std::list<Connection*> large_;  // unfinished large frames, the oldest first
  Slice slab_;
  AheadCredit credit_;
  std::uint64_t flight_bytes_ = 0;
  std::uint64_t held_bytes_ = 0;
  const std::uint64_t flight_bytes_max_;
  const std::uint64_t held_bytes_max_;
  std::uint64_t next_id_ = 0;
  std::optional<env::TimerId> sweep_timer_;
  std::optional<env::TimerId> drain_timer_;
  std::map<std::size_t, env::TimerId> listener_drain_timers_;
  bool draining_ = false;
  Callback drained_;
};

}  // namespace moldau::net
