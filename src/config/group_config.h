// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "config/broker_config.h"

namespace moldau::config {

/// The configs of a group over the broker's; entries that do not parse are left out.
/// Source   GroupConfig.fromProps.
GroupValues group_values(const BrokerConfig& broker, const ConfigMap& group);

/// The configs a group runs with: the same, held within the broker's limits, which may have
/// become tighter since the group was configured.
/// Thread   any thread; pure.
/// Source   GroupConfig.evaluate.
GroupValues effective_group_config(const BrokerConfig& broker, const ConfigMap& group);

/// Checks the configs a group would have after an alteration.
/// Errors   kInvalidConfig: an unknown key, a bad value, a value outside the broker's limits.
Result<void> check_group_config(const BrokerConfig& broker, const ConfigMap& group);

}  // namespace moldau::config
