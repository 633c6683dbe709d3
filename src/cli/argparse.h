// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"
#include "cli/tool.h"

namespace moldau::cli {

/// Options of which at most one, or just one, is given.
struct ExclusiveGroup {
  std::vector<std::string> names;
  bool required = false;
};

/// A subcommand with options of its own.
struct Command {
  std::string name;
  std::string description;
  OptionTable options;
  std::vector<ExclusiveGroup> groups;
};

/// The options of a tool of argparse4j's dialect: some of the tool, then a command with its own.
/// Thread   a value.
struct CommandTable {
  std::string program;
  std::string description;
  OptionTable options;
  std::vector<ExclusiveGroup> groups;
  std::vector<Command> commands;
};

/// What was typed: the command, and the options of both.
/// Thread   a value.
struct ParsedCommand {
  std::string name;
  ParsedOptions options;
  /// Not empty: help was asked for, and this is it.
  std::string help;
};

/// Reads a command line. Long names may be abbreviated; the last value of an option counts, unless
/// it is `repeated`.
/// Errors   kInvalidRequest with argparse4j's sentence.
/// Source   argparse4j 0.7.0, which some of Apache's tools use.
Result<ParsedCommand> parse_command(const CommandTable& table,
                                    const std::vector<std::string>& arguments);

/// What a tool of this dialect does first: parses, prints help or what is wrong with the usage.
/// Gives the command, or the exit code with which the tool is to end.
/// Owner    `context` is borrowed for the call.
struct CommandStart {
  std::optional<int> ended;
  ParsedCommand command;
};
/// `help_code` is the exit code of --help.
CommandStart start_command(ToolContext& context, const CommandTable& table,
                           const std::vector<std::string>& arguments, int help_code);

/// "usage: program [-h] …" of the tool.
std::string usage_of(const CommandTable& table);

}  // namespace moldau::cli
