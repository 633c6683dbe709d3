// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/broker_config.h"

namespace moldau::config {

/// The rules between keys: roles, listeners, quorum, timeouts, limits; and what must be refused
/// because it is not built yet. Problems are appended to `errors`, one line each.
/// Source   KafkaConfig.validateValues, GroupCoordinatorConfig, ShareGroupConfig.
void check_broker_config(const BrokerConfig& config, const PropertySet& properties,
                         std::vector<std::string>& errors, std::vector<std::string>& warnings);

/// Origins of properties that are not from the start.
inline constexpr std::string_view kDynamicDefaultOrigin = "dynamic broker default";
inline constexpr std::string_view kDynamicBrokerOrigin = "dynamic broker config";

inline bool is_dynamic_origin(std::string_view origin) {
  return origin == kDynamicDefaultOrigin || origin == kDynamicBrokerOrigin;
}

}  // namespace moldau::config
