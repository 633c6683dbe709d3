// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/txn_metrics.h"

#include <algorithm>
#include <string>
#include <utility>

namespace moldau::coordinator {
namespace {

constexpr const char* kSensors = "kafka_server_transaction_coordinator_metrics_";

}  // namespace

TxnMetrics::TxnMetrics(env::Metrics& metrics, std::shared_ptr<RecentValues> recent_loads,
                       env::ShardId shard)
    : loads_(metrics, kSensors, std::move(recent_loads), shard),
      unknown_destination_(
          metrics.gauge("kafka_coordinator_transaction_transactionmarkerchannelmanager_"
                        "unknowndestinationqueuesize")),
      verification_ms_(
          metrics.histogram("kafka_server_addpartitionstotxnmanager_verificationtimems")),
      verification_failures_(
          metrics.counter("kafka_server_addpartitionstotxnmanager_verificationfailurerate_total")) {
}

std::shared_ptr<RecentValues> TxnMetrics::recent_loads_of(env::Env& env) {
  return LoadTimes::recent_of(env, kSensors);
}

void TxnMetrics::count(PartitionId partition, std::size_t markers_without_leader) {
  const auto now = static_cast<std::int64_t>(markers_without_leader);
  std::int64_t& last = last_[partition];
  unknown_destination_.add(now - last);
  last = now;
}

void TxnMetrics::forget(PartitionId partition) {
  const auto at = last_.find(partition);
  if (at == last_.end()) return;
  unknown_destination_.add(-at->second);
  last_.erase(at);
}

void TxnMetrics::verified(Millis took, std::size_t refused) {
  verification_ms_.record(static_cast<std::uint64_t>(std::max<std::int64_t>(took.value(), 0)));
  verification_failures_.add(refused);
}

}  // namespace moldau::coordinator
