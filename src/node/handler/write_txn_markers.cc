// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "node/coordinator/marker_writer.h"
#include "node/handler/authorize.h"
#include "node/handler/handlers.h"
#include "wire/write_txn_markers_request.h"
#include "wire/write_txn_markers_response.h"

namespace moldau::handler {
namespace {

using Marker = wire::WriteTxnMarkersRequest::WritableTxnMarker;
using MarkerResult = wire::WriteTxnMarkersResponse::WritableTxnMarkerResult;
using Outcomes = std::vector<coordinator::MarkerOutcome>;

std::vector<TopicPartition> partitions_of(const Marker& marker) {
  std::vector<TopicPartition> out;
  for (const auto& topic : marker.topics)
    for (const std::int32_t index : topic.partition_indexes)
      out.push_back(TopicPartition{topic.name.str(), PartitionId(index)});
  return out;
}

MarkerResult result_of(const Marker& marker, const Outcomes& outcomes) {
  MarkerResult result;
  result.producer_id = marker.producer_id;
  std::size_t n = 0;
  for (const auto& topic : marker.topics) {
    auto& out = result.topics.emplace_back();
    out.name = topic.name;
    for (const std::int32_t index : topic.partition_indexes) {
      auto& one = out.partitions.emplace_back();
      one.partition_index = index;
      one.error_code = to_wire(outcomes[n++].error);
    }
  }
  return result;
}

Outcomes refused(const Marker& marker, ErrorCode error) {
  Outcomes outcomes(partitions_of(marker).size());
  for (auto& one : outcomes) one.error = error;
  return outcomes;
}

env::Task<Outcomes> write(Services& node, const Marker* marker, MonoTime deadline) {
  // No batch can be made of such a producer; Apache fails as it tries to.
  if (marker->producer_id < 0 || marker->producer_epoch < 0)
    co_return refused(*marker, ErrorCode::kUnknownServerError);
  env::OneShot<Outcomes> written(node.shard);
  env::OneShot<Outcomes>* slot = &written;
  coordinator::TransactionMarker end;
  end.producer_id = ProducerId(marker->producer_id);
  end.producer_epoch = ProducerEpoch(marker->producer_epoch);
  end.coordinator_epoch = LeaderEpoch(marker->coordinator_epoch);
  end.commit = marker->transaction_result;
  end.transaction_version = marker->transaction_version;
  node.markers->write(node.shard, node.image, end, partitions_of(*marker), deadline,
                      [slot](Outcomes outcomes) { slot->set(std::move(outcomes)); });
  Outcomes outcomes = co_await written;
  co_return outcomes;
}

}  // namespace

env::Task<void> handle_write_txn_markers(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::WriteTxnMarkersRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  const wire::WriteTxnMarkersRequest message = std::move(decoded).value();
  const MonoTime deadline =
      request->arrived() + Millis(std::max(0, node.config->values.request_timeout_ms));
  wire::WriteTxnMarkersResponse response;
  const bool allowed = cluster_authorized(node, *request, AclOperation::kAlter, Audit::kAllowed) ||
                       cluster_authorized(node, *request, AclOperation::kClusterAction);
  if (!allowed) {
    for (const Marker& marker : message.markers)
      response.markers.push_back(
          result_of(marker, refused(marker, ErrorCode::kClusterAuthorizationFailed)));
    request->answer(response);
    co_return;
  }
  for (std::size_t n = 0; n < message.markers.size(); ++n) {
    const Outcomes outcomes = co_await write(node, &message.markers[n], deadline);
    response.markers.push_back(result_of(message.markers[n], outcomes));
  }
  request->answer(response);
}

}  // namespace moldau::handler
