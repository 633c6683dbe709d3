// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "machine/client/cluster_view.h"

namespace moldau::client {

/// The addresses of bootstrap.servers; each may hold several, separated by commas.
/// Thread   any thread.
/// Errors   kInvalidConfig: none, or one that is no host:port; says which.
/// Source   ClientUtils.parseAndValidateAddresses.
Result<std::vector<BrokerAddress>> parse_bootstrap(const std::vector<std::string>& servers);

}  // namespace moldau::client
