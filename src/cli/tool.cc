// SPDX-License-Identifier: Apache-2.0
#include "cli/tool.h"

#include <algorithm>
#include <array>

#include "cli/tools.h"

namespace moldau::cli {
namespace {

constexpr std::array kTools = {
    Tool{"kafka-topics", run_topics},
};

}  // namespace

std::span<const Tool> all_tools() {
  return kTools;
}

const Tool* find_tool(std::string_view name) {
  name.remove_prefix(name.rfind('/') == std::string_view::npos ? 0 : name.rfind('/') + 1);
  if (name.ends_with(".sh")) name.remove_suffix(3);
  const auto* found =
      std::find_if(kTools.begin(), kTools.end(), [&](const Tool& t) { return t.name == name; });
  return found == kTools.end() ? nullptr : found;
}

}  // namespace moldau::cli
