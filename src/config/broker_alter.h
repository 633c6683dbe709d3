// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "config/broker_config.h"

namespace moldau::config {

/// Whether this broker could run with `altered` as the configs of its own BROKER resource
/// (`per_broker`) or of the defaults of all brokers.
/// Errors   kInvalidRequest: keys that are read-only, that need a listener prefix, that no
///          default may set; values that do not parse, contradict others or ask for what is not
///          built; steps of thread counts above twice or below half.
/// Source   DynamicBrokerConfig.validate, DynamicThreadPool, DynamicListenerConfig.
Result<void> check_dynamic_broker_config(const BrokerConfig& broker,
                                         const BrokerConfigSources& sources,
                                         const ConfigMap& altered, bool per_broker);

}  // namespace moldau::config
