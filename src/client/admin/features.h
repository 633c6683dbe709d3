// SPDX-License-Identifier: Apache-2.0
// Operations of Admin on features. Owner, thread and errors as in topics.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/admin/outcome.h"
#include "client/cluster.h"
#include "wire/api_versions_response.h"

namespace moldau::client::admin {

struct SupportedFeature {
  std::int16_t min = 0;
  std::int16_t max = 0;
};

struct FeatureDescription {
  std::map<std::string, SupportedFeature> supported;
  std::map<std::string, std::int16_t> finalized;
  std::optional<std::int64_t> epoch;
};

/// What one node, or any, says of ApiVersions; the answer's frame is its owner.
env::Task<Result<Answer<wire::ApiVersionsResponse>>> describe_versions(Cluster& cluster,
                                                                       std::optional<NodeId> node,
                                                                       MonoTime deadline);

env::Task<Result<FeatureDescription>> describe_features(Cluster& cluster,
                                                        std::optional<NodeId> node,
                                                        MonoTime deadline);

struct FeatureUpdate {
  enum class Type : std::int8_t { kUpgrade = 1, kSafeDowngrade = 2, kUnsafeDowngrade = 3 };
  std::string feature;
  std::int16_t level = 0;
  Type type = Type::kUpgrade;
};

/// By feature. An error of the whole call is that of each.
env::Task<Outcomes<std::string, void>> update_features(Cluster& cluster,
                                                       std::vector<FeatureUpdate> updates,
                                                       bool validate_only, MonoTime deadline);

}  // namespace moldau::client::admin
