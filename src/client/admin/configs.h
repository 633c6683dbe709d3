// SPDX-License-Identifier: Apache-2.0
// Operations of Admin on configs. Owner, thread and errors as in topics.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/admin/outcome.h"
#include "client/cluster.h"

namespace moldau::client::admin {

enum class ConfigResourceType : std::int8_t {
  kTopic = 2,
  kBroker = 4,
  kBrokerLogger = 8,
  kClientMetrics = 16,
  kGroup = 32
};

struct ConfigResource {
  ConfigResourceType type = ConfigResourceType::kTopic;
  std::string name;
  auto operator<=>(const ConfigResource&) const = default;
};

/// Where a value comes from, as DescribeConfigs numbers it.
enum class ConfigSource : std::int8_t {
  kUnknown = 0,
  kTopic = 1,
  kDynamicBroker = 2,
  kDynamicDefaultBroker = 3,
  kStaticBroker = 4,
  kDefault = 5,
  kDynamicBrokerLogger = 6,
  kClientMetrics = 7,
  kGroup = 8
};

struct ConfigSynonym {
  std::string name;
  std::optional<std::string> value;
  ConfigSource source = ConfigSource::kUnknown;
};

struct ConfigEntry {
  std::string name;
  /// nullopt: it has none, or it is sensitive.
  std::optional<std::string> value;
  bool read_only = false;
  bool sensitive = false;
  ConfigSource source = ConfigSource::kUnknown;
  std::int8_t type = 0;
  std::vector<ConfigSynonym> synonyms;
  std::optional<std::string> documentation;

  bool is_default() const { return source == ConfigSource::kDefault; }
};

struct DescribeConfigsOptions {
  DescribeConfigsOptions() = default;
  bool synonyms = false;
  bool documentation = false;
};

using DescribedConfigs = Outcomes<ConfigResource, std::vector<ConfigEntry>>;

/// In the order of `resources`. Brokers and their loggers are asked themselves, the rest is asked
/// of any broker.
env::Task<Result<DescribedConfigs>> describe_configs(Cluster& cluster,
                                                     std::vector<ConfigResource> resources,
                                                     DescribeConfigsOptions options,
                                                     MonoTime deadline);

}  // namespace moldau::client::admin
