// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "node/coordinator/share_hosts.h"
#include "node/handler/authorize.h"
#include "node/handler/group_call.h"

namespace moldau::handler {

/// False while share.version is 0.
inline bool shares_groups(const Services& node) {
  return node.image->feature_level("share.version") >= 1;
}

/// What the share coordinator said of each of these, in their order.
struct StateWork {
  StateWork() = default;
  std::string group_id;
  std::int32_t state_epoch = 0;
  std::vector<group::ShareStart> partitions;
  std::vector<share::StateOutcome> outcomes;
};

/// Begins the state of these partitions, or removes it, many at a time.
env::Task<void> initialize_states(Services& node, StateWork* work);
env::Task<void> remove_states(Services& node, StateWork* work);

/// Tells the group's coordinator which of them succeeded (`good`) and which did not (`bad`, if
/// that is to be told).
env::Task<void> settle_states(Services& node, const StateWork* work,
                              group::ShareSettlement::What good,
                              std::optional<group::ShareSettlement::What> bad);

}  // namespace moldau::handler
