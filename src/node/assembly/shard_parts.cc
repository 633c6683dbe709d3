// SPDX-License-Identifier: Apache-2.0
#include "node/assembly/shard_parts.h"

#include <algorithm>

#include "node/coordinator/share_hosts.h"
#include "node/handler/table.h"

namespace moldau::assembly {

namespace {

security::QuotaWindow window_of(std::int32_t samples, std::int32_t seconds) {
  return {samples, Millis(std::int64_t{seconds} * 1000)};
}

}  // namespace

ShardParts::ShardParts(env::Env& env, env::Shard& shard, replica::ReplicaSet& replicas,
                       quorum::Quorum& quorum, std::shared_ptr<const config::BrokerConfig> config,
                       replica::FetchSessionLimits limits)
    : services_(env, shard, replicas, quorum, limits),
      quotas_(env, shard,
              window_of(config->values.quota_window_num, config->values.quota_window_size_seconds),
              window_of(config->values.controller_quota_window_num,
                        config->values.controller_quota_window_size_seconds)),
      controller_listeners_(config->controller_listener_names),
      clients_(env, shard, handler::routes_of(services_, false), &quotas_),
      controllers_(env, shard, handler::routes_of(services_, true), &quotas_) {
  services_.static_properties = config->properties;
  services_.authorizer = security::AuthorizerSettings::from(*config);
  services_.config = std::move(config);
}

void ShardParts::on_request(net::Session& session, Slice frame, net::ReplySlot slot) {
  const bool controller = std::find(controller_listeners_.begin(), controller_listeners_.end(),
                                    session.listener()) != controller_listeners_.end();
  request::Router& router = controller ? controllers_ : clients_;
  router.on_request(session, std::move(frame), std::move(slot));
}

void ShardParts::on_closed(net::Session& session) {
  // Share sessions end with their connection.
  if (services_.share) services_.share->disconnected(session.connection_id());
}

}  // namespace moldau::assembly
