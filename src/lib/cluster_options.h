// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "client/bootstrap.h"
#include "client/cluster.h"

namespace moldau::lib {

inline Millis millis(std::chrono::milliseconds span) {
  return Millis(span.count());
}

/// What the configurations of all clients say of their connections.
/// Thread   any thread.
/// Errors   as client::parse_bootstrap; an entry may hold several addresses.
template <class Config>
Result<client::ClusterOptions> cluster_options(const Config& config) {
  client::ClusterOptions options;
  std::string list;
  for (const std::string& server : config.bootstrap_servers) list.append(server).append(",");
  MOLDAU_ASSIGN_OR_RETURN(options.bootstrap, client::parse_bootstrap(list, "bootstrap.servers"));
  options.client_id = config.client_id;
  options.request_timeout = millis(config.request_timeout);
  options.retry = {millis(config.retry_backoff), millis(config.retry_backoff_max)};
  return options;
}

}  // namespace moldau::lib
