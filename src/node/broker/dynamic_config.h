// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "base/unique_function.h"
#include "config/broker_config.h"
#include "env/logger.h"
#include "machine/image/loader.h"

namespace moldau::broker {

/// The configuration in force: server.properties, over it the configs of all brokers, over them
/// those of this one. The one place where it is made; each change is a new immutable value.
///
/// Path     MetadataApplier, with each image → apply() → whoever asked to be told.
/// Owner    the node.
/// Thread   shard 0; the values are shared with all shards.
/// Errors   values that cannot be used are left out with a warning, as Apache does on replay.
/// Source   DynamicBrokerConfig, DynamicConfigPublisher.
class DynamicConfig {
 public:
  using Value = std::shared_ptr<const config::BrokerConfig>;
  using Changed = UniqueFunction<void(const Value&)>;

  /// `at_start` is server.properties alone.
  DynamicConfig(env::Logger& logger, Value at_start);

  const Value& current() const { return current_; }
  /// Called at every change, in the order of asking, after current() has changed.
  void on_change(Changed changed) { changed_.push_back(std::move(changed)); }
  /// True if the image has brought another configuration; the first one always counts.
  bool apply(const image::PublishedImage& published);

 private:
  env::Logger& logger_;
  const config::ConfigMap static_config_;
  Value current_;
  std::vector<Changed> changed_;
  bool applied_ = false;
};

}  // namespace moldau::broker
