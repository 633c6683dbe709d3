// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "client/bootstrap.h"

namespace moldau::lib {

/// The addresses of a configuration; each entry may hold several.
/// Thread   any thread.
inline Result<std::vector<client::BrokerAddress>> bootstrap_of(
    const std::vector<std::string>& servers) {
  std::string list;
  for (const std::string& server : servers) list.append(server).append(",");
  return client::parse_bootstrap(list, "bootstrap.servers");
}

}  // namespace moldau::lib
