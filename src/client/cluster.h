// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "client/connection.h"
#include "env/arrival.h"
#include "env/env.h"
#include "machine/client/broker_state.h"
#include "machine/client/cluster_view.h"
#include "wire/encode.h"

namespace moldau::client {

struct ClusterOptions {
  std::vector<BrokerAddress> bootstrap;
  /// The bootstrap addresses are controllers (--bootstrap-controller).
  bool of_controllers = false;
  std::string client_id;
  BrokerState::Options broker;
  Millis request_timeout{30'000};
  Millis connections_max_idle{300'000};
  Millis metadata_max_age{300'000};
  /// After so long without a broker the bootstrap addresses are asked again (KIP-899); none: never.
  std::optional<Millis> rebootstrap_trigger = Millis(300'000);
  Backoff retry{Millis(100), Millis(1000)};
  env::SocketOptions socket;
};

/// An answer and the frame that it views.
template <class R>
struct Answer {
  Slice frame;
  R body;
  NodeId from;
  std::int16_t version = 0;
};

/// The brokers of a cluster as a client sees them: connections that are made when they are needed,
/// requests that end at their deadline whatever brokers do, metadata.
///
/// Path     Admin, producer, consumer → call(node, request) → Connection → Answer.
/// Owner    its client; borrows env and shard. When it is destroyed nothing is called any more;
///          coroutines that wait in it must be destroyed with it.
/// Thread   shard-bound.
/// Bounds   one connection for each broker; an answer ≤ Connection::kFrameBytesMax.
/// Errors   kRequestTimedOut at the deadline, kNetworkException, kUnsupportedVersion,
///          kInvalidRequest for an answer that cannot be read; texts name the broker.
/// Source   NetworkClient of Apache's clients; KIP-899, KIP-1102 (rebootstrap), KIP-219.
class Cluster {
 public:
  Cluster(env::Env& env, env::Shard& shard, ClusterOptions options);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  env::Shard& shard() { return shard_; }
  ClusterView& view() { return view_; }
  const ClusterOptions& options() const { return options_; }
  /// Now and the request timeout, but not later than `deadline`.
  MonoTime patience(MonoTime deadline) const;

  /// A broker whose connection is ready, the one with the fewest requests under way.
  env::Task<Result<NodeId>> any_broker(MonoTime deadline);
  /// Returns when the connection to this broker is ready, or could not be made once.
  env::Task<Result<void>> connect(NodeId node, MonoTime deadline);
  /// Asks for metadata and takes them. No topics: brokers only; nullopt: all topics. `create` lets
  /// the broker make topics that do not exist, if it is configured to.
  env::Task<Result<void>> refresh(std::optional<std::vector<std::string>> topics, MonoTime deadline,
                                  bool create = false);

  /// Sends a request and waits for its answer: once; who calls decides what to try again.
  /// `versions` may narrow the versions that are spoken.
  template <class R, class Q>
  env::Task<Result<Answer<R>>> call(NodeId node, Q request, MonoTime deadline,
                                    VersionRange versions = {Q::kMinVersion, Q::kMaxVersion});

  /// As call, for what no broker answers (a produce with acks=0): returns when it was handed on.
  template <class Q>
  env::Task<Result<void>> tell(NodeId node, Q request, MonoTime deadline,
                               VersionRange versions = {Q::kMinVersion, Q::kMaxVersion});

  /// What is known of a broker's versions; nullptr before a connection was ready.
  const BrokerState* state_of(NodeId node) const;
  /// The sentence that errors about this broker begin with: "broker 2 (host:9092)".
  std::string title_of(NodeId node) const;

 private:
  struct Peer {
    explicit Peer(const BrokerState::Options& options) : state(options) {}
    BrokerState state;
    BrokerAddress address;
    std::shared_ptr<Connection> connection;
    std::optional<Error> last_error;
    std::uint64_t failures = 0;
  };
  using Encoder = UniqueFunction<Result<Slice>(std::int16_t version, std::int32_t id)>;
  struct Exchanged {
    Slice frame;
    std::int16_t version = 0;
  };

  template <class Q>
  Encoder encoder_of(const Q& request) const;
  env::Task<Result<Exchanged>> exchange(NodeId node, wire::ApiKey api, VersionRange versions,
                                        Encoder encode, MonoTime deadline);
  env::Task<Result<void>> hand_on(NodeId node, wire::ApiKey api, VersionRange versions,
                                  Encoder encode, MonoTime deadline);
  /// The version that is spoken, and the frame in it.
  Result<std::int16_t> encode_for(NodeId node, wire::ApiKey api, VersionRange versions,
                                  Encoder& encode, std::int32_t id, Slice& frame);
  env::Task<Result<void>> wait_for_change(MonoTime deadline);
  void note_throttle(NodeId node, std::int32_t throttle_ms);
  /// The peer, forgotten and begun anew if its address changed; nullptr for unknown brokers.
  Peer* peer_of(NodeId node);
  void open(NodeId node, Peer& peer);
  void negotiate(NodeId node, std::int16_t version);
  void on_versions(NodeId node, std::int16_t asked, Result<Slice> frame);
  void on_ended(NodeId node, const Error& why);
  void close(NodeId node, Error why);
  void watch_setup(NodeId node);
  void watch_idle(NodeId node, MonoTime when);
  void changed();
  /// The best broker to ask next, of those that can be asked or tried now.
  std::optional<NodeId> least_loaded();
  MonoTime next_attempt() const;
  void maybe_rebootstrap(MonoTime now);
  Error unreachable(const char* what) const;

  env::Env& env_;
  env::Shard& shard_;
  const ClusterOptions options_;
  ClusterView view_;
  Inbox inbox_;
  std::map<NodeId, Peer> peers_;
  std::vector<env::Arrival<bool>::Setter> waiting_;
  std::optional<MonoTime> lonely_since_;  // no broker answered since
  std::shared_ptr<Cluster*> self_ = std::make_shared<Cluster*>(this);
};

template <class Q>
Cluster::Encoder Cluster::encoder_of(const Q& request) const {
  return [this, &request](std::int16_t version, std::int32_t id) -> Result<Slice> {
    if (!request.representable(version))
      return Error(ErrorCode::kUnsupportedVersion,
                   "its version of " + std::string(Q::kName) + " cannot say what is asked for");
    return wire::encode_request(request, version, id,
                                wire::Text(std::string_view(options_.client_id)));
  };
}

template <class Q>
env::Task<Result<void>> Cluster::tell(NodeId node, Q request, MonoTime deadline,
                                      VersionRange versions) {
  Encoder encode = encoder_of(request);
  co_return co_await hand_on(node, static_cast<wire::ApiKey>(Q::kApiKey), versions,
                             std::move(encode), deadline);
}

template <class R, class Q>
env::Task<Result<Answer<R>>> Cluster::call(NodeId node, Q request, MonoTime deadline,
                                           VersionRange versions) {
  constexpr auto kApi = static_cast<wire::ApiKey>(Q::kApiKey);
  static_assert(Q::kApiKey == R::kApiKey);
  Encoder encode = encoder_of(request);
  auto got = co_await exchange(node, kApi, versions, std::move(encode), deadline);
  if (!got.ok()) co_return std::move(got).error();
  Answer<R> answer;
  answer.frame = std::move(got->frame);
  answer.from = node;
  answer.version = got->version;
  wire::Reader reader(answer.frame.view());
  auto header = wire::read_response_header(reader, kApi, answer.version);
  if (header.ok()) {
    auto body = answer.body.decode(reader, answer.version);
    if (!body.ok()) header = std::move(body).error();
  }
  if (!header.ok()) {
    const std::string why = header.error().detail;
    close(node, Error(ErrorCode::kInvalidRequest, "an answer could not be read: " + why));
    co_return Error(ErrorCode::kInvalidRequest, title_of(node) +
                                                    " gave an answer that cannot be "
                                                    "read: " +
                                                    why);
  }
  if constexpr (requires { answer.body.throttle_time_ms; })
    note_throttle(node, answer.body.throttle_time_ms);
  co_return std::move(answer);
}

}  // namespace moldau::client
