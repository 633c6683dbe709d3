// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/broker_config.h"

namespace moldau::config {

/// One place where a value was set, or would be taken from.
struct ConfigSynonym {
  std::string name;
  /// nullopt hides the value of a sensitive key.
  std::optional<std::string> value;
  ConfigSource source = ConfigSource::kUnknown;

  bool operator==(const ConfigSynonym&) const = default;
};

/// One config as DescribeConfigs answers it.
struct ConfigEntry {
  std::string name;
  /// nullopt is null, or the value of a sensitive key.
  std::optional<std::string> value;
  ConfigSource source = ConfigSource::kDefaultConfig;
  bool read_only = false;
  bool sensitive = false;
  ConfigType type = ConfigType::kUnknown;
  /// Strongest first, as Kafka orders them.
  std::vector<ConfigSynonym> synonyms;
  /// Of the schema: lives as long as the program.
  std::string_view documentation;

  /// For version 0 of the request, which knows no sources.
  bool is_default() const { return source == ConfigSource::kDefaultConfig; }
};

/// The configs of a topic: every key that is not internal, and what the topic sets.
/// Entries are sorted by name. Callers filter names, and drop synonyms and documentation that
/// the request does not want.
/// Path     handler/describe_configs → this.
/// Thread   any thread; pure.
/// Source   ConfigHelper of 4.3.
std::vector<ConfigEntry> describe_topic(const BrokerConfig& broker,
                                        const BrokerConfigSources& sources, const ConfigMap& topic);

/// The configs of this broker; `broker` is the configuration in force with `sources`.
std::vector<ConfigEntry> describe_broker(const BrokerConfig& broker,
                                         const BrokerConfigSources& sources);

/// The dynamic defaults of all brokers (the BROKER resource without a name).
std::vector<ConfigEntry> describe_broker_defaults(const BrokerConfigSources& sources);

std::vector<ConfigEntry> describe_group(const BrokerConfig& broker,
                                        const BrokerConfigSources& sources, const ConfigMap& group);

std::vector<ConfigEntry> describe_client_metrics(const ConfigMap& subscription);

/// The effective configs that CreateTopics answers: value and source, no synonyms.
/// Source   KafkaConfigSchema.resolveEffectiveTopicConfigs.
std::vector<ConfigEntry> describe_created_topic(const BrokerConfigSources& sources,
                                                const ConfigMap& topic);

/// Sensitive, or unknown and so perhaps sensitive: not to be logged or answered.
bool is_sensitive(ConfigResourceType type, std::string_view name);

}  // namespace moldau::config
