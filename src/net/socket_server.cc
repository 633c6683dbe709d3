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
  ~Acceptor() { cancel_timers(); }

  Result<void> start(std::size_t listener);
  Result<void> start_all();
  Result<void> add(Listener listener);
  void remove(std::size_t listener, MonoTime deadline);
  std::size_t index_of(const std::string& listener) const;
  std::vector<Listener> listeners() const;
  bool started(std::size_t listener) const { return bound_[listener].started; }
  const env::SocketAddress& address(std::size_t listener) const { return bound_[listener].address; }
  void update_limits(ConnectionLimits limits);
  void update_ip_rates(IpCreationRates rates) { quota_.update(std::move(rates), home_.now()); }
  void stop();
  void close_all(MonoTime deadline, Callback done);

 private:
  void cancel_timers() {
    if (pace_timer_) home_.cancel(*std::exchange(pace_timer_, std::nullopt));
    if (throttle_timer_) home_.cancel(*std::exchange(throttle_timer_, std::nullopt));
  }
  /// The place of a listener's name.
  struct Bound {
    explicit Bound(Listener wanted) : listener(std::move(wanted)) {}
    Listener listener;
    bool removed = false;
    std::unique_ptr<env::ListeningSocket> socket;
    env::SocketAddress address;
    bool started = false;
    bool paused = false;
  };
  /// A search for the connections that have been idle the longest, over all shards.
  struct Shedding {
    std::vector<std::vector<IdleConnection>> of_shards;
    std::size_t pending = 0;
  };
  /// In the order in which connections are handed to a shard: at once on this one.
  template <class Work>
  void on_each_shard(const Work& work) {
    work(*sessions_[0]);
    for (std::size_t s = 1; s < sessions_.size(); ++s)
      sessions_[s]->shard().post([work, each = sessions_[s].get()] { work(*each); });
  }
  const std::string& name_of(std::size_t listener) const { return bound_[listener].listener.name; }
  void on_accept(std::size_t listener, std::unique_ptr<env::AcceptedSocket> socket);
  void refuse(std::size_t listener, std::unique_ptr<env::AcceptedSocket> socket);
  /// Keeps it open for a while: its peer would only come again.
  void throttle(std::size_t listener, std::unique_ptr<env::AcceptedSocket> socket, MonoTime until);
  void close_throttled();
  /// Pauses or resumes each listener as its limits say.
  void pace();
  /// Closes connections that may not stand any more, the idlest first.
  void shed();
  void close_idlest(Shedding& found);

  env::Env& env_;
  env::Shard& home_;
  const SocketServerOptions options_;
  ConnectionQuota quota_;
  env::Counter& refused_;
  env::Counter& too_fast_;
  env::Counter& shed_;
  std::vector<Bound> bound_;
  std::multimap<MonoTime, std::unique_ptr<env::AcceptedSocket>> throttled_;
  std::optional<env::TimerId> throttle_timer_;
  bool shedding_ = false;
  bool closing_ = false;
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
      too_fast_(env.metrics().counter("moldau_net_connections_throttled_total")),
      shed_(env.metrics().counter("moldau_net_connections_shed_total")),
      bound_(options_.listeners.begin(), options_.listeners.end()) {
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
  for (std::size_t i = 0; i < bound_.size(); ++i)
    if (!bound_[i].removed && name_of(i) == listener) return i;
  MOLDAU_CHECK(false, "no listener of that name");
}

std::vector<Listener> SocketServer::Acceptor::listeners() const {
  std::vector<Listener> out;
  for (const Bound& bound : bound_)
    if (!bound.removed) out.push_back(bound.listener);
  return out;
}

Result<void> SocketServer::Acceptor::start_all() {
  for (std::size_t i = 0; i < bound_.size(); ++i)
    if (!bound_[i].removed && !bound_[i].started) MOLDAU_TRY(start(i));
  return {};
}

Result<void> SocketServer::Acceptor::add(Listener listener) {
  const auto at = std::find_if(bound_.begin(), bound_.end(), [&](const Bound& bound) {
    return bound.listener.name == listener.name;
  });
  const auto place = static_cast<std::size_t>(at - bound_.begin());
  if (at != bound_.end()) {
    MOLDAU_CHECK(at->removed, "a listener is added twice");
    at->listener = std::move(listener);
    at->removed = false;
  } else {
    if (bound_.size() >= kListenerNamesMax)
      return Error(ErrorCode::kInvalidRequest, "there were too many listeners since the start");
    bound_.emplace_back(std::move(listener));
    on_each_shard([added = bound_.back().listener](ShardSessions& sessions) {
      sessions.add_listener(added);
    });
  }
  quota_.put(place, bound_[place].listener, home_.now());
  return {};
}

void SocketServer::Acceptor::remove(std::size_t listener, MonoTime deadline) {
  Bound& bound = bound_[listener];
  bound.socket.reset();
  bound.started = false;
  bound.paused = false;
  bound.removed = true;
  quota_.remove(listener);
  env_.logger().info("net", "Removed listener={}", bound.listener.name);
  if (closing_) return;
  on_each_shard([listener, deadline](ShardSessions& sessions) {
    sessions.drain_listener(listener, deadline);
  });
  pace();
}

Result<void> SocketServer::Acceptor::start(std::size_t listener) {
  const Listener& wanted = bound_[listener].listener;
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
  const ConnectionQuota::Admission admission = quota_.admit(host, listener, home_.now());
  if (admission.verdict == ConnectionQuota::Verdict::kTooMany)
    return refuse(listener, std::move(socket));
  if (admission.verdict == ConnectionQuota::Verdict::kTooFast)
    return throttle(listener, std::move(socket), admission.until);
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
  shed();
}

void SocketServer::Acceptor::refuse(std::size_t listener,
                                    std::unique_ptr<env::AcceptedSocket> socket) {
  refused_.add();
  env_.logger().warn("net",
                     "refused a connection listener={} peer={} reason=\"its address has "
                     "the most allowed\" limit={}",
                     name_of(listener), socket->peer().text(),
                     quota_.limit_of(socket->peer().host));
  pace();
}

void SocketServer::Acceptor::throttle(std::size_t listener,
                                      std::unique_ptr<env::AcceptedSocket> socket, MonoTime until) {
  too_fast_.add();
  env_.logger().warn("net",
                     "refused a connection listener={} peer={} reason=\"its address is above "
                     "its connection_creation_rate\"",
                     name_of(listener), socket->peer().text());
  if (throttled_.size() >= kThrottledMax) return;
  throttled_.emplace(until, std::move(socket));
  if (!throttle_timer_) throttle_timer_ = home_.call_at(until, [this] { close_throttled(); });
}

void SocketServer::Acceptor::close_throttled() {
  throttle_timer_.reset();
  throttled_.erase(throttled_.begin(), throttled_.upper_bound(home_.now()));
  if (throttled_.empty()) return;
  throttle_timer_ = home_.call_at(throttled_.begin()->first, [this] { close_throttled(); });
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
          "net", "new connections wait listener={} reason=\"{}\"", name_of(i),
          full ? "max.connections is reached" : "max.connection.creation.rate is reached");
  }
  if (!earliest || pace_timer_) return;
  pace_timer_ = home_.call_at(*earliest, [this] {
    pace_timer_.reset();
    pace();
  });
}

void SocketServer::Acceptor::shed() {
  if (shedding_ || closing_) return;
  std::size_t excess = 0;
  std::vector<bool> from(bound_.size());
  for (std::size_t i = 0; i < bound_.size(); ++i) {
    from[i] = !quota_.is_protected(i) && quota_.excess(i) > 0;
    if (from[i]) excess = std::max<std::size_t>(excess, quota_.excess(i));
  }
  if (excess == 0) return;
  shedding_ = true;
  auto found = std::make_shared<Shedding>();
  found->of_shards.resize(sessions_.size());
  found->pending = sessions_.size();
  for (std::size_t s = 0; s < sessions_.size(); ++s) {
    sessions_[s]->shard().post([this, found, s, from, excess, each = sessions_[s].get()] {
      home_.post([this, found, s, idlest = each->idlest(from, excess)]() mutable {
        found->of_shards[s] = std::move(idlest);
        if (--found->pending == 0) close_idlest(*found);
      });
    });
  }
}

void SocketServer::Acceptor::close_idlest(Shedding& found) {
  std::vector<std::pair<IdleConnection, std::size_t>> all;
  for (std::size_t s = 0; s < found.of_shards.size(); ++s)
    for (const IdleConnection& one : found.of_shards[s]) all.emplace_back(one, s);
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.first.since < b.first.since; });
  std::vector<std::vector<std::uint64_t>> ids(sessions_.size());
  // Per group: some may have ended since they were found.
  std::map<bool, std::uint64_t> left;
  for (std::size_t i = 0; i < bound_.size(); ++i)
    left[bound_[i].listener.controller] = quota_.excess(i);
  bool any = false;
  for (const auto& [connection, shard] : all) {
    std::uint64_t& excess = left[bound_[connection.listener].listener.controller];
    if (excess == 0) continue;
    --excess;
    any = true;
    ids[shard].push_back(connection.id);
    shed_.add();
  }
  if (!any || closing_) {
    shedding_ = false;
    return;
  }
  auto pending = std::make_shared<std::size_t>(sessions_.size());
  for (std::size_t s = 0; s < sessions_.size(); ++s) {
    sessions_[s]->shard().post([this, pending, each = sessions_[s].get(), mine = ids[s]] {
      each->close(mine, "max.connections is exceeded and it has been idle the longest");
      // Behind the word of each connection that it is closed.
      home_.post([this, pending] {
        if (--*pending > 0) return;
        shedding_ = false;
        shed();
      });
    });
  }
}

void SocketServer::Acceptor::update_limits(ConnectionLimits limits) {
  quota_.update(std::move(limits), home_.now());
  if (pace_timer_) home_.cancel(*std::exchange(pace_timer_, std::nullopt));
  pace();
  shed();
}

void SocketServer::Acceptor::stop() {
  for (Bound& bound : bound_) bound.socket.reset();
  throttled_.clear();
  cancel_timers();
}

void SocketServer::Acceptor::close_all(MonoTime deadline, Callback done) {
  stop();
  closing_ = true;
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

Result<void> try_to_listen(env::Shard& shard, const env::SocketAddress& address) {
  auto socket = shard.net().listen(address, {}, [](std::unique_ptr<env::AcceptedSocket>) {});
  return socket.ok() ? Result<void>() : Result<void>(std::move(socket).error());
}

SocketServer::SocketServer(env::Env& env, SocketServerOptions options,
                           std::vector<RequestSink*> sinks)
    : acceptor_(std::make_unique<Acceptor>(env, std::move(options), std::move(sinks))) {}

SocketServer::~SocketServer() = default;

Result<void> SocketServer::start(const std::string& listener) {
  return acceptor_->start(acceptor_->index_of(listener));
}

Result<void> SocketServer::start() {
  return acceptor_->start_all();
}

Result<void> SocketServer::add(Listener listener) {
  return acceptor_->add(std::move(listener));
}

void SocketServer::remove(const std::string& listener, MonoTime deadline) {
  acceptor_->remove(acceptor_->index_of(listener), deadline);
}

std::vector<Listener> SocketServer::listeners() const {
  return acceptor_->listeners();
}

bool SocketServer::started(const std::string& listener) const {
  return acceptor_->started(acceptor_->index_of(listener));
}

const env::SocketAddress& SocketServer::address(const std::string& listener) const {
  return acceptor_->address(acceptor_->index_of(listener));
}

void SocketServer::update_limits(ConnectionLimits limits) {
  acceptor_->update_limits(std::move(limits));
}

void SocketServer::update_ip_rates(IpCreationRates rates) {
  acceptor_->update_ip_rates(std::move(rates));
}

void SocketServer::stop_accepting() {
  acceptor_->stop();
}

void SocketServer::close_all(MonoTime deadline, Callback done) {
  acceptor_->close_all(deadline, std::move(done));
}

}  // namespace moldau::net
