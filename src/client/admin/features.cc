// SPDX-License-Identifier: Apache-2.0
#include "client/admin/features.h"

#include <algorithm>

#include "client/admin/cluster.h"
#include "client/ask.h"
#include "wire/api_versions_request.h"
#include "wire/update_features_request.h"
#include "wire/update_features_response.h"

namespace moldau::client::admin {

env::Task<Result<Answer<wire::ApiVersionsResponse>>> describe_versions(Cluster& cluster,
                                                                       std::optional<NodeId> node,
                                                                       MonoTime deadline) {
  wire::ApiVersionsRequest request;
  request.client_software_name = "moldau";
  request.client_software_version = MOLDAU_VERSION;
  Target target = Target::any();
  if (node) target = Target::node(*node);
  co_return co_await ask<wire::ApiVersionsResponse>(cluster, std::move(target), std::move(request),
                                                    deadline, TopError());
}

env::Task<Result<FeatureDescription>> describe_features(Cluster& cluster,
                                                        std::optional<NodeId> node,
                                                        MonoTime deadline) {
  auto answer = co_await describe_versions(cluster, node, deadline);
  if (!answer.ok()) co_return std::move(answer).error();
  const wire::ApiVersionsResponse& body = answer->body;
  if (body.error_code != 0) co_return told_error(body.error_code);
  FeatureDescription out;
  for (const auto& feature : body.supported_features) {
    SupportedFeature& one = out.supported[feature.name.str()];
    one.min = feature.min_version;
    one.max = feature.max_version;
  }
  for (const auto& feature : body.finalized_features)
    out.finalized[feature.name.str()] = feature.max_version_level;
  if (body.finalized_features_epoch >= 0) out.epoch = body.finalized_features_epoch;
  co_return std::move(out);
}

env::Task<Outcomes<std::string, void>> update_features(Cluster& cluster,
                                                       std::vector<FeatureUpdate> updates,
                                                       bool validate_only, MonoTime deadline) {
  wire::UpdateFeaturesRequest request;
  for (const FeatureUpdate& update : updates) {
    auto& one = request.feature_updates.emplace_back();
    one.feature = update.feature;
    one.max_version_level = update.level;
    one.upgrade_type = static_cast<std::int8_t>(update.type);
  }
  request.validate_only = validate_only;
  Outcomes<std::string, void> out;
  auto node = co_await find_active_controller(cluster, deadline);
  if (!node.ok()) {
    for (const FeatureUpdate& update : updates) out.emplace_back(update.feature, node.error());
    co_return std::move(out);
  }
  Target target = Target::node(*node);
  auto answer = co_await ask<wire::UpdateFeaturesResponse>(
      cluster, std::move(target), std::move(request), deadline, TopError());
  for (const FeatureUpdate& update : updates) {
    if (!answer.ok()) {
      out.emplace_back(update.feature, answer.error());
      continue;
    }
    const wire::UpdateFeaturesResponse& body = answer->body;
    if (body.error_code != 0) {
      out.emplace_back(update.feature, told_error(body.error_code, body.error_message));
      continue;
    }
    const auto told = std::find_if(body.results.begin(), body.results.end(),
                                   [&](const auto& r) { return r.feature == update.feature; });
    if (told != body.results.end() && told->error_code != 0)
      out.emplace_back(update.feature, told_error(told->error_code, told->error_message));
    else
      out.emplace_back(update.feature, Result<void>());
  }
  co_return std::move(out);
}

}  // namespace moldau::client::admin
