// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace moldau::config {

/// Types of values; the numbers are those of DescribeConfigs.
enum class ConfigType : std::int8_t {
  kUnknown = 0,
  kBoolean = 1,
  kString = 2,
  kInt = 3,
  kShort = 4,
  kLong = 5,
  kDouble = 6,
  kList = 7,
  kClass = 8,
  kPassword = 9,
};

/// Where an effective value comes from; the numbers are those of DescribeConfigs.
enum class ConfigSource : std::int8_t {
  kUnknown = 0,
  kDynamicTopicConfig = 1,
  kDynamicBrokerConfig = 2,
  kDynamicDefaultBrokerConfig = 3,
  kStaticBrokerConfig = 4,
  kDefaultConfig = 5,
  kDynamicBrokerLoggerConfig = 6,
  kDynamicClientMetricsConfig = 7,
  kDynamicGroupConfig = 8,
};

/// What a set of configs belongs to; the numbers are those of ConfigRecord and DescribeConfigs.
enum class ConfigResourceType : std::int8_t {
  kUnknown = 0,
  kTopic = 2,
  kBroker = 4,
  kBrokerLogger = 8,
  kClientMetrics = 16,
  kGroup = 32,
};

/// One step of IncrementalAlterConfigs; the numbers are those of the request.
enum class AlterOp : std::int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

enum class Importance : std::int8_t { kHigh, kMedium, kLow };

/// Whether a broker key may change while the broker runs, and for whom.
enum class UpdateMode : std::int8_t { kReadOnly, kPerBroker, kClusterWide };

/// What we do with a key: its full effect; no start while it asks for what is not built; nothing.
enum class KeyStatus : std::int8_t { kHonoured, kRefused, kIgnored };

/// The check of a value beyond its type.
enum class ValueRule : std::int8_t {
  kNone,
  kRange,
  kIn,
  kInAnyCase,
  kNonNull,
  kGzipLevel,
  kVoters,
  kServers,
  kThrottledReplicas,
  kOffsetReset,
};

/// A broker key that gives a value to another key, with the factor between their units.
struct Synonym {
  std::string_view name;
  std::int64_t factor = 1;
};

/// The facts of one key, as schema/*.conf states them.
/// Thread   immutable.
struct ConfigKey {
  std::string_view name;
  ConfigType type = ConfigType::kUnknown;
  /// Has no default and must be given.
  bool required = false;
  /// nullopt means null (or required).
  std::optional<std::string_view> default_value = std::nullopt;
  ValueRule rule = ValueRule::kNone;
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  std::span<const std::string_view> values = {};
  /// Lists: entries are not empty, later duplicates are dropped.
  bool unique = false;
  bool nonempty = false;
  /// Not shown by DescribeConfigs unless set.
  bool internal = false;
  /// A broker key that cannot stand in server.properties.
  bool dynamic_only = false;
  Importance importance = Importance::kMedium;
  UpdateMode update_mode = UpdateMode::kReadOnly;
  /// Broker keys: all names of this value in the order in which they win.
  /// Topic and group keys: the broker keys that give their default, in that order.
  std::span<const Synonym> lookup = {};
  std::string_view documentation = {};
  KeyStatus status = KeyStatus::kHonoured;
  /// Why it is refused or ignored.
  std::string_view reason = {};
  /// The good values, for people.
  std::string_view allowed = {};

  bool sensitive() const { return type == ConfigType::kPassword; }
};

/// All keys of one kind of resource, sorted by name.
/// Thread   immutable.
class ConfigSchema {
 public:
  constexpr explicit ConfigSchema(std::span<const ConfigKey> keys) : keys_(keys) {}

  std::span<const ConfigKey> keys() const { return keys_; }
  /// nullptr if there is no such key.
  const ConfigKey* find(std::string_view name) const;
  /// The known name with the smallest edit distance, or "" if nothing comes near.
  std::string_view nearest(std::string_view name) const;

 private:
  std::span<const ConfigKey> keys_;
};

const ConfigSchema& broker_schema();
const ConfigSchema& topic_schema();
const ConfigSchema& group_schema();
const ConfigSchema& client_metrics_schema();
const ConfigSchema& quota_schema();

std::string_view config_type_name(ConfigType type);
std::string_view config_source_name(ConfigSource source);
std::string_view config_resource_type_name(ConfigResourceType type);

}  // namespace moldau::config
