// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client/cluster.h"

namespace moldau::client::admin {

using Properties = std::map<std::string, std::string, std::less<>>;

struct AdminOptions {
  ClusterOptions cluster;
  /// How long one call may take (default.api.timeout.ms).
  Millis call_timeout{60'000};
};

/// The options that Kafka's properties of Admin mean. Keys nobody knows are named in `unknown`.
/// Errors   kInvalidConfig with Apache's sentence: a value that cannot be, an address that cannot
///          be read, neither or both kinds of bootstrap addresses, or security that is not built.
/// Source   AdminClientConfig 4.3.1, ClientUtils, AdminBootstrapAddresses.
Result<AdminOptions> parse_admin_options(const Properties& properties,
                                         std::vector<std::string>& unknown);

}  // namespace moldau::client::admin
