// SPDX-License-Identifier: Apache-2.0
#include "client/cluster.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "wire/api_versions_request.h"
#include "wire/api_versions_response.h"
#include "wire/metadata_request.h"

namespace moldau::client {
namespace {

/// Looked at again at the latest after this, in case an event was of no use.
constexpr Millis kLookAgain{1000};
constexpr const char* kSoftwareName = "moldau";

Error at(const std::string& title, Error why) {
  why.detail = title + ": " + why.detail;
  return why;
}

}  // namespace

Cluster::Cluster(env::Env& env, env::Shard& shard, ClusterOptions options)
    : env_(env), shard_(shard), options_(std::move(options)) {
  view_.bootstrap(options_.bootstrap);
}

Cluster::~Cluster() {
  for (auto& [id, peer] : peers_)
    if (peer.connection) peer.connection->abandon();
  *self_ = nullptr;
}

MonoTime Cluster::patience(MonoTime deadline) const {
  return std::min(deadline, shard_.now() + options_.request_timeout);
}

const BrokerState* Cluster::state_of(NodeId node) const {
  const auto found = peers_.find(node);
  return found == peers_.end() ? nullptr : &found->second.state;
}

std::string Cluster::title_of(NodeId node) const {
  const BrokerAddress* address = view_.broker(node);
  const std::string where = address ? address->text() : std::string("unknown address");
  const char* kind = options_.of_controllers ? "controller" : "broker";
  if (node.value() < 0) return fmt::format("bootstrap {} {}", kind, where);
  return fmt::format("{} {} ({})", kind, node.value(), where);
}

// ---- Connections

Cluster::Peer* Cluster::peer_of(NodeId node) {
  const BrokerAddress* address = view_.broker(node);
  if (!address) return nullptr;
  const auto [found, fresh] = peers_.try_emplace(node, options_.broker);
  Peer& peer = found->second;
  if (!fresh && (peer.address.host != address->host || peer.address.port != address->port)) {
    if (peer.connection) peer.connection->close(Error(ErrorCode::kNetworkException, "it moved"));
    peer = Peer(options_.broker);
  }
  peer.address = *address;
  return &peer;
}

void Cluster::open(NodeId node, Peer& peer) {
  peer.state.begin(shard_.now(), shard_.random().next());
  Connection::Events events;
  const auto self = self_;
  events.stands = [self, node] {
    if (*self) (*self)->negotiate(node, wire::ApiVersionsRequest::kMaxVersion);
  };
  events.ended = [self, node](const Error& why) {
    if (*self) (*self)->on_ended(node, why);
  };
  auto connection = Connection::open(shard_, inbox_, {peer.address.host, peer.address.port},
                                     options_.socket, std::move(events));
  if (!connection.ok()) return on_ended(node, connection.error());
  peer.connection = std::move(connection).value();
  watch_setup(node);
}

void Cluster::watch_setup(NodeId node) {
  const Peer& peer = peers_.at(node);
  const std::weak_ptr<Connection> weak = peer.connection;
  shard_.call_at(peer.state.setup_deadline(), [self = self_, node, weak] {
    const auto connection = weak.lock();
    if (!*self || !connection || connection->ended()) return;
    const BrokerState* state = (*self)->state_of(node);
    if (state && !state->ready() && (*self)->peers_.at(node).connection == connection)
      connection->close(
          Error(ErrorCode::kNetworkException, "the connection did not stand in time"));
  });
}

void Cluster::negotiate(NodeId node, std::int16_t version) {
  const auto found = peers_.find(node);
  if (found == peers_.end() || !found->second.connection) return;
  Peer& peer = found->second;
  peer.state.stands();
  wire::ApiVersionsRequest request;
  request.client_software_name = std::string_view(kSoftwareName);
  request.client_software_version = std::string_view(MOLDAU_VERSION);
  const std::int32_t id = peer.connection->next_correlation_id();
  Slice frame = wire::encode_request(request, version, id, std::string_view(options_.client_id));
  peer.connection->send(id, std::move(frame), peer.state.setup_deadline(),
                        [self = self_, node, version](Result<Slice> answer) {
                          if (*self) (*self)->on_versions(node, version, std::move(answer));
                        });
}

void Cluster::on_versions(NodeId node, std::int16_t asked, Result<Slice> frame) {
  if (!frame.ok()) return;  // the connection has ended, and tells so itself
  const auto found = peers_.find(node);
  if (found == peers_.end() || !found->second.connection) return;
  wire::ApiVersionsResponse answer;
  // Who does not know our version answers in version 0, and says there which ones it knows.
  const auto begin = wire::Reader(frame->view().subspan(4)).int16("error");
  const bool unknown = asked > 0 && error_from_wire(begin) == ErrorCode::kUnsupportedVersion;
  const std::int16_t version = unknown ? 0 : asked;
  wire::Reader reader(frame->view());
  auto read = wire::read_response_header(reader, wire::ApiKey::kApiVersions, version);
  Result<void> body = read.ok() ? answer.decode(reader, version) : Result<void>(read.error());
  if (!body.ok())
    return close(node, Error(ErrorCode::kInvalidRequest,
                             "its versions cannot be read: " + body.error().detail));
  if (unknown) {
    std::int16_t next = 0;
    for (const auto& api : answer.api_keys)
      if (api.api_key == wire::ApiVersionsRequest::kApiKey)
        next = std::clamp<std::int16_t>(api.max_version, 0, static_cast<std::int16_t>(asked - 1));
    return negotiate(node, next);
  }
  const ErrorCode error = error_from_wire(answer.error_code);
  if (error != ErrorCode::kNone) return close(node, Error(error, "it would not tell its versions"));
  found->second.state.negotiated(answer);
  found->second.last_error.reset();
  lonely_since_.reset();
  watch_idle(node, shard_.now() + options_.connections_max_idle);
  changed();
}

void Cluster::watch_idle(NodeId node, MonoTime when) {
  if (options_.connections_max_idle.value() <= 0) return;
  const std::weak_ptr<Connection> weak = peers_.at(node).connection;
  shard_.call_at(when, [self = self_, node, weak] {
    const auto connection = weak.lock();
    if (!*self || !connection || connection->ended()) return;
    const MonoTime due = connection->last_used() + (*self)->options_.connections_max_idle;
    if (connection->in_flight() > 0 || due > (*self)->shard_.now())
      return (*self)->watch_idle(node, std::max(due, (*self)->shard_.now() + kLookAgain));
    (*self)->peers_.at(node).state.closed();
    (*self)->peers_.at(node).connection.reset();
    connection->close(Error(ErrorCode::kNetworkException, "it was idle"));
  });
}

void Cluster::on_ended(NodeId node, const Error& why) {
  const auto found = peers_.find(node);
  if (found == peers_.end()) return;
  Peer& peer = found->second;
  // One that was replaced, or closed on purpose, says nothing of the broker.
  if (peer.connection && !peer.connection->ended()) return;
  if (peer.state.phase() == BrokerState::Phase::kClosed) return;
  env_.logger().debug("client.cluster", "connection ended node={} why=\"{}\"", title_of(node),
                      why.detail);
  peer.connection.reset();
  peer.state.failed(shard_.now(), shard_.random().next());
  peer.last_error = at(title_of(node), why);
  ++peer.failures;
  changed();
}

void Cluster::close(NodeId node, Error why) {
  const auto found = peers_.find(node);
  if (found != peers_.end() && found->second.connection)
    found->second.connection->close(std::move(why));
}

// ---- Waiting

void Cluster::changed() {
  for (const auto& setter : std::exchange(waiting_, {})) setter.set(true);
}

env::Task<Result<void>> Cluster::wait_for_change(MonoTime deadline) {
  const MonoTime now = shard_.now();
  if (now >= deadline) co_return unreachable("no broker could be reached in time");
  env::Arrival<bool> event(shard_);
  waiting_.push_back(event.setter());
  const env::TimerId timer =
      shard_.call_at(std::min(deadline, std::max(now + 1'000'000, next_attempt())),
                     [setter = event.setter()] { setter.set(true); });
  (void)co_await event;
  shard_.cancel(timer);
  co_return Result<void>();
}

MonoTime Cluster::next_attempt() const {
  const MonoTime now = shard_.now();
  MonoTime next = now + kLookAgain;
  for (const auto& [id, peer] : peers_)
    if (peer.state.phase() == BrokerState::Phase::kClosed && peer.state.blocked_until() > now)
      next = std::min(next, peer.state.blocked_until());
  return next;
}

Error Cluster::unreachable(const char* what) const {
  std::string text = what;
  for (const auto& [id, peer] : peers_)
    if (peer.last_error) text.append("; ").append(peer.last_error->detail);
  return {ErrorCode::kRequestTimedOut, text};
}

std::optional<NodeId> Cluster::least_loaded() {
  std::optional<NodeId> ready;
  std::size_t load = 0;
  std::optional<NodeId> to_try;
  std::uint64_t tickets = 0;
  bool connecting = false;
  for (const auto& [id, address] : view_.brokers()) {
    Peer& peer = *peer_of(id);
    if (peer.state.ready()) {
      const std::size_t now = peer.connection->in_flight();
      if (!ready || now < load) {
        ready = id;
        load = now;
      }
    } else if (peer.state.may_connect(shard_.now())) {
      // Each of them is as good as the others.
      if (shard_.random().below(++tickets) == 0) to_try = id;
    } else if (peer.state.phase() != BrokerState::Phase::kClosed) {
      connecting = true;
    }
  }
  if (ready) return ready;
  return connecting ? std::nullopt : to_try;
}

void Cluster::maybe_rebootstrap(MonoTime now) {
  if (!lonely_since_) lonely_since_ = now;
  if (!options_.rebootstrap_trigger || view_.bootstrapping()) return;
  if (now < *lonely_since_ + *options_.rebootstrap_trigger) return;
  env_.logger().info("client.cluster", "no broker answers, asking the bootstrap addresses again");
  view_.bootstrap(options_.bootstrap);
  lonely_since_.reset();
}

env::Task<Result<NodeId>> Cluster::any_broker(MonoTime deadline) {
  for (;;) {
    const std::optional<NodeId> node = least_loaded();
    if (node && peers_.at(*node).state.ready()) co_return *node;
    if (node)
      open(*node, peers_.at(*node));
    else
      maybe_rebootstrap(shard_.now());
    auto waited = co_await wait_for_change(deadline);
    if (!waited.ok()) co_return std::move(waited).error();
  }
}

env::Task<Result<void>> Cluster::connect(NodeId node, MonoTime deadline) {
  std::optional<std::uint64_t> failures;
  for (;;) {
    Peer* peer = peer_of(node);
    if (!peer)
      co_return Error(ErrorCode::kBrokerNotAvailable,
                      fmt::format("broker {} is not in the cluster's metadata", node.value()));
    if (peer->state.ready() && shard_.now() >= peer->state.throttled_until())
      co_return Result<void>();
    if (failures && peer->failures > *failures && peer->last_error) co_return *peer->last_error;
    failures = peer->failures;
    if (peer->state.may_connect(shard_.now())) open(node, *peer);
    auto waited = co_await wait_for_change(deadline);
    if (!waited.ok()) co_return at(title_of(node), std::move(waited).error());
  }
}

// ---- Requests

void Cluster::note_throttle(NodeId node, std::int32_t throttle_ms) {
  const auto found = peers_.find(node);
  if (found != peers_.end() && throttle_ms > 0)
    found->second.state.throttled(shard_.now(), Millis(throttle_ms));
}

Result<std::int16_t> Cluster::encode_for(NodeId node, wire::ApiKey api, VersionRange versions,
                                         Encoder& encode, std::int32_t id, Slice& frame) {
  const Peer& peer = peers_.at(node);
  const auto version = peer.state.version_of(api, versions);
  if (!version.ok()) return at(title_of(node), version.error());
  auto encoded = encode(*version, id);
  if (!encoded.ok()) return at(title_of(node), encoded.error());
  frame = std::move(encoded).value();
  return *version;
}

env::Task<Result<Cluster::Exchanged>> Cluster::exchange(NodeId node, wire::ApiKey api,
                                                        VersionRange versions, Encoder encode,
                                                        MonoTime deadline) {
  auto ready = co_await connect(node, deadline);
  if (!ready.ok()) co_return std::move(ready).error();
  Exchanged out;
  Slice frame;
  const std::shared_ptr<Connection> connection = peers_.at(node).connection;
  const std::int32_t id = connection->next_correlation_id();
  const auto version = encode_for(node, api, versions, encode, id, frame);
  if (!version.ok()) co_return version.error();
  out.version = *version;
  env::Arrival<Result<Slice>> answer(shard_);
  connection->send(id, std::move(frame), deadline,
                   [setter = answer.setter()](Result<Slice> got) { setter.set(std::move(got)); });
  auto got = co_await answer;
  if (!got.ok()) {
    const std::string doing = fmt::format("{}, {}", title_of(node), wire::api_name(api));
    co_return at(doing, std::move(got).error());
  }
  out.frame = std::move(got).value();
  co_return std::move(out);
}

env::Task<Result<void>> Cluster::hand_on(NodeId node, wire::ApiKey api, VersionRange versions,
                                         Encoder encode, MonoTime deadline) {
  auto ready = co_await connect(node, deadline);
  if (!ready.ok()) co_return std::move(ready).error();
  Slice frame;
  Connection& connection = *peers_.at(node).connection;
  const std::int32_t id = connection.next_correlation_id();
  const auto version = encode_for(node, api, versions, encode, id, frame);
  if (!version.ok()) co_return version.error();
  connection.send_unanswered(std::move(frame));
  co_return Result<void>();
}

env::Task<Result<void>> Cluster::refresh(std::optional<std::vector<std::string>> topics,
                                         MonoTime deadline, bool create) {
  auto node = co_await any_broker(deadline);
  if (!node.ok()) co_return std::move(node).error();
  wire::MetadataRequest request;
  request.allow_auto_topic_creation = create;
  if (topics) {
    for (const std::string& name : *topics)
      request.topics->emplace_back().name = std::string_view(name);
  } else {
    request.topics.reset();
  }
  const MonoTime until = patience(deadline);
  const NodeId asked = *node;
  auto answer = co_await call<wire::MetadataResponse>(asked, std::move(request), until);
  if (!answer.ok()) co_return std::move(answer).error();
  const ErrorCode error = error_from_wire(answer->body.error_code);
  if (error == ErrorCode::kRebootstrapRequired) {
    view_.bootstrap(options_.bootstrap);
    co_return Error(error, title_of(asked) + " asked to begin again with the bootstrap addresses");
  }
  if (error != ErrorCode::kNone) co_return Error(error, title_of(asked));
  auto taken = view_.update(answer->body, !topics.has_value());
  std::erase_if(peers_, [this](const auto& peer) {
    return !peer.second.connection && !view_.broker(peer.first);
  });
  co_return std::move(taken);
}

}  // namespace moldau::client
