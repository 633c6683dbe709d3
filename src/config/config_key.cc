// SPDX-License-Identifier: Apache-2.0
#include "config/config_key.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace moldau::config {

const ConfigKey* ConfigSchema::find(std::string_view name) const {
  auto it = std::lower_bound(keys_.begin(), keys_.end(), name,
                             [](const ConfigKey& key, std::string_view n) { return key.name < n; });
  return it != keys_.end() && it->name == name ? &*it : nullptr;
}

namespace {

/// Names longer than this are no typing errors; keeps the distance cheap.
constexpr std::size_t kNameLengthMax = 128;

/// More changes than this make another name.
constexpr std::size_t kNameDistanceMax = 6;

/// Levenshtein distance, or anything from `limit` on once it cannot be smaller.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit,
                          std::vector<std::size_t>& row) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= limit) return limit;
  row.resize(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    std::size_t least = row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
      least = std::min(least, row[j + 1]);
    }
    if (least >= limit) return limit;
  }
  return row[b.size()];
}

}  // namespace

std::string_view ConfigSchema::nearest(std::string_view name) const {
  if (name.empty() || name.size() > kNameLengthMax) return {};
  std::size_t best = std::clamp<std::size_t>(name.size() / 3, 2, kNameDistanceMax) + 1;
  std::string_view found;
  std::vector<std::size_t> row;
  for (const ConfigKey& key : keys_) {
    std::size_t distance = edit_distance(name, key.name, best, row);
    if (distance < best) {
      best = distance;
      found = key.name;
    }
  }
  return found;
}

std::string_view config_type_name(ConfigType type) {
  switch (type) {
    case ConfigType::kUnknown:
      return "UNKNOWN";
    case ConfigType::kBoolean:
      return "BOOLEAN";
    case ConfigType::kString:
      return "STRING";
    case ConfigType::kInt:
      return "INT";
    case ConfigType::kShort:
      return "SHORT";
    case ConfigType::kLong:
      return "LONG";
    case ConfigType::kDouble:
      return "DOUBLE";
    case ConfigType::kList:
      return "LIST";
    case ConfigType::kClass:
      return "CLASS";
    case ConfigType::kPassword:
      return "PASSWORD";
  }
  return "UNKNOWN";
}

std::string_view config_source_name(ConfigSource source) {
  switch (source) {
    case ConfigSource::kUnknown:
      return "UNKNOWN";
    case ConfigSource::kDynamicTopicConfig:
      return "DYNAMIC_TOPIC_CONFIG";
    case ConfigSource::kDynamicBrokerConfig:
      return "DYNAMIC_BROKER_CONFIG";
    case ConfigSource::kDynamicDefaultBrokerConfig:
      return "DYNAMIC_DEFAULT_BROKER_CONFIG";
    case ConfigSource::kStaticBrokerConfig:
      return "STATIC_BROKER_CONFIG";
    case ConfigSource::kDefaultConfig:
      return "DEFAULT_CONFIG";
    case ConfigSource::kDynamicBrokerLoggerConfig:
      return "DYNAMIC_BROKER_LOGGER_CONFIG";
    case ConfigSource::kDynamicClientMetricsConfig:
      return "DYNAMIC_CLIENT_METRICS_CONFIG";
    case ConfigSource::kDynamicGroupConfig:
      return "DYNAMIC_GROUP_CONFIG";
  }
  return "UNKNOWN";
}

std::string_view config_resource_type_name(ConfigResourceType type) {
  switch (type) {
    case ConfigResourceType::kUnknown:
      return "UNKNOWN";
    case ConfigResourceType::kTopic:
      return "TOPIC";
    case ConfigResourceType::kBroker:
      return "BROKER";
    case ConfigResourceType::kBrokerLogger:
      return "BROKER_LOGGER";
    case ConfigResourceType::kClientMetrics:
      return "CLIENT_METRICS";
    case ConfigResourceType::kGroup:
      return "GROUP";
  }
  return "UNKNOWN";
}

}  // namespace moldau::config
