// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "config/alter.h"
#include "node/handler/services.h"

namespace moldau::handler {

/// server.properties and the dynamic configs of this broker.
config::BrokerConfigSources config_sources_of(const Services& node);

/// What the broker that got an alter request checks before it asks the controller: the shape of
/// the entries, and whether it could run with the result itself: new listeners can be bound.
/// Errors   kInvalidRequest, kInvalidConfig.
/// Source   ConfigAdminManager.preprocess.
Result<void> check_alter(const Services& node, std::int8_t resource_type, std::string_view name,
                         const std::vector<config::AlterEntry>& entries, bool incremental);

/// Whether the caller may alter the configs of a resource.
/// Errors   the refusal of that type of resource.
/// Source   ControllerApis.authorizeAlterResource.
Result<void> may_alter(const Services& node, const request::Request& request,
                       image::ResourceType type, std::string_view name);

}  // namespace moldau::handler
