// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "node/handler/services.h"
#include "node/request/router.h"

namespace moldau::assembly {

/// What one shard holds to serve requests: the services, a router for clients and one for
/// controllers' listeners.
/// Owner    Node.
/// Thread   made on shard 0 before any request; used on its own shard.
class ShardParts final : public net::RequestSink {
 public:
  ShardParts(env::Env& env, env::Shard& shard, replica::ReplicaSet& replicas,
             quorum::Quorum& quorum, std::shared_ptr<const config::BrokerConfig> config,
             replica::FetchSessionLimits limits);

  handler::Services& services() { return services_; }
  request::ClientQuotaHost& quotas() { return quotas_; }
  void on_request(net::Session& session, Slice frame, net::ReplySlot slot) override;
  void on_closed(net::Session& session) override;

 private:
  handler::Services services_;
  request::ClientQuotaHost quotas_;
  std::vector<std::string> controller_listeners_;
  request::Router clients_;
  request::Router controllers_;
};

}  // namespace moldau::assembly
