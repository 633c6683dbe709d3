// SPDX-License-Identifier: Apache-2.0
// Operations of Admin on the cluster and its brokers. Owner, thread and errors as in topics.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/admin/outcome.h"
#include "client/cluster.h"

namespace moldau::client::admin {

struct NodeDescription {
  NodeId id;
  std::string host;
  std::int32_t port = 0;
  std::optional<std::string> rack;
  bool fenced = false;
};

struct ClusterDescription {
  std::string cluster_id;
  std::optional<NodeId> controller;
  std::vector<NodeDescription> nodes;
};

/// Of controllers, if the cluster's bootstrap addresses are controllers. Brokers that do not know
/// DescribeCluster are asked for metadata.
env::Task<Result<ClusterDescription>> describe_cluster(Cluster& cluster, bool with_fenced,
                                                       MonoTime deadline);
/// Where changes of the cluster go: any broker's controller, or the active controller among those
/// that were named.
env::Task<Result<NodeId>> find_active_controller(Cluster& cluster, MonoTime deadline);
env::Task<Result<void>> unregister_broker(Cluster& cluster, NodeId id, MonoTime deadline);

}  // namespace moldau::client::admin
