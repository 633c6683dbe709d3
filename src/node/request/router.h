// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "env/env.h"
#include "net/session.h"
#include "node/request/request.h"

namespace moldau::request {

/// API keys are below this.
inline constexpr std::size_t kRoutesMax = 128;

/// Serves one request; must answer or close it.
using Handler = UniqueFunction<env::Task<void>(RequestPtr)>;

/// An API as one listener serves it.
struct Route {
  Route() = default;
  Route(wire::ApiKey key, std::int16_t min, std::int16_t max, Handler h)
      : api_key(key), version_min(min), version_max(max), handler(std::move(h)) {}

  wire::ApiKey api_key{};
  /// Versions that are really answered. What ApiVersions advertises may be wider (Produce).
  std::int16_t version_min = 0;
  std::int16_t version_max = -1;
  Handler handler;
};

/// Frame → header → handler, for the connections of one shard and one kind of listener.
///
/// Path     net::Session → this → node/handler.
/// Owner    the node; outlives its sessions' requests. Running handlers die with it.
/// Thread   shard-bound.
/// Bounds   requests under way are bounded by net/ (per connection and in bytes).
/// Errors   an unknown API or version, or a header that cannot be read, closes the connection
///          with a log line; only ApiVersions of any version is served.
/// Source   "Wire rules" of the API table; SocketServer, KafkaApis.
class Router final : public net::RequestSink {
 public:
  /// `quotas` is borrowed; nullptr: no client quota holds.
  Router(env::Env& env, env::Shard& shard, std::vector<Route> routes,
         ClientQuotaHost* quotas = nullptr);
  ~Router() override;

  void on_request(net::Session& session, Slice frame, net::ReplySlot slot) override;
  std::size_t running() const { return tasks_.running(); }

 private:
  struct Series;
  const Route* route_of(wire::ApiKey key) const;
  void refuse(net::Session& session, net::ReplySlot slot, std::string why);
  void serve(const Route& route, RequestPtr request);
  void serve_timed(const Route& route, net::Session& session, RequestPtr request);

  env::Env& env_;
  env::Shard& shard_;
  std::array<std::unique_ptr<Route>, kRoutesMax> routes_;
  std::array<env::Counter*, kRoutesMax> requests_{};
  ClientQuotaHost* quotas_;
  /// The request that is being started, while it is there.
  Request* starting_ = nullptr;
  env::TaskScope tasks_;
};

}  // namespace moldau::request
