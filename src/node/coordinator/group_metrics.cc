// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/group_metrics.h"

#include <algorithm>

namespace moldau::coordinator {
namespace {

using Counts = group::GroupCounts;
using Field = std::int64_t Counts::*;

constexpr std::string_view kSensors = "kafka_server_group_coordinator_metrics_";
constexpr std::string_view kGroupManager = "kafka_coordinator_group_groupmetadatamanager_";

struct Named {
  std::string_view name;
  Field field;
};

/// With kGroupManager in front.
constexpr Named kSizes[] = {
    {"numoffsets", &Counts::offsets},
    {"numgroups", &Counts::classic_groups},
    {"numgroupsempty", &Counts::empty},
    {"numgroupspreparingrebalance", &Counts::preparing_rebalance},
    {"numgroupscompletingrebalance", &Counts::completing_rebalance},
    {"numgroupsstable", &Counts::stable},
};

constexpr Named kEvents[] = {
    {"kafka_server_group_coordinator_metrics_offset_commit_count_total", &Counts::offset_commits},
    {"kafka_server_group_coordinator_metrics_offset_expiration_count_total",
     &Counts::offset_expirations},
    {"kafka_server_group_coordinator_metrics_offset_deletion_count_total",
     &Counts::offset_deletions},
    {"kafka_server_group_coordinator_metrics_group_completed_rebalance_count_total",
     &Counts::completed_rebalances},
    {"kafka_server_group_coordinator_metrics_consumer_group_rebalance_count_total",
     &Counts::consumer_rebalances},
    {"kafka_server_group_coordinator_metrics_share_group_rebalance_count_total",
     &Counts::share_rebalances},
    {"kafka_server_group_coordinator_metrics_streams_group_rebalance_count_total",
     &Counts::streams_rebalances},
    {"moldau_group_expired_members_total", &Counts::expired_members},
    {"moldau_group_damaged_records_total", &Counts::damaged_records},
    {"moldau_group_unknown_records_total", &Counts::unknown_records},
};

constexpr std::pair<std::string_view, std::string_view> kStates[] = {
    {"consumer", "Empty"},      {"consumer", "Assigning"}, {"consumer", "Reconciling"},
    {"consumer", "Stable"},     {"share", "Empty"},        {"share", "Stable"},
    {"streams", "Empty"},       {"streams", "NotReady"},   {"streams", "Assigning"},
    {"streams", "Reconciling"}, {"streams", "Stable"},
};

std::string label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + std::string(value) + "\"";
}

}  // namespace

GroupMetrics::GroupMetrics(env::Metrics& metrics) {
  for (const std::string_view protocol : {"classic", "consumer", "share", "streams"})
    of_protocol_[protocol] =
        &metrics.gauge(std::string(kSensors) + "group_count", label("protocol", protocol));
  for (const State& state : kStates) {
    of_state_[state] =
        &metrics.gauge(std::string(kSensors) + std::string(state.first) + "_group_count",
                       label("state", state.second));
  }
  for (const Named& size : kSizes)
    of_manager_[size.name] = &metrics.gauge(std::string(kGroupManager) + std::string(size.name));
  for (const Named& event : kEvents) events_[event.name] = &metrics.counter(event.name);
}

void GroupMetrics::change_gauges(const Counts& counts, std::int64_t sign) {
  for (const Named& size : kSizes) of_manager_[size.name]->add(sign * counts.*size.field);
  for (const auto& [state, groups] : counts.by_state) {
    if (const auto at = of_protocol_.find(state.first); at != of_protocol_.end())
      at->second->add(sign * groups);
    if (const auto at = of_state_.find(state); at != of_state_.end())
      at->second->add(sign * groups);
  }
}

void GroupMetrics::count(PartitionId partition, const Counts& now) {
  const auto at = last_.try_emplace(partition).first;
  change_gauges(at->second, -1);
  change_gauges(now, 1);
  for (const Named& event : kEvents)
    events_[event.name]->add(static_cast<std::uint64_t>(
        std::max<std::int64_t>(now.*event.field - at->second.*event.field, 0)));
  at->second = now;
}

void GroupMetrics::forget(PartitionId partition) {
  const auto at = last_.find(partition);
  if (at == last_.end()) return;
  change_gauges(at->second, -1);
  last_.erase(at);
}

}  // namespace moldau::coordinator
