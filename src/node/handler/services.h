// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "config/broker_config.h"
#include "env/env.h"
#include "machine/image/image.h"
#include "machine/security/authorizer.h"
#include "node/replica/fetch_session.h"
#include "node/replica/replica_host.h"
#include "node/request/request.h"

namespace moldau::quorum {
class Quorum;
}
namespace moldau::coordinator {
class GroupCoordinators;
class MarkerWriter;
class ShareCoordinators;
class ShareHosts;
class TxnCoordinators;
}  // namespace moldau::coordinator
namespace moldau::broker {
class LogDirectories;
class MetadataApplier;
class ProducerIds;
class ReplicaAlterLogDirs;
}  // namespace moldau::broker

namespace moldau::handler {

class TelemetryHost;

/// What does not change while a node runs.
struct NodeIdentity {
  NodeIdentity() = default;
  NodeId id{-1};
  std::string cluster_id;
  /// Advertised listeners with the ports that were really bound.
  std::vector<config::Listener> advertised;
};

/// All that handlers of one shard may use. Everything else is reached through these.
///
/// Owner    node/assembly; outlives the routers.
/// Thread   shard-bound: image and config are replaced between requests.
struct Services {
  Services(env::Env& e, env::Shard& s, replica::ReplicaSet& r, quorum::Quorum& q,
           replica::FetchSessionLimits limits)
      : env(e), shard(s), replicas(r), quorum(q), fetch_sessions(limits, s.random()) {}

  env::Env& env;
  env::Shard& shard;
  replica::ReplicaSet& replicas;
  /// Lives on shard 0.
  quorum::Quorum& quorum;
  replica::FetchSessionCache fetch_sessions;

  /// Live on shard 0: to be called there only.
  broker::LogDirectories* directories = nullptr;
  broker::MetadataApplier* applier = nullptr;
  broker::ProducerIds* producer_ids = nullptr;
  broker::ReplicaAlterLogDirs* alter_log_dirs = nullptr;
  /// Where the controller counts mutations.
  request::ClientQuotaHost* mutation_quotas = nullptr;
  TelemetryHost* telemetry = nullptr;

  /// Of all shards; callable from any.
  coordinator::GroupCoordinators* groups = nullptr;
  coordinator::TxnCoordinators* transactions = nullptr;
  coordinator::MarkerWriter* markers = nullptr;
  coordinator::ShareCoordinators* share_states = nullptr;
  coordinator::ShareHosts* share = nullptr;

  std::shared_ptr<const NodeIdentity> identity;
  /// With dynamic configs applied.
  std::shared_ptr<const config::BrokerConfig> config;
  /// server.properties as it was read.
  config::ConfigMap static_properties;
  image::ImagePtr image;
  /// Null if none is configured: everybody may do everything.
  std::shared_ptr<const security::AuthorizerSettings> authorizer;

  std::uint32_t shard_index() const { return shard.id().value(); }
  replica::ReplicaHost& local_host() { return replicas.host(shard_index()); }
};

/// Topics that clients may not write to or delete by hand.
inline bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state" ||
         name == "__share_group_state";
}

}  // namespace moldau::handler
