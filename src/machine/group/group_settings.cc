// SPDX-License-Identifier: Apache-2.0
#include "machine/group/group_settings.h"

#include <algorithm>
#include <cctype>

#include "config/field.h"
#include "config/group_config.h"

namespace moldau::group {
namespace {

std::shared_ptr<const config::BrokerConfig> default_broker() {
  auto out = std::make_shared<config::BrokerConfig>();
  out->values = config::default_values_of<config::BrokerValues>(config::broker_schema());
  return out;
}

/// In any case of letters.
bool policy_is(const config::BrokerConfig& broker, std::string_view name) {
  const std::string& policy = broker.values.group_consumer_migration_policy;
  return std::equal(policy.begin(), policy.end(), name.begin(), name.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

}  // namespace

bool GroupSettings::may_upgrade() const {
  return policy_is(*broker, "upgrade") || policy_is(*broker, "bidirectional");
}

bool GroupSettings::may_downgrade() const {
  return policy_is(*broker, "downgrade") || policy_is(*broker, "bidirectional");
}

GroupSettings::GroupSettings()
    : broker(default_broker()), group_defaults(config::effective_group_config(*broker, {})) {}

config::GroupValues GroupSettings::of_group(const image::MetadataImage& image,
                                            std::string_view group_id) const {
  const image::ConfigEntries& entries =
      image.config(image::ConfigResource(image::ResourceType::kGroup, std::string(group_id)));
  if (entries.empty()) return group_defaults;
  return config::effective_group_config(*broker, config::ConfigMap(entries.begin(), entries.end()));
}

GroupSettings GroupSettings::from(const config::BrokerConfig& config) {
  const auto& values = config.values;
  GroupSettings out;
  out.broker = std::make_shared<const config::BrokerConfig>(config);
  out.group_defaults = config::effective_group_config(config, {});
  out.session_timeout_min = Millis(values.group_min_session_timeout_ms);
  out.session_timeout_max = Millis(values.group_max_session_timeout_ms);
  out.initial_rebalance_delay = Millis(values.group_initial_rebalance_delay_ms);
  out.group_size_max = values.group_max_size;
  out.offset_metadata_max = values.offset_metadata_max_bytes;
  out.offsets_retention = Millis(std::int64_t{values.offsets_retention_minutes} * 60'000);
  out.retention_check_interval = Millis(values.offsets_retention_check_interval_ms);
  return out;
}

}  // namespace moldau::group
