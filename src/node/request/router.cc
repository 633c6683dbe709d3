// SPDX-License-Identifier: Apache-2.0
#include "node/request/router.h"

namespace moldau::request {
namespace {

Caller caller_of(const net::Session& session) {
  Caller caller;
  caller.principal = session.principal();
  caller.host = session.peer().host;
  caller.listener = session.listener();
  caller.software = session.client_software_name();
  caller.connection = session.connection_id();
  return caller;
}

}  // namespace

Router::Router(env::Env& env, env::Shard& shard, std::vector<Route> routes, ClientQuotaHost* quotas)
    : env_(env), shard_(shard), quotas_(quotas) {
  for (Route& route : routes) {
    const auto index = static_cast<std::size_t>(route.api_key);
    MOLDAU_CHECK(index < routes_.size(), "a route of an unknown API");
    requests_[index] =
        &env.metrics().counter("kafka_network_requestmetrics_requests_total",
                               "request=\"" + std::string(wire::api_name(route.api_key)) + "\"");
    routes_[index] = std::make_unique<Route>(std::move(route));
  }
}

Router::~Router() = default;

const Route* Router::route_of(wire::ApiKey key) const {
  const auto index = static_cast<std::size_t>(key);
  return index < routes_.size() ? routes_[index].get() : nullptr;
}

void Router::refuse(net::Session& session, net::ReplySlot slot, std::string why) {
  env_.logger().warn("request", "closing connection from {} on {}: {}", session.peer().text(),
                     session.listener(), why);
  session.close(std::move(why));
  slot.close_connection();
}

void Router::on_request(net::Session& session, Slice frame, net::ReplySlot slot) {
  wire::Reader reader(frame.view());
  auto header = wire::read_request_header(reader);
  if (!header.ok()) return refuse(session, std::move(slot), header.error().text());
  const Route* route = route_of(header->api->key);
  if (!route)
    return refuse(session, std::move(slot),
                  std::string(header->api->name) + " is not served on this listener");
  const bool in_range =
      header->version >= route->version_min && header->version <= route->version_max;
  if (!in_range && header->api->key != wire::ApiKey::kApiVersions)
    return refuse(session, std::move(slot),
                  std::string(header->api->name) + " version " + std::to_string(header->version) +
                      " is not supported");
  requests_[static_cast<std::size_t>(header->api->key)]->add();
  const std::size_t body_at = reader.position();
  auto request = std::make_unique<Request>(std::move(header).value(), std::move(frame), body_at,
                                           std::move(slot), caller_of(session), shard_.now());
  if (!quotas_) return serve(*route, std::move(request));
  request->limit_by(*quotas_);
  const bool timed = quotas_->enabled(security::QuotaType::kRequest);
  session.measure_work(timed);
  if (timed) return serve_timed(*route, session, std::move(request));
  serve(*route, std::move(request));
}

void Router::serve(const Route& route, RequestPtr request) {
  tasks_.spawn(const_cast<Route&>(route).handler(std::move(request)));
}

/// Measures the work until the first wait; the request itself goes on from there.
void Router::serve_timed(const Route& route, net::Session& session, RequestPtr request) {
  const std::int64_t network_nanos = session.take_work_nanos();
  // Reading and sending is not throttled by itself: the next answer will tell.
  if (network_nanos > 0) (void)quotas_->charge_time(request->quota_client(), network_nanos);
  starting_ = request.get();
  request->watched_ = &starting_;
  request->resumed();
  serve(route, std::move(request));
  if (starting_) std::exchange(starting_, nullptr)->paused();
}

}  // namespace moldau::request
