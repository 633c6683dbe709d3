// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "config/broker_config.h"
#include "env/logger.h"

namespace moldau::program {

/// Formats the log directories of a node without a configuration file, unless they are already:
/// a quorum of itself with dynamic voters, features at their newest levels.
/// Durable  as format_storage: a cut at any moment leaves a directory that the next start takes.
Result<void> format_first_start(const config::BrokerConfig& config, env::Logger& logger);

}  // namespace moldau::program
