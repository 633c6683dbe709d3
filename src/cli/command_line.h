// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"
#include "cli/tool.h"

namespace moldau::cli {

/// The command line of a tool of joptsimple's dialect: what every one of them does first.
///
/// A value of type optional<int> is the exit code with which the tool is to end now; nullopt: go
/// on. Sentences about wrong usage go to stderr with the help behind them.
/// Owner    the tool's task; borrows the context.
/// Thread   one thread.
/// Source   CommandLineUtils and CommandDefaultOptions of 4.3.1.
class CommandLine {
 public:
  CommandLine(ToolContext& context, OptionTable table)
      : context_(context), table_(std::move(table)) {}

  /// Parses, and answers --help, --version and an empty line. `about` stands above the help.
  std::optional<int> read(const std::vector<std::string>& arguments, std::string_view about);
  /// Prints the sentence and the help; 1.
  int usage(std::string_view message) const;
  /// Prints the sentence alone; 1.
  int fail(std::string_view message) const;

  std::optional<int> require(const std::vector<std::string_view>& names) const;
  /// If `used` is given, none of the others may be.
  std::optional<int> refuse(std::string_view used,
                            const std::vector<std::string_view>& others) const;

  bool has(std::string_view name) const { return options_.has(name); }
  const ParsedOptions& options() const { return options_; }
  ToolContext& context() const { return context_; }

 private:
  ToolContext& context_;
  OptionTable table_;
  ParsedOptions options_;
};

}  // namespace moldau::cli
