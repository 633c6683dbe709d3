// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "node/coordinator/share_hosts.h"
#include "node/handler/authorize.h"
#include "node/handler/services.h"

namespace moldau::handler {

/// What a member says of the records of one partition, and what became of that.
struct AcknowledgeWork {
  AcknowledgeWork() = default;
  TopicIdPartition id;
  std::vector<share::Acknowledgement> batches;
  ErrorCode error = ErrorCode::kNone;
  std::string message;
};

/// The acknowledgements of a ShareFetch or ShareAcknowledge in the order of the request, checked
/// as Apache does; those that are refused carry their error. `topics` is the message's.
template <class Topics>
std::vector<AcknowledgeWork> acknowledgements_of(const Topics& topics, bool may_renew) {
  std::vector<AcknowledgeWork> out;
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.acknowledgement_batches.empty()) continue;
      AcknowledgeWork& work = out.emplace_back();
      work.id.topic_id = topic.topic_id;
      work.id.partition = PartitionId(partition.partition_index);
      std::int64_t end = -1;
      for (const auto& batch : partition.acknowledgement_batches) {
        const auto types = static_cast<std::int64_t>(batch.acknowledge_types.size());
        // `end` is never below -1, so the difference does not overflow.
        bool sound = batch.first_offset >= end && batch.last_offset >= batch.first_offset &&
                     batch.last_offset < INT64_MAX &&
                     (types == 1 || types - 1 == batch.last_offset - batch.first_offset);
        for (const std::int8_t type : batch.acknowledge_types)
          sound = sound && type >= 0 && type <= (may_renew ? 4 : 3);
        if (!sound) work.error = ErrorCode::kInvalidRequest;
        end = std::max(end, batch.last_offset);
        share::Acknowledgement& one = work.batches.emplace_back();
        one.first = Offset(batch.first_offset);
        one.last = Offset(batch.last_offset);
        one.types.assign(batch.acknowledge_types.begin(), batch.acknowledge_types.end());
      }
    }
  }
  return out;
}

/// Why a member may have nothing to do with a partition; kNone if it may.
ErrorCode refusal_of_partition(const Services& node, const request::Request& request,
                               const TopicIdPartition& id);

/// False, and `why` says so, if the share protocol is off or the request names no group or member.
bool may_share(const Services& node, const request::Request& request, const wire::Text& group_id,
               const wire::Text& member_id, std::pair<ErrorCode, std::string>& why);

/// Does the work of all partitions, at the same time, and waits.
env::Task<void> acknowledge_all(Services& node, const request::Request* request,
                                const share::ShareMember* member,
                                std::vector<AcknowledgeWork>* work);

/// How long a record is locked for the group.
Millis record_lock_of(const Services& node, std::string_view group_id);

/// Adds the leader of a partition to those an answer names, if it is known at the listener.
template <class Endpoints>
void add_endpoint(const Services& node, const request::Request& request, NodeId id,
                  Endpoints& endpoints) {
  const image::BrokerRegistration* broker = node.image->broker(id);
  const image::Endpoint* at =
      broker ? image::find_endpoint(broker->listeners, request.caller().listener) : nullptr;
  if (!at) return;
  for (const auto& one : endpoints)
    if (one.node_id == id.value()) return;
  auto& one = endpoints.emplace_back();
  one.node_id = id.value();
  one.host = at->host;
  one.port = at->port;
}

}  // namespace moldau::handler
