// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <ostream>

namespace moldau::cli {

std::optional<int> CommandLine::read(const std::vector<std::string>& arguments,
                                     std::string_view about) {
  auto parsed = parse_options(table_, arguments);
  if (!parsed.ok()) return fail(parsed.error().detail);
  options_ = std::move(parsed).value();
  if (arguments.empty() || has("help")) return usage(about);
  if (!has("version")) return std::nullopt;
  context_.out << kKafkaVersion << "\n";
  return 0;
}

int CommandLine::usage(std::string_view message) const {
  context_.err << message << "\n" << table_.help();
  return 1;
}

int CommandLine::fail(std::string_view message) const {
  context_.err << message << "\n";
  return 1;
}

std::optional<int> CommandLine::require(const std::vector<std::string_view>& names) const {
  for (const std::string_view name : names)
    if (!has(name)) return usage("Missing required argument \"[" + std::string(name) + "]\"");
  return std::nullopt;
}

std::optional<int> CommandLine::refuse(std::string_view used,
                                       const std::vector<std::string_view>& others) const {
  if (!has(used)) return std::nullopt;
  for (const std::string_view other : others)
    if (has(other))
      return usage("Option \"[" + std::string(used) + "]\" can't be used with option \"[" +
                   std::string(other) + "]\"");
  return std::nullopt;
}

}  // namespace moldau::cli
