// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "machine/client/cluster_view.h"

namespace moldau::client {

/// "host:port", "[::1]:port", "PROTOCOL://host:port". `key` names the property in errors.
/// Thread   any thread.
/// Errors   kInvalidConfig, in Apache's words.
/// Source   ClientUtils.parseAndValidateAddresses.
Result<BrokerAddress> parse_bootstrap_address(std::string_view text, std::string_view key);
/// Several of them, separated by commas; at least one.
Result<std::vector<BrokerAddress>> parse_bootstrap(std::string_view list, std::string_view key);

}  // namespace moldau::client
