// SPDX-License-Identifier: Apache-2.0
#include "node/handler/table.h"

namespace moldau::handler {
namespace {

using wire::ApiKey;

constexpr HandlerRow kRows[] = {
    {ApiKey::kProduce, handle_produce, true, false},
    {ApiKey::kFetch, handle_fetch, true, false},
    {ApiKey::kListOffsets, handle_list_offsets, true, false},
    {ApiKey::kMetadata, handle_metadata, true, false},
    {ApiKey::kApiVersions, handle_api_versions, true, true},
};

}  // namespace

std::span<const HandlerRow> all_handlers() { return kRows; }

std::vector<request::Route> routes_of(Services& node, bool controller_listener) {
  std::vector<request::Route> routes;
  for (const HandlerRow& row : kRows) {
    if (!(controller_listener ? row.on_controller : row.on_broker)) continue;
    const wire::ApiSpec& spec = wire::api_spec(row.key);
    request::Handler handler = [&node, function = row.function](request::RequestPtr request) {
      return function(node, std::move(request));
    };
    routes.emplace_back(row.key, spec.min_version, spec.max_version, std::move(handler));
  }
  return routes;
}

}  // namespace moldau::handler
