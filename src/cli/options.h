// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace moldau::cli {

/// What an option's argument is; the word that help shows for it.
enum class ArgumentType { kString, kInteger, kLong, kDouble };

/// One option of a tool, as its table declares it.
/// Thread   immutable.
struct Option {
  enum class Takes { kNothing, kArgument, kOptionalArgument };

  /// Without dashes; names of one letter are written with one dash. The first is the one that
  /// tools ask for.
  std::vector<std::string> names;
  std::string description;
  Takes takes = Takes::kNothing;
  /// What stands between < and > in help.
  std::string argument;
  ArgumentType type = ArgumentType::kString;
  std::vector<std::string> defaults;
  bool required = false;
  /// With --help or --version nothing else is required.
  bool for_help = false;
  /// In argparse4j's dialect: all values count, not the last one alone.
  bool repeated = false;
  /// Splits one argument into several values; 0: never.
  char separator = 0;
};

/// All options of a tool.
/// Thread   a value.
class OptionTable {
 public:
  /// `abbreviations`: unambiguous beginnings of names are names.
  explicit OptionTable(bool abbreviations = false) : abbreviations_(abbreviations) {}

  OptionTable& flag(std::string name, std::string description);
  OptionTable& argument(std::string name, std::string argument, std::string description,
                        ArgumentType type = ArgumentType::kString);
  OptionTable& add(Option option);
  /// --help and --version.
  OptionTable& with_help();

  const std::vector<Option>& all() const { return options_; }
  bool abbreviations() const { return abbreviations_; }
  /// nullptr for names nobody declared.
  const Option* find(std::string_view name) const;
  /// Two columns in 80 characters, in the order of names.
  std::string help() const;
  /// The declared name that is nearest to what was typed; empty if none is near.
  std::string nearest(std::string_view typed) const;

 private:
  bool abbreviations_;
  std::vector<Option> options_;
};

/// What a command line says.
/// Thread   a value.
class ParsedOptions {
 public:
  bool has(std::string_view name) const { return given_.contains(name); }
  /// The value, or the first default; nullopt if there is neither.
  /// Errors   kInvalidRequest if it was given several times.
  Result<std::optional<std::string>> value(std::string_view name) const;
  /// As value(), converted. Errors also: what is no number of the option's type.
  Result<std::optional<std::int64_t>> number(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;
  const std::vector<std::string>& arguments() const { return arguments_; }

 private:
  friend class OptionScan;
  friend class CommandScan;
  std::map<std::string, std::vector<std::string>, std::less<>> given_;
  std::map<std::string, Option, std::less<>> known_;
  std::vector<std::string> arguments_;
};

/// Reads a command line: `--name value`, `--name=value`, `-n value`, `-nvalue`, clusters of flags
/// `-abc`; `--` ends options; what is no option is an argument.
/// Errors   kInvalidRequest with joptsimple's sentence: unknown, without its argument, missing.
/// Source   joptsimple 5.0.4, which Apache's tools use.
Result<ParsedOptions> parse_options(const OptionTable& table,
                                    const std::vector<std::string>& arguments);

}  // namespace moldau::cli
