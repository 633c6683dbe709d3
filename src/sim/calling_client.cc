// SPDX-License-Identifier: Apache-2.0
#include "sim/calling_client.h"

#include "wire/find_coordinator_request.h"
#include "wire/find_coordinator_response.h"

namespace moldau::sim {

void CallingClient::on_connected() {
  const bool was_busy = std::exchange(busy_, false);
  ++asked_;
  found_ = 0;
  if (was_busy) lost();
}

void CallingClient::find_coordinator(const std::string& key, bool of_transactions) {
  const std::int16_t version = random_.chance(500) ? 6 : 3;
  wire::FindCoordinatorRequest request;
  request.key_type = of_transactions ? 1 : 0;
  if (version >= 4)
    request.coordinator_keys.emplace_back(std::string_view(key));
  else
    request.key = std::string_view(key);
  ask<wire::FindCoordinatorResponse>(
      request, version, [this, version](const wire::FindCoordinatorResponse& answer) {
        const std::int16_t code =
            version >= 4 ? answer.coordinators.at(0).error_code : answer.error_code;
        if (code == 0) ++found_;
      });
}

void CallingClient::send_bytes_late(Slice bytes, Millis delay, UniqueFunction<bool()> may_go) {
  shard_.call_at(shard_.now() + delay,
                 [this, bytes = std::move(bytes), may_go = std::move(may_go)]() mutable {
                   if (!model_.gate_open || model_.draining || (may_go && !may_go())) return;
                   late_.push_back(Connection::open(shard_, model_.node));
                   late_.back()->send_encoded(bytes.view());
                   if (late_.size() <= kLateMax) return;
                   if (!late_.front()->broken()) late_.front()->close("enough copies");
                   late_.pop_front();
                 });
}

bool is_retriable(ErrorCode code) {
  switch (code) {
    case ErrorCode::kCoordinatorLoadInProgress:
    case ErrorCode::kCoordinatorNotAvailable:
    case ErrorCode::kNotCoordinator:
    case ErrorCode::kConcurrentTransactions:
    case ErrorCode::kNotEnoughReplicas:
    case ErrorCode::kNotEnoughReplicasAfterAppend:
    case ErrorCode::kNotLeaderOrFollower:
    case ErrorCode::kLeaderNotAvailable:
    case ErrorCode::kKafkaStorageError:
    case ErrorCode::kRequestTimedOut:
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kUnknownTopicId:
    case ErrorCode::kUnstableOffsetCommit:
    case ErrorCode::kNetworkException:
      return true;
    default:
      return false;
  }
}

bool is_fenced(ErrorCode code) {
  return code == ErrorCode::kProducerFenced || code == ErrorCode::kInvalidProducerEpoch ||
         code == ErrorCode::kInvalidProducerIdMapping;
}

}  // namespace moldau::sim
