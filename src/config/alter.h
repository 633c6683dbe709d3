// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/broker_config.h"

namespace moldau::config {

/// One entry of an alter request, as it came over the wire.
struct AlterEntry {
  std::string name;
  /// Of AlterOp; AlterConfigs only sets.
  std::int8_t op = 0;
  /// nullopt is null.
  std::optional<std::string> value;
};

/// One ConfigRecord to write: nullopt deletes the config.
struct ConfigChange {
  std::string name;
  std::optional<std::string> value;

  bool operator==(const ConfigChange&) const = default;
};

/// The resource that is to be altered, and what it is judged by.
struct AlterSubject {
  ConfigResourceType type = ConfigResourceType::kUnknown;
  /// Topic, group or subscription name, node id, or "" for the defaults of all brokers.
  std::string_view name;
  /// The resource's configs now.
  const ConfigMap& existing;
  /// The configuration in force on this node, and what it is made of.
  const BrokerConfig& broker;
  const BrokerConfigSources& sources;
  /// The feature eligible.leader.replicas.version is at least 1.
  bool elr_enabled = false;
};

/// Values larger than this are refused.
inline constexpr std::size_t kConfigValueBytesMax = 32767;
/// Brokers accept names that we do not know, as Kafka does for plugins; these bound them.
inline constexpr std::size_t kConfigNameBytesMax = 1024;
inline constexpr std::size_t kConfigsPerResourceMax = 2000;

/// Whether names stand there once and values that must be there are.
/// Errors   kInvalidRequest.
Result<void> check_alter_shape(const std::vector<AlterEntry>& entries, bool incremental);

/// The part of the check that the broker does which got the request: shape of the entries, and
/// for BROKER resources whether this broker could run with the result.
/// Whether a resource stands in one request twice is the caller's to see, and whether the
/// listeners that are returned can be bound.
/// Path     handler/incremental_alter_configs, handler/alter_configs → this → quorum.
/// Errors   kInvalidRequest, and kInvalidConfig for lists; texts as Kafka's.
/// Source   ConfigAdminManager.preprocess, DynamicBrokerConfig.validate.
Result<std::vector<Listener>> check_alter_request(const AlterSubject& subject,
                                                  const std::vector<AlterEntry>& entries,
                                                  bool incremental);

/// The controller's part: SET, DELETE, APPEND and SUBTRACT on what is there, then the check of
/// the whole. The caller checks that the resource exists.
/// Errors   kInvalidConfig, kInvalidRequest; nothing changes then.
/// Source   ConfigurationControlManager.incrementalAlterConfigs.
Result<std::vector<ConfigChange>> decide_incremental_alter(const AlterSubject& subject,
                                                           const std::vector<AlterEntry>& entries);

/// AlterConfigs: the entries replace all configs of the resource.
/// Source   ConfigurationControlManager.legacyAlterConfigs.
Result<std::vector<ConfigChange>> decide_legacy_alter(const AlterSubject& subject,
                                                      const std::vector<AlterEntry>& entries);

/// Checks the configs a topic is created with or would have: names, values, contradictions, and
/// what is not built yet.
/// Errors   kInvalidConfig.
/// Source   LogConfig.validate.
Result<void> check_topic_config(const BrokerConfig& broker, const ConfigMap& topic);

/// Checks the configs of a client metrics subscription.
/// Errors   kInvalidRequest, kInvalidConfig.
Result<void> check_client_metrics_config(const ConfigMap& subscription);

}  // namespace moldau::config
