// SPDX-License-Identifier: Apache-2.0
#include "cli/tool.h"

#include <algorithm>
#include <array>

#include "cli/tools.h"

namespace moldau::cli {
namespace {

constexpr std::array kTools = {
    Tool{"kafka-broker-api-versions", run_broker_api_versions},
    Tool{"kafka-cluster", run_cluster},
    Tool{"kafka-delete-records", run_delete_records},
    Tool{"kafka-features", run_features},
    Tool{"kafka-get-offsets", run_get_offsets},
    Tool{"kafka-topics", run_topics},
};

}  // namespace

std::span<const Tool> all_tools() {
  return kTools;
}

std::string_view script_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  if (path.ends_with(".sh")) path.remove_suffix(3);
  return path;
}

const Tool* find_tool(std::string_view name) {
  const std::string_view script = script_name(name);
  const auto* found = std::find_if(kTools.begin(), kTools.end(),
                                   [&](const Tool& tool) { return tool.name == script; });
  return found == kTools.end() ? nullptr : found;
}

}  // namespace moldau::cli
