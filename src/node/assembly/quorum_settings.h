// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/broker_config.h"
#include "node/quorum/quorum.h"

namespace moldau::assembly {

/// What quorum and controller read from a node's configuration; the directory is filled in by
/// the caller.
quorum::QuorumConfig quorum_config_of(const std::shared_ptr<const config::BrokerConfig>& config,
                                      const std::string& cluster_id);

}  // namespace moldau::assembly
