// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/share_metrics.h"

#include <algorithm>
#include <string_view>

namespace moldau::coordinator {
namespace {

constexpr std::string_view kPruned = "kafka_server_share_coordinator_metrics_last_pruned_offset";

std::string of_groups(std::string_view name) {
  return "kafka_server_sharegroupmetrics_" + std::string(name);
}

std::string label_of(PartitionId partition) {
  return "partition=\"" + std::to_string(partition.value()) + "\",topic=\"__share_group_state\"";
}

std::uint64_t at_least_none(Millis time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.value(), 0));
}

}  // namespace

ShareStateMetrics::ShareStateMetrics(env::Metrics& metrics)
    : metrics_(metrics),
      writes_(metrics.counter("kafka_server_share_coordinator_metrics_write_total")) {}

void ShareStateMetrics::count(PartitionId partition, std::uint64_t writes) {
  std::uint64_t& last = last_[partition];
  writes_.add(writes - last);
  last = writes;
}

void ShareStateMetrics::pruned(PartitionId partition, Offset start) {
  metrics_.put(std::string(kPruned), label_of(partition), static_cast<double>(start.value()));
}

void ShareStateMetrics::forget(PartitionId partition) {
  last_.erase(partition);
  metrics_.drop(std::string(kPruned), label_of(partition));
}

ShareGroupMetrics::ShareGroupMetrics(env::Metrics& metrics)
    : partition_load_ms_(metrics.histogram(of_groups("partitionloadtimems"))),
      fetch_ratio_(metrics.histogram(of_groups("requesttopicpartitionsfetchratio"))),
      acquire_ms_(metrics.histogram(of_groups("topicpartitionsacquiretimems"))) {
  constexpr std::array<std::string_view, 5> kTypes = {"", "Accept", "Release", "Reject", "Renew"};
  for (std::size_t type = 1; type < kTypes.size(); ++type)
    acknowledgements_[type] = &metrics.counter(of_groups("recordacknowledgements_total"),
                                               "acktype=\"" + std::string(kTypes[type]) + "\"");
}

ShareGroupMetrics::ByType ShareGroupMetrics::by_type(
    const std::vector<share::Acknowledgement>& batches) {
  ByType out{};
  for (const share::Acknowledgement& batch : batches) {
    const bool is_one_for_all = batch.types.size() == 1;
    const auto records = static_cast<std::uint64_t>(batch.last.value() - batch.first.value()) + 1;
    for (const std::int8_t type : batch.types)
      if (type > 0 && static_cast<std::size_t>(type) < out.size())
        out[static_cast<std::size_t>(type)] += is_one_for_all ? records : 1;
  }
  return out;
}

void ShareGroupMetrics::acknowledged(const ByType& records) {
  for (std::size_t type = 1; type < records.size(); ++type)
    acknowledgements_[type]->add(records[type]);
}

void ShareGroupMetrics::partition_loaded(Millis took) {
  partition_load_ms_.record(at_least_none(took));
}

void ShareGroupMetrics::fetched(std::size_t acquired, std::size_t partitions, Millis took) {
  if (partitions == 0) return;
  fetch_ratio_.record(acquired * 100 / partitions);
  acquire_ms_.record(at_least_none(took));
}

}  // namespace moldau::coordinator
