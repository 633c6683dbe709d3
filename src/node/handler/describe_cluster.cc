// SPDX-License-Identifier: Apache-2.0
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "node/quorum/quorum.h"
#include "wire/describe_cluster_request.h"
#include "wire/describe_cluster_response.h"

namespace moldau::handler {
namespace {

constexpr std::int8_t kBrokers = 1;
constexpr std::int8_t kControllers = 2;

void add_brokers(wire::DescribeClusterResponse& response, const image::MetadataImage& image,
                 const std::string& listener, bool with_fenced) {
  for (const auto& [id, broker] : image.brokers()) {
    if (broker.fenced && !with_fenced) continue;
    const image::Endpoint* endpoint = image::find_endpoint(broker.listeners, listener);
    if (!endpoint) continue;
    auto& one = response.brokers.emplace_back();
    one.broker_id = id.value();
    one.host = endpoint->host;
    one.port = endpoint->port;
    one.rack = broker.rack ? wire::Text(*broker.rack) : wire::Text::null();
    one.is_fenced = broker.fenced;
  }
}

void add_controllers(wire::DescribeClusterResponse& response, const image::MetadataImage& image,
                     const std::string& listener) {
  for (const auto& [id, registered] : image.controllers()) {
    const image::Endpoint* endpoint = image::find_endpoint(registered.listeners, listener);
    if (!endpoint) continue;
    auto& one = response.brokers.emplace_back();
    one.broker_id = id.value();
    one.host = endpoint->host;
    one.port = endpoint->port;
  }
}

}  // namespace

env::Task<void> handle_describe_cluster(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::DescribeClusterRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const image::ImagePtr image = node.image;
  const bool on_controller = node.config->is_controller_listener(request->caller().listener);
  wire::DescribeClusterResponse response;
  if (on_controller && !cluster_authorized(node, *request, AclOperation::kAlter)) {
    response.error_code = to_wire(ErrorCode::kClusterAuthorizationFailed);
    response.error_message = cluster_refusal(*request).detail;
    request->answer(response);
    co_return;
  }
  const std::int8_t served = on_controller ? kControllers : kBrokers;
  if (decoded->endpoint_type != served) {
    const bool known = decoded->endpoint_type == kBrokers || decoded->endpoint_type == kControllers;
    response.error_code =
        to_wire(known ? ErrorCode::kMismatchedEndpointType : ErrorCode::kUnsupportedEndpointType);
    response.error_message =
        known ? "this listener is not for that type of endpoint" : "unknown type of endpoint";
    request->answer(response);
    co_return;
  }
  response.cluster_id = std::string_view(node.identity->cluster_id);
  response.endpoint_type = decoded->endpoint_type;
  if (on_controller) {
    add_controllers(response, *image, request->caller().listener);
    response.controller_id = node.quorum.leader().leader_id.value();
  } else {
    add_brokers(response, *image, request->caller().listener, decoded->include_fenced_brokers);
    if (!response.brokers.empty())
      response.controller_id =
          response.brokers[node.shard.random().below(response.brokers.size())].broker_id;
  }
  if (response.error_code == 0 && decoded->include_cluster_authorized_operations) {
    response.cluster_authorized_operations =
        cluster_authorized(node, *request, AclOperation::kDescribe)
            ? authorized_operations(node, *request, AclResourceType::kCluster,
                                    security::kClusterName)
            : 0;
  }
  request->answer(response);
}

}  // namespace moldau::handler
