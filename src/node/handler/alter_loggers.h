// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "config/alter.h"
#include "config/describe.h"
#include "node/handler/services.h"

namespace moldau::handler {

/// Changes levels of this node's loggers, until it ends; nothing if one of them cannot be.
/// Errors   kClusterAuthorizationFailed; kInvalidRequest for another node, an operation that
///          loggers have not, and root without a level; kInvalidConfig for what is no logger or no
///          level.
/// Source   RuntimeLoggerManager.applyChangesForResource.
Result<void> alter_loggers(const Services& node, const request::Request& request,
                           std::string_view node_id, const std::vector<config::AlterEntry>& entries,
                           bool validate_only);

/// The loggers of this node and what levels hold for them.
/// Errors   kInvalidRequest for another node.
/// Source   ConfigHelper.describeConfigs.
Result<std::vector<config::ConfigEntry>> describe_loggers(const Services& node,
                                                          std::string_view node_id);

}  // namespace moldau::handler
