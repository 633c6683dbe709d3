// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "machine/image/metadata_version.h"
#include "node/handler/table.h"
#include "node/quorum/quorum.h"
#include "wire/api_versions_request.h"
#include "wire/api_versions_response.h"

namespace moldau::handler {
namespace {

bool is_valid_software_text(std::string_view text) {
  // KIP-511: [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (text.empty() || !is_word(text.front()) || !is_word(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_word(c) || c == '-' || c == '.'; });
}

void add_features(wire::ApiVersionsResponse& response, std::int16_t version,
                  const image::MetadataImage& image, std::int16_t kraft_version) {
  for (const image::FeatureSupport& feature : image::supported_features()) {
    // Readers before v4 take a minimum of 0 for a mistake.
    if (version < 4 && feature.min_level == 0) continue;
    auto& one = response.supported_features.emplace_back();
    one.name = feature.name;
    one.min_version = feature.min_level;
    one.max_version = feature.max_level;
  }
  if (!image.has_metadata_version()) return;
  response.finalized_features_epoch = image.provenance().offset.value();
  for (const image::FeatureSupport& feature : image::supported_features()) {
    // kraft.version is no metadata record: the quorum knows it.
    const std::int16_t level = feature.name == image::kKraftVersionFeature
                                   ? kraft_version
                                   : image.feature_level(feature.name);
    if (level <= 0) continue;
    auto& one = response.finalized_features.emplace_back();
    one.name = feature.name;
    one.max_version_level = level;
    one.min_version_level = level;
  }
}

void add_apis(wire::ApiVersionsResponse& response, bool controller_listener) {
  for (const HandlerRow& row : all_handlers()) {
    if (!(controller_listener ? row.on_controller : row.on_broker)) continue;
    const wire::ApiSpec& spec = wire::api_spec(row.key);
    auto& one = response.api_keys.emplace_back();
    one.api_key = static_cast<std::int16_t>(row.key);
    // Old librdkafka misreads a Produce range that does not begin at 0.
    one.min_version = row.key == wire::ApiKey::kProduce ? std::int16_t{0} : spec.min_version;
    one.max_version = spec.max_version;
  }
  std::sort(response.api_keys.begin(), response.api_keys.end(),
            [](const auto& a, const auto& b) { return a.api_key < b.api_key; });
}

}  // namespace

env::Task<void> handle_api_versions(Services& node, request::RequestPtr request) {
  const wire::ApiSpec& spec = wire::api_spec(wire::ApiKey::kApiVersions);
  if (!spec.supports(request->version())) {
    wire::ApiVersionsResponse response;
    response.error_code = to_wire(ErrorCode::kUnsupportedVersion);
    auto& one = response.api_keys.emplace_back();
    one.api_key = wire::ApiVersionsResponse::kApiKey;
    one.min_version = spec.min_version;
    one.max_version = spec.max_version;
    request->answer_as(response, 0);
    co_return;
  }
  auto decoded = request->decode<wire::ApiVersionsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  wire::ApiVersionsResponse response;
  if (request->version() >= 3) {
    const std::string_view name = decoded->client_software_name.view();
    const std::string_view version = decoded->client_software_version.view();
    if (!is_valid_software_text(name) || !is_valid_software_text(version)) {
      response.error_code = to_wire(ErrorCode::kInvalidRequest);
      request->answer(response);
      co_return;
    }
    request->set_client_software(std::string(name), std::string(version));
  }
  const bool controller =
      node.config && node.config->is_controller_listener(request->caller().listener);
  add_apis(response, controller);
  if (node.image)
    add_features(response, request->version(), *node.image, node.quorum.kraft_version());
  request->answer(response);
}

}  // namespace moldau::handler
