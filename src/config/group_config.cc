// SPDX-License-Identifier: Apache-2.0
#include "config/group_config.h"

#include <algorithm>
#include <array>

#include "config/field.h"

namespace moldau::config {
namespace {

/// A setting of groups that the broker holds between two of its own keys.
struct Limit {
  std::string_view name;
  std::int32_t GroupValues::* value;
  /// nullptr: no limit at this end.
  std::int32_t BrokerValues::* low;
  std::string_view low_key;
  std::int32_t BrokerValues::* high;
  std::string_view high_key;
};

using B = BrokerValues;
using G = GroupValues;

constexpr std::array kLimits = {
    Limit{"consumer.heartbeat.interval.ms", &G::consumer_heartbeat_interval_ms,
          &B::group_consumer_min_heartbeat_interval_ms, "group.consumer.min.heartbeat.interval.ms",
          &B::group_consumer_max_heartbeat_interval_ms, "group.consumer.max.heartbeat.interval.ms"},
    Limit{"consumer.session.timeout.ms", &G::consumer_session_timeout_ms,
          &B::group_consumer_min_session_timeout_ms, "group.consumer.min.session.timeout.ms",
          &B::group_consumer_max_session_timeout_ms, "group.consumer.max.session.timeout.ms"},
    Limit{
        "consumer.assignment.interval.ms", &G::consumer_assignment_interval_ms,
        &B::group_consumer_min_assignment_interval_ms, "group.consumer.min.assignment.interval.ms",
        &B::group_consumer_max_assignment_interval_ms, "group.consumer.max.assignment.interval.ms"},
    Limit{"share.heartbeat.interval.ms", &G::share_heartbeat_interval_ms,
          &B::group_share_min_heartbeat_interval_ms, "group.share.min.heartbeat.interval.ms",
          &B::group_share_max_heartbeat_interval_ms, "group.share.max.heartbeat.interval.ms"},
    Limit{"share.session.timeout.ms", &G::share_session_timeout_ms,
          &B::group_share_min_session_timeout_ms, "group.share.min.session.timeout.ms",
          &B::group_share_max_session_timeout_ms, "group.share.max.session.timeout.ms"},
    Limit{"share.record.lock.duration.ms", &G::share_record_lock_duration_ms,
          &B::group_share_min_record_lock_duration_ms, "group.share.min.record.lock.duration.ms",
          &B::group_share_max_record_lock_duration_ms, "group.share.max.record.lock.duration.ms"},
    Limit{"share.delivery.count.limit", &G::share_delivery_count_limit,
          &B::group_share_min_delivery_count_limit, "group.share.min.delivery.count.limit",
          &B::group_share_max_delivery_count_limit, "group.share.max.delivery.count.limit"},
    Limit{"share.partition.max.record.locks", &G::share_partition_max_record_locks,
          &B::group_share_min_partition_max_record_locks,
          "group.share.min.partition.max.record.locks",
          &B::group_share_max_partition_max_record_locks,
          "group.share.max.partition.max.record.locks"},
    Limit{"share.assignment.interval.ms", &G::share_assignment_interval_ms,
          &B::group_share_min_assignment_interval_ms, "group.share.min.assignment.interval.ms",
          &B::group_share_max_assignment_interval_ms, "group.share.max.assignment.interval.ms"},
    Limit{"streams.heartbeat.interval.ms", &G::streams_heartbeat_interval_ms,
          &B::group_streams_min_heartbeat_interval_ms, "group.streams.min.heartbeat.interval.ms",
          &B::group_streams_max_heartbeat_interval_ms, "group.streams.max.heartbeat.interval.ms"},
    Limit{"streams.session.timeout.ms", &G::streams_session_timeout_ms,
          &B::group_streams_min_session_timeout_ms, "group.streams.min.session.timeout.ms",
          &B::group_streams_max_session_timeout_ms, "group.streams.max.session.timeout.ms"},
    Limit{"streams.assignment.interval.ms", &G::streams_assignment_interval_ms,
          &B::group_streams_min_assignment_interval_ms, "group.streams.min.assignment.interval.ms",
          &B::group_streams_max_assignment_interval_ms, "group.streams.max.assignment.interval.ms"},
    Limit{"streams.num.standby.replicas",
          &G::streams_num_standby_replicas,
          nullptr,
          {},
          &B::group_streams_max_standby_replicas,
          "group.streams.max.standby.replicas"},
};

/// What a group has that sets nothing: the broker's value of each key that has one.
GroupValues broker_defaults(const BrokerConfig& broker) {
  auto out = default_values_of<GroupValues>(group_schema());
  auto fields = fields_of(&out);
  auto broker_fields = fields_of(&broker.values);
  std::span<const ConfigKey> keys = group_schema().keys();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].lookup.empty()) continue;
    const ConfigKey* source = broker_schema().find(keys[i].lookup.front().name);
    MOLDAU_CHECK(source != nullptr, keys[i].name);
    auto index = static_cast<std::size_t>(source - broker_schema().keys().data());
    assign_field(out, fields[i], read_field(broker.values, broker_fields[index]));
  }
  return out;
}

Result<void> apply(GroupValues& values, std::string_view name, std::string_view text) {
  const ConfigKey* key = group_schema().find(name);
  if (key == nullptr) {
    return Error(ErrorCode::kInvalidConfig, "Unknown group config name: " + std::string(name));
  }
  MOLDAU_ASSIGN_OR_RETURN(ConfigValue value, parse_value(*key, text));
  auto index = static_cast<std::size_t>(key - group_schema().keys().data());
  assign_field(values, fields_of(&values)[index], value);
  return {};
}

Result<void> below(std::int32_t heartbeat, std::int32_t session, std::string_view kind) {
  if (heartbeat < session) return {};
  return Error(ErrorCode::kInvalidConfig, std::string(kind) +
                                              ".session.timeout.ms must be greater than " +
                                              std::string(kind) + ".heartbeat.interval.ms");
}

}  // namespace

GroupValues group_values(const BrokerConfig& broker, const ConfigMap& group) {
  GroupValues values = broker_defaults(broker);
  for (const auto& [name, text] : group) {
    // What cannot be applied was accepted by another version: the broker's value stands.
    if (!apply(values, name, text).ok()) continue;
  }
  return values;
}

GroupValues effective_group_config(const BrokerConfig& broker, const ConfigMap& group) {
  GroupValues values = group_values(broker, group);
  for (const Limit& limit : kLimits) {
    std::int32_t& value = values.*limit.value;
    if (limit.low != nullptr) value = std::max(value, broker.values.*limit.low);
    if (limit.high != nullptr) value = std::min(value, broker.values.*limit.high);
  }
  return values;
}

Result<void> check_group_config(const BrokerConfig& broker, const ConfigMap& group) {
  GroupValues values = broker_defaults(broker);
  for (const auto& [name, text] : group) MOLDAU_TRY(apply(values, name, text));
  for (const Limit& limit : kLimits) {
    std::int32_t value = values.*limit.value;
    if (limit.low != nullptr && value < broker.values.*limit.low) {
      return Error(ErrorCode::kInvalidConfig, std::string(limit.name) +
                                                  " must be greater than or equal to " +
                                                  std::string(limit.low_key));
    }
    if (limit.high != nullptr && value > broker.values.*limit.high) {
      return Error(ErrorCode::kInvalidConfig, std::string(limit.name) +
                                                  " must be less than or equal to " +
                                                  std::string(limit.high_key));
    }
  }
  MOLDAU_TRY(
      below(values.consumer_heartbeat_interval_ms, values.consumer_session_timeout_ms, "consumer"));
  MOLDAU_TRY(below(values.share_heartbeat_interval_ms, values.share_session_timeout_ms, "share"));
  return below(values.streams_heartbeat_interval_ms, values.streams_session_timeout_ms, "streams");
}

}  // namespace moldau::config
