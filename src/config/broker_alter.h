// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/result.h"
#include "config/broker_config.h"

namespace moldau::config {

/// Whether this broker could run with `altered` as the configs of its own BROKER resource
/// (`per_broker`) or of the defaults of all brokers. The listeners it would have to bind for that.
/// A listener that keeps its name stays where it is bound until a restart without the change, as
/// in Apache.
/// Errors   kInvalidRequest: keys that are read-only, that need a listener prefix, that no
///          default may set; values that do not parse, contradict others or ask for what is not
///          built; steps of thread counts above twice or below half; another protocol or other
///          configs of a listener that stays.
/// Source   DynamicBrokerConfig.validate, DynamicThreadPool, DynamicListenerConfig.
Result<std::vector<Listener>> check_dynamic_broker_config(const BrokerConfig& broker,
                                                          const BrokerConfigSources& sources,
                                                          const ConfigMap& altered,
                                                          bool per_broker);

}  // namespace moldau::config
