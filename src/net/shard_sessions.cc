// SPDX-License-Identifier: Apache-2.0
#include "net/shard_sessions.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace moldau::net {
namespace {

std::string label(const Listener& listener) {
  return "listener=\"" + listener.name + "\"";
}

constexpr const char* kMetrics = "kafka_server_socket_server_metrics_";

}  // namespace

ListenerState::ListenerState(env::Metrics& metrics, const Listener& listener, std::size_t place)
    : name(listener.name),
      index(place),
      connections(metrics.gauge(std::string(kMetrics) + "connection_count", label(listener))),
      created(
          metrics.counter(std::string(kMetrics) + "connection_creation_total", label(listener))),
      closed(metrics.counter(std::string(kMetrics) + "connection_close_total", label(listener))),
      bytes_in(metrics.counter(std::string(kMetrics) + "incoming_byte_total", label(listener))),
      bytes_out(metrics.counter(std::string(kMetrics) + "outgoing_byte_total", label(listener))),
      requests(metrics.counter(std::string(kMetrics) + "request_total", label(listener))) {}

ShardSessions::ShardSessions(env::Env& env, env::ShardId shard, const SocketServerOptions& options,
                             RequestSink& sink, ClosedCallback closed)
    : env_(env),
      shard_(env.shard(shard)),
      options_(options),
      sink_(sink),
      closed_(std::move(closed)),
      flight_gauge_(env.metrics().gauge("moldau_net_bytes_in_flight")),
      held_gauge_(env.metrics().gauge("moldau_net_bytes_of_unfinished_requests")),
      flight_bytes_max_(options.bytes_in_flight_max / env.shard_count() / 4 * 3),
      held_bytes_max_(options.bytes_in_flight_max / env.shard_count() / 4) {
  for (const Listener& listener : options.listeners) add_listener(listener);
  // An eighth of what unfinished frames may take is lent ahead of their bytes.
  credit_.bytes = held_bytes_max_ / 8;
}

ShardSessions::~ShardSessions() {
  drained_ = nullptr;
  while (!connections_.empty()) connections_.back()->finish();
  shard_.disarm(*this);
  if (sweep_timer_) shard_.cancel(*sweep_timer_);
  if (drain_timer_) shard_.cancel(*drain_timer_);
  for (const auto& [listener, timer] : listener_drain_timers_) shard_.cancel(timer);
}

void ShardSessions::add_listener(const Listener& listener) {
  listeners_.push_back(
      std::make_unique<ListenerState>(env_.metrics(), listener, listeners_.size()));
}

void ShardSessions::add(std::unique_ptr<env::AcceptedSocket> socket, std::size_t listener) {
  ListenerState& state = *listeners_[listener];
  if (draining_) return closed_(socket->peer().host, state.index);
  const std::uint64_t id =
      std::uint64_t{shard_.id().value() + 1} << 48 | (++next_id_ & 0xFFFF'FFFF'FFFF);
  auto* connection = new Connection(*this, state, id, shard_.net().adopt(std::move(socket)));
  connection->place = connections_.size();
  connections_.push_back(connection);
  state.connections.add(1);
  state.created.add();
  connection->start();
  arm_sweep();
}

std::vector<IdleConnection> ShardSessions::idlest(const std::vector<bool>& from,
                                                  std::size_t count) const {
  std::vector<IdleConnection> out;
  for (Connection* connection : connections_) {
    const std::size_t listener = connection->listener_state().index;
    if (!from[listener]) continue;
    out.push_back({connection->connection_id(), connection->last_active(), listener});
  }
  count = std::min(count, out.size());
  std::partial_sort(
      out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count), out.end(),
      [](const IdleConnection& a, const IdleConnection& b) { return a.since < b.since; });
  out.resize(count);
  return out;
}

void ShardSessions::close(const std::vector<std::uint64_t>& ids, const char* reason) {
  if (ids.empty()) return;
  const std::unordered_set<std::uint64_t> wanted(ids.begin(), ids.end());
  std::vector<Connection*> chosen;
  for (Connection* connection : connections_)
    if (wanted.contains(connection->connection_id())) chosen.push_back(connection);
  for (Connection* connection : chosen) connection->close_now(reason);
}

const Slice& ShardSessions::slab() {
  if (slab_.empty()) slab_ = Slice::allocate(kSlabBytes);
  return slab_;
}

void ShardSessions::schedule(Connection& connection) {
  if (std::exchange(connection.scheduled, true)) return;
  scheduled_.push_back(&connection);
  shard_.arm(*this);
}

void ShardSessions::on_turn_end() {
  attending_.swap(scheduled_);
  for (Connection* connection : attending_) {
    if (!connection) continue;
    connection->scheduled = false;
    connection->attend();  // may schedule others and itself, for the next round
  }
  attending_.clear();
  feed_the_starving();
  flight_gauge_.set(static_cast<std::int64_t>(flight_bytes_));
  held_gauge_.set(static_cast<std::int64_t>(held_bytes_));
}

void ShardSessions::removed(Connection& connection) {
  connections_[connection.place] = connections_.back();
  connections_[connection.place]->place = connection.place;
  connections_.pop_back();
  if (connection.scheduled)
    std::replace(scheduled_.begin(), scheduled_.end(), &connection,
                 static_cast<Connection*>(nullptr));
  if (connection.starving_)
    std::replace(starving_.begin(), starving_.end(), &connection,
                 static_cast<Connection*>(nullptr));
  ListenerState& state = connection.listener_state();
  state.connections.add(-1);
  state.closed.add();
  log_close(connection);
  sink_.on_closed(connection);
  closed_(connection.peer().host, state.index);
  maybe_drained();
}

void ShardSessions::log_close(Connection& connection) {
  const env::LogLevel level =
      connection.close_is_suspicious() ? env::LogLevel::kWarn : env::LogLevel::kDebug;
  if (!env_.logger().enabled(level, "net")) return;
  env_.logger().write(
      level, "net",
      fmt::format("closed a connection listener={} peer={} reason=\"{}\"", connection.listener(),
                  connection.peer().text(), connection.close_reason()));
}

// ---- Memory

void ShardSessions::remove_flight(std::uint64_t bytes) {
  MOLDAU_CHECK(bytes <= flight_bytes_, "bytes in flight are counted twice");
  flight_bytes_ -= bytes;
  if (!starving_.empty() && !memory_short()) shard_.arm(*this);
}

void ShardSessions::wait_for_memory(Connection& connection) {
  if (std::exchange(connection.starving_, true)) return;
  starving_.push_back(&connection);
}

void ShardSessions::feed_the_starving() {
  // One after the other: the first may use up what became free.
  for (std::size_t i = starving_.size(); i > 0 && !memory_short(); --i) {
    Connection* connection = starving_.front();
    starving_.pop_front();
    if (!connection) continue;
    connection->starving_ = false;
    if (connection->stalled_) schedule(*connection);
  }
}

void ShardSessions::change_held(Connection& connection, std::size_t before, std::size_t now) {
  const bool was_full = large_frames_wait();
  const bool was_oldest = oldest_large() == &connection;
  held_bytes_ += now;
  held_bytes_ -= before;
  const bool large = now > FrameAssembler::kSlack;
  if (large && !connection.large_place_)
    connection.large_place_ = large_.insert(large_.end(), &connection);
  else if (!large && connection.large_place_)
    large_.erase(*std::exchange(connection.large_place_, std::nullopt));
  if (was_full && (!large_frames_wait() || (was_oldest && oldest_large() != &connection)))
    schedule_large();
}

void ShardSessions::schedule_large() {
  for (Connection* connection : large_)
    if (connection->stalled_) schedule(*connection);
}

bool ShardSessions::may_grow(const Connection& connection) const {
  return !connection.large_place_ || !large_frames_wait() || oldest_large() == &connection;
}

// ---- Deadlines

void ShardSessions::arm_sweep() {
  if (sweep_timer_ || connections_.empty()) return;
  const Millis shortest =
      std::min({options_.idle_max, options_.first_request_max, options_.stall_max, Millis(20'000)});
  sweep_timer_ = shard_.call_at(
      shard_.now() + Millis(std::max<std::int64_t>(shortest.value() / 4, 10)), [this] {
        sweep_timer_.reset();
        sweep();
        arm_sweep();
      });
}

void ShardSessions::sweep() {
  const MonoTime now = shard_.now();
  for (Connection* connection : connections_) connection->check_deadlines(now);
}

void ShardSessions::drain_listener(std::size_t listener, MonoTime deadline) {
  for (Connection* connection : connections_)
    if (connection->listener_state().index == listener)
      connection->drain("its listener is removed");
  const auto earlier = listener_drain_timers_.extract(listener);
  if (earlier) shard_.cancel(earlier.mapped());
  listener_drain_timers_[listener] = shard_.call_at(deadline, [this, listener] {
    listener_drain_timers_.erase(listener);
    finish_drained(listener);
  });
}

/// Only those: the listener may be back, with new ones.
void ShardSessions::finish_drained(std::size_t listener) {
  std::vector<Connection*> late;
  for (Connection* connection : connections_)
    if (connection->listener_state().index == listener && connection->draining())
      late.push_back(connection);
  for (Connection* connection : late) connection->finish();
}

void ShardSessions::drain(MonoTime deadline, Callback done) {
  draining_ = true;
  drained_ = std::move(done);
  for (Connection* connection : connections_) connection->drain("the server is stopping");
  drain_timer_ = shard_.call_at(deadline, [this] {
    drain_timer_.reset();
    while (!connections_.empty()) connections_.back()->finish();
  });
  maybe_drained();
}

void ShardSessions::maybe_drained() {
  if (!draining_ || !connections_.empty() || !drained_) return;
  // Nothing of this shard may come later: the owner may destroy this object elsewhere.
  if (sweep_timer_) shard_.cancel(*std::exchange(sweep_timer_, std::nullopt));
  if (drain_timer_) shard_.cancel(*std::exchange(drain_timer_, std::nullopt));
  for (const auto& [listener, timer] : listener_drain_timers_) shard_.cancel(timer);
  listener_drain_timers_.clear();
  shard_.post([this, done = std::exchange(drained_, nullptr)]() mutable {
    shard_.disarm(*this);
    done();
  });
}

}  // namespace moldau::net
