// SPDX-License-Identifier: Apache-2.0
#include "net/socket_server.h"

#include <algorithm>
#include <utility>

#include "net/connection_quota.h"
#include "net/shard_sessions.h"

namespace moldau::net {

/// Accepts on shard 0, counts, and hands connections to the shards in turn.
/// Thread   shard-bound (shard 0).
class SocketServer::Acceptor {
 public:
  Acceptor(env::Env& env, SocketServerOptions options, std::vector<RequestSink*> sinks);
  ~Acceptor() {
    if (pace_timer_) home_.cancel(*pace_timer_);
  }

  Result<void> start(std::size_t listener);
  std::size_t index_of(const std::string& listener) const;
  std::size_t listener_count() const { return options_.listeners.size(); }
  bool started(std::size_t listener) const { return bound_[listener].started; }
  const env::SocketAddress& address(std::size_t listener) const { return bound_[listener].address; }
  void update_limits(ConnectionLimits limits);
  void stop();
  void close_all(MonoTime deadline, Callback done);

 private:
  struct Bound {
    std::unique_ptr<env::ListeningSocket> socket;
    env::SocketAddress address;
    bool started = false;
    bool paused = false;
  };
  void on_accept(std::size_t listener, std::unique_ptr<env::AcceptedSocket> socket);
  /// Pauses or resumes each listener as its limits say.
  void pace();

  env::Env& env_;
  env::Shard& home_;
  const SocketServerOptions options_;
  ConnectionQuota quota_;
  env::Counter& refused_;
  std::vector<Bound> bound_;
  std::vector<std::unique_ptr<ShardSessions>> sessions_;
  std::size_t next_shard_ = 0;
  std::optional<env::TimerId> pace_timer_;
  std::size_t draining_ = 0;
  Callback drained_;
};

SocketServer::Acceptor::Acceptor(env::Env& env, SocketServerOptions options,
                                 std::vector<RequestSink*> sinks)
    : env_(env),
      home_(env.shard(env::ShardId(0))),
      options_(std::move(options)),
      quota_(options_.listeners, options_.limits),
      refused_(env.metrics().counter("moldau_net_connections_refused_total")),
      bound_(options_.listeners.size()) {
  MOLDAU_CHECK(sinks.size() == env.shard_count(), "one sink for each shard");
  for (std::uint32_t i = 0; i < env.shard_count(); ++i) {
    auto closed = [this](const std::string& host, std::size_t listener) {
      home_.post([this, host, listener] {
        quota_.closed(host, listener);
        pace();
      });
    };
    sessions_.push_back(std::make_unique<ShardSessions>(env, env::ShardId(i), options_, *sinks[i],
                                                        std::move(closed)));
  }
}

std::size_t SocketServer::Acceptor::index_of(const std::string& listener) const {
  for (std::size_t i = 0; i < options_.listeners.size(); ++i)
    if (options_.listeners[i].name == listener) return i;
  MOLDAU_CHECK(false, "no listener of that name");
}

Result<void> SocketServer::Acceptor::start(std::size_t listener) {
  const Listener& wanted = options_.listeners[listener];
  MOLDAU_ASSIGN_OR_RETURN(
      std::unique_ptr<env::ListeningSocket> socket,
      home_.net().listen(wanted.address, options_.socket,
                         [this, listener](std::unique_ptr<env::AcceptedSocket> accepted) {
                           on_accept(listener, std::move(accepted));
                         }));
  Bound& bound = bound_[listener];
  bound.address = socket->local();
  bound.socket = std::move(socket);
  bound.started = true;
  pace();
  env_.logger().info("net", "Awaiting socket connections on {} listener={}", bound.address.text(),
                     wanted.name);
  return {};
}

void SocketServer::Acceptor::on_accept(std::size_t listener,
                                       std::unique_ptr<env::AcceptedSocket> socket) {
  const std::string& host = socket->peer().host;
  if (!quota_.admit(host, listener, home_.now())) {
    refused_.add();
    env_.logger().warn("net",
                       "refused a connection listener={} peer={} reason=\"its address has "
                       "the most allowed\" limit={}",
                       options_.listeners[listener].name, socket->peer().text(),
                       quota_.limit_of(host));
    pace();
    return;
  }
  const std::size_t shard = next_shard_++ % sessions_.size();
  ShardSessions* sessions = sessions_[shard].get();
  if (shard == 0) {
    sessions->add(std::move(socket), listener);
  } else {
    sessions->shard().post([sessions, listener, accepted = std::move(socket)]() mutable {
      sessions->add(std::move(accepted), listener);
    });
  }
  pace();
}

void SocketServer::Acceptor::pace() {
  std::optional<MonoTime> earliest;
  for (std::size_t i = 0; i < bound_.size(); ++i) {
    Bound& bound = bound_[i];
    if (!bound.socket) continue;
    const std::optional<MonoTime> next = quota_.next_creation(i, home_.now());
    if (next) earliest = earliest ? std::min(*earliest, *next) : *next;
    const bool full = quota_.full(i);
    const bool pause = full || next;
    if (pause == bound.paused) continue;
    bound.paused = pause;
    bound.socket->pause(pause);
    if (pause)
      env_.logger().warn(
          "net", "new connections wait listener={} reason=\"{}\"", options_.listeners[i].name,
          full ? "max.connections is reached" : "max.connection.creation.rate is reached");
  }
  if (!earliest || pace_timer_) return;
  pace_timer_ = home_.call_at(*earliest, [this] {
    pace_timer_.reset();
    pace();
  });
}

void SocketServer::Acceptor::update_limits(ConnectionLimits limits) {
  quota_.update(std::move(limits));
  if (pace_timer_) home_.cancel(*std::exchange(pace_timer_, std::nullopt));
  pace();
}

void SocketServer::Acceptor::stop() {
  for (Bound& bound : bound_) bound.socket.reset();
  if (pace_timer_) home_.cancel(*std::exchange(pace_timer_, std::nullopt));
}

void SocketServer::Acceptor::close_all(MonoTime deadline, Callback done) {
  stop();
  drained_ = std::move(done);
  draining_ = sessions_.size();
  for (auto& sessions : sessions_) {
    sessions->shard().post([this, deadline, each = sessions.get()] {
      each->drain(deadline, [this] {
        home_.post([this] {
          if (--draining_ == 0) std::exchange(drained_, nullptr)();
        });
      });
    });
  }
}

SocketServer::SocketServer(env::Env& env, SocketServerOptions options,
                           std::vector<RequestSink*> sinks)
    : acceptor_(std::make_unique<Acceptor>(env, std::move(options), std::move(sinks))) {}

SocketServer::~SocketServer() = default;

Result<void> SocketServer::start(const std::string& listener) {
  return acceptor_->start(acceptor_->index_of(listener));
}

Result<void> SocketServer::start() {
  for (std::size_t i = 0; i < acceptor_->listener_count(); ++i)
    if (!acceptor_->started(i)) MOLDAU_TRY(acceptor_->start(i));
  return {};
}

const env::SocketAddress& SocketServer::address(const std::string& listener) const {
  return acceptor_->address(acceptor_->index_of(listener));
}

void SocketServer::update_limits(ConnectionLimits limits) {
  acceptor_->update_limits(std::move(limits));
}

void SocketServer::stop_accepting() {
  acceptor_->stop();
}

void SocketServer::close_all(MonoTime deadline, Callback done) {
  acceptor_->close_all(deadline, std::move(done));
}

}  // namespace moldau::net
