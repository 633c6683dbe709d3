// SPDX-License-Identifier: Apache-2.0
#include "client/admin/cluster.h"

#include "client/ask.h"
#include "wire/describe_cluster_request.h"
#include "wire/describe_cluster_response.h"
#include "wire/metadata_request.h"
#include "wire/metadata_response.h"
#include "wire/unregister_broker_request.h"
#include "wire/unregister_broker_response.h"

namespace moldau::client::admin {
namespace {

enum EndpointType : std::int8_t { kBrokers = 1, kControllers = 2 };

template <class N>
NodeDescription node_of(const N& told, std::int32_t id) {
  NodeDescription out;
  out.id = NodeId(id);
  out.host = told.host.str();
  out.port = told.port;
  if (!told.rack.is_null()) out.rack = told.rack.str();
  return out;
}

env::Task<Result<ClusterDescription>> describe_by_metadata(Cluster& cluster, MonoTime deadline) {
  wire::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  auto answer = co_await ask<wire::MetadataResponse>(cluster, Target::any(), std::move(request),
                                                     deadline, TopError());
  if (!answer.ok()) co_return std::move(answer).error();
  if (answer->body.error_code != 0) co_return told_error(answer->body.error_code);
  ClusterDescription out;
  out.cluster_id = answer->body.cluster_id.str();
  if (answer->body.controller_id >= 0) out.controller = NodeId(answer->body.controller_id);
  for (const auto& broker : answer->body.brokers)
    out.nodes.push_back(node_of(broker, broker.node_id));
  co_return std::move(out);
}

}  // namespace

env::Task<Result<ClusterDescription>> describe_cluster(Cluster& cluster, bool with_fenced,
                                                       MonoTime deadline) {
  wire::DescribeClusterRequest request;
  const bool of_controllers = cluster.options().of_controllers;
  request.endpoint_type = of_controllers ? kControllers : kBrokers;
  request.include_fenced_brokers = with_fenced;
  auto answer = co_await ask<wire::DescribeClusterResponse>(
      cluster, Target::any(), std::move(request), deadline, TopError());
  if (!answer.ok() && answer.code() == ErrorCode::kUnsupportedVersion && !of_controllers &&
      !with_fenced) {
    co_return co_await describe_by_metadata(cluster, deadline);
  }
  if (!answer.ok()) co_return std::move(answer).error();
  const wire::DescribeClusterResponse& body = answer->body;
  if (body.error_code != 0) co_return told_error(body.error_code, body.error_message);
  ClusterDescription out;
  out.cluster_id = body.cluster_id.str();
  if (body.controller_id >= 0) out.controller = NodeId(body.controller_id);
  for (const auto& broker : body.brokers) {
    out.nodes.push_back(node_of(broker, broker.broker_id));
    out.nodes.back().fenced = broker.is_fenced;
  }
  co_return std::move(out);
}

env::Task<Result<NodeId>> find_active_controller(Cluster& cluster, MonoTime deadline) {
  if (!cluster.options().of_controllers) {
    co_return co_await find_target(cluster, Target::controller(), deadline);
  }
  auto told = co_await describe_cluster(cluster, false, deadline);
  if (!told.ok()) co_return std::move(told).error();
  for (const NodeDescription& node : told->nodes) {
    if (node.id != told->controller || node.port < 0 || node.port > 65'535) continue;
    cluster.view().broker_told(node.id, {node.host, static_cast<std::uint16_t>(node.port), ""});
    co_return node.id;
  }
  co_return Error(ErrorCode::kRequestTimedOut, "the quorum has no leader at the moment");
}

env::Task<Result<void>> unregister_broker(Cluster& cluster, NodeId id, MonoTime deadline) {
  wire::UnregisterBrokerRequest request;
  request.broker_id = id.value();
  auto node = co_await find_active_controller(cluster, deadline);
  if (!node.ok()) co_return std::move(node).error();
  Target target = Target::node(*node);
  auto answer = co_await ask<wire::UnregisterBrokerResponse>(
      cluster, std::move(target), std::move(request), deadline, TopError());
  if (!answer.ok()) co_return std::move(answer).error();
  if (answer->body.error_code != 0)
    co_return told_error(answer->body.error_code, answer->body.error_message);
  co_return Result<void>();
}

}  // namespace moldau::client::admin
