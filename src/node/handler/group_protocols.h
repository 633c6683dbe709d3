// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>

#include "node/handler/services.h"

namespace moldau::handler {

/// Whether the cluster has that kind of groups: group.coordinator.rebalance.protocols names it, and
/// its feature is finalized.
/// Source   KafkaApis.isStreamsGroupProtocolEnabled and its like.
inline bool serves_group_protocol(const Services& node, std::string_view protocol,
                                  std::string_view feature) {
  const auto& protocols = node.config->values.group_coordinator_rebalance_protocols;
  return std::find(protocols.begin(), protocols.end(), protocol) != protocols.end() &&
         node.image->feature_level(feature) > 0;
}

inline bool serves_streams_groups(const Services& node) {
  return serves_group_protocol(node, "streams", image::kStreamsFeature);
}

}  // namespace moldau::handler
