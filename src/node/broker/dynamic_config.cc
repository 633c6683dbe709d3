// SPDX-License-Identifier: Apache-2.0
#include "node/broker/dynamic_config.h"

#include <algorithm>
#include <utility>

namespace moldau::broker {

DynamicConfig::DynamicConfig(env::Logger& logger, Value at_start)
    : logger_(logger), static_config_(at_start->properties), current_(std::move(at_start)) {}

bool DynamicConfig::apply(const image::PublishedImage& published) {
  const auto& configs = published.changes.configs;
  const bool named = std::any_of(configs.begin(), configs.end(), [](const auto& resource) {
    return resource.type == image::ResourceType::kBroker;
  });
  if (std::exchange(applied_, true) && !named) return false;
  config::BrokerConfigSources sources;
  sources.static_broker = static_config_;
  const auto& defaults = published.image->broker_default_config();
  const auto& own = published.image->broker_config(current_->node_id);
  sources.dynamic_default = config::ConfigMap(defaults.begin(), defaults.end());
  sources.dynamic_broker = config::ConfigMap(own.begin(), own.end());
  auto loaded = config::effective_broker_config(sources);
  if (!loaded.ok()) {
    logger_.error("broker", "dynamic configs are not applied: {}", loaded.error().detail);
    return false;
  }
  for (const std::string& warning : loaded->warnings) logger_.warn("broker", "{}", warning);
  current_ = std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
  for (Changed& changed : changed_) changed(current_);
  return true;
}

}  // namespace moldau::broker
