// SPDX-License-Identifier: Apache-2.0
#include "cli/argparse.h"

#include <algorithm>
#include <cctype>
#include <ostream>
#include <utility>

#include "cli/java_text.h"

namespace moldau::cli {
namespace {

constexpr std::size_t kWidth = 75;
constexpr std::size_t kHelpColumn = 25;

std::string dashed(const std::string& name) {
  return (name.size() > 1 ? "--" : "-") + name;
}

/// "--id/-i".
std::string title(const Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.names) names.push_back(dashed(name));
  return join(names, "/");
}

std::string placeholder(const Option& option) {
  std::string out;
  for (const char c : option.names[0])
    out += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string with_argument(const Option& option, const std::string& name) {
  if (option.takes == Option::Takes::kNothing) return dashed(name);
  return dashed(name) + " " + placeholder(option);
}

bool in_group(const std::vector<ExclusiveGroup>& groups, const std::string& name) {
  return std::any_of(groups.begin(), groups.end(), [&](const ExclusiveGroup& group) {
    return std::find(group.names.begin(), group.names.end(), name) != group.names.end();
  });
}

std::vector<std::string> usage_parts(const OptionTable& options,
                                     const std::vector<ExclusiveGroup>& groups) {
  std::vector<std::string> out = {"[-h]"};
  for (const Option& option : options.all()) {
    if (in_group(groups, option.names[0])) continue;
    const std::string text = with_argument(option, option.names[0]);
    out.push_back(option.required ? text : "[" + text + "]");
  }
  for (const ExclusiveGroup& group : groups) {
    std::vector<std::string> names;
    for (const std::string& name : group.names)
      names.push_back(with_argument(*options.find(name), name));
    out.push_back((group.required ? "(" : "[") + join(names, " | ") + (group.required ? ")" : "]"));
  }
  return out;
}

std::string wrapped_usage(const std::string& begin, const std::vector<std::string>& parts) {
  std::string out = begin;
  std::size_t column = begin.size();
  for (const std::string& part : parts) {
    if (column + part.size() + 1 > kWidth) {
      out.append("\n").append(begin.size(), ' ');
      column = begin.size();
    }
    out.append(" ").append(part);
    column += part.size() + 1;
  }
  return out + "\n";
}

void append_row(std::string& out, const std::string& left, const std::string& text) {
  std::string line = left;
  if (left.size() >= kHelpColumn - 1) {
    out.append(left).append("\n");
    line.clear();
  }
  line.append(kHelpColumn - line.size(), ' ');
  for (const std::string& word : split(text, ' ')) {
    if (line.size() + word.size() > kWidth && line.size() > kHelpColumn) {
      out.append(line.substr(0, line.find_last_not_of(' ') + 1)).append("\n");
      line.assign(kHelpColumn, ' ');
    }
    line.append(word).append(" ");
  }
  out.append(line.substr(0, line.find_last_not_of(' ') + 1)).append("\n");
}

void append_options(std::string& out, const OptionTable& options) {
  out += "\noptional arguments:\n";
  append_row(out, "  -h, --help", "show this text and end");
  for (const Option& option : options.all()) {
    std::vector<std::string> names;
    for (const std::string& name : option.names) names.push_back(with_argument(option, name));
    append_row(out, "  " + join(names, ", "), option.description);
  }
}

std::string choices(const CommandTable& table) {
  std::vector<std::string> names;
  for (const Command& command : table.commands) names.push_back(command.name);
  return "{" + join(names, ",") + "}";
}

std::string help_of(const CommandTable& table) {
  std::string out = usage_of(table) + "\n" + table.description + "\n";
  if (!table.commands.empty()) {
    out += "\npositional arguments:\n  " + choices(table) + "\n";
    for (const Command& command : table.commands)
      append_row(out, "    " + command.name, command.description);
  }
  append_options(out, table.options);
  return out;
}

std::string help_of(const CommandTable& table, const Command& command) {
  std::string out = wrapped_usage("usage: " + table.program + " " + command.name,
                                  usage_parts(command.options, command.groups));
  append_options(out, command.options);
  return out;
}

}  // namespace

std::string usage_of(const CommandTable& table) {
  std::vector<std::string> parts = usage_parts(table.options, table.groups);
  if (!table.commands.empty()) {
    parts.push_back(choices(table));
    parts.push_back("...");
  }
  return wrapped_usage("usage: " + table.program, parts);
}

/// One reading of a command line.
/// Thread   one thread.
class CommandScan {
 public:
  CommandScan(const CommandTable& table, const std::vector<std::string>& arguments)
      : table_(table), left_(arguments), options_(&table.options), groups_(&table.groups) {
    know(table.options);
  }

  Result<ParsedCommand> run() {
    while (at_ < left_.size() && out_.help.empty()) {
      const std::string candidate = left_[at_++];
      if (candidate == "-h" || candidate == "--help")
        out_.help = command_ ? help_of(table_, *command_) : help_of(table_);
      else if (candidate.size() > 1 && candidate[0] == '-')
        MOLDAU_TRY(take_option(candidate));
      else
        MOLDAU_TRY(take_word(candidate));
    }
    if (!out_.help.empty()) return std::move(out_);
    if (!command_ && !table_.commands.empty()) return wrong("too few arguments");
    MOLDAU_TRY(check(*options_, *groups_));
    return std::move(out_);
  }

 private:
  void know(const OptionTable& options) {
    for (const Option& option : options.all()) {
      out_.options.known_.emplace(option.names[0], option);
    }
  }

  Result<void> take_word(const std::string& word) {
    if (command_ || table_.commands.empty()) return wrong("unrecognized arguments: '" + word + "'");
    for (const Command& command : table_.commands)
      if (command.name == word) command_ = &command;
    if (!command_) {
      std::vector<std::string> names;
      for (const Command& command : table_.commands) names.push_back("'" + command.name + "'");
      return wrong("invalid choice: '" + word + "' (choose from " + join(names, ", ") + ")");
    }
    MOLDAU_TRY(check(table_.options, table_.groups));
    out_.name = word;
    options_ = &command_->options;
    groups_ = &command_->groups;
    know(*options_);
    return {};
  }

  Result<const Option*> find(const std::string& typed, bool is_long) const {
    std::vector<std::string> near;
    const Option* found = nullptr;
    for (const Option& option : options_->all()) {
      for (const std::string& name : option.names) {
        if (name == typed && (name.size() > 1) == is_long) return &option;
        if (!is_long || name.size() < 2 || !name.starts_with(typed)) continue;
        near.push_back(dashed(name));
        found = &option;
      }
    }
    std::sort(near.begin(), near.end());
    if (near.size() > 1)
      return wrong("ambiguous option: --" + typed + " could match " + join(near, ", "));
    return found;
  }

  Result<void> take_option(const std::string& candidate) {
    const bool is_long = candidate.starts_with("--");
    std::string name = candidate.substr(is_long ? 2 : 1);
    std::optional<std::string> value;
    const std::size_t sign = name.find('=');
    if (is_long && sign != std::string::npos) {
      value = name.substr(sign + 1);
      name.resize(sign);
    } else if (!is_long && name.size() > 1) {
      value = name.substr(1);
      name.resize(1);
    }
    MOLDAU_ASSIGN_OR_RETURN(const Option* option, find(name, is_long));
    if (!option) {
      const std::string nearest = options_->nearest(candidate.substr(is_long ? 2 : 1));
      return wrong("unrecognized arguments: '" + candidate + "'" +
                   (nearest.empty() ? "" : "\n(the nearest one is --" + nearest + ")"));
    }
    auto& values = out_.options.given_[option->names[0]];
    if (option->takes == Option::Takes::kNothing) {
      if (value)
        return wrong("argument " + title(*option) + ": ignored explicit argument '" + *value + "'");
      return {};
    }
    if (!value) {
      const bool is_value = at_ < left_.size() && !looks_like_option(left_[at_]);
      if (!is_value) return wrong("argument " + title(*option) + ": expected one argument");
      value = left_[at_++];
    }
    if (option->type == ArgumentType::kInteger) {
      const auto number = parse_int(*value);
      if (!number.ok())
        return wrong("argument " + title(*option) + ": could not convert '" + *value +
                     "' to Integer (" + number.error().detail + ")");
    }
    if (!option->repeated) values.clear();
    values.push_back(*value);
    return {};
  }

  /// Numbers below zero are values, as long as no option looks like one.
  static bool looks_like_option(const std::string& text) {
    return text.size() > 1 && text[0] == '-' && !parse_long(text).ok();
  }

  Result<void> check(const OptionTable& options, const std::vector<ExclusiveGroup>& groups) const {
    for (const Option& option : options.all())
      if (option.required && !out_.options.has(option.names[0]))
        return wrong("argument " + title(option) + " is required");
    for (const ExclusiveGroup& group : groups) {
      std::vector<std::string> given;
      std::vector<std::string> all;
      for (const std::string& name : group.names) {
        all.push_back(title(*options.find(name)));
        if (out_.options.has(name)) given.push_back(all.back());
      }
      if (given.size() > 1)
        return wrong("argument " + given[1] + ": not allowed with argument " + given[0]);
      if (group.required && given.empty())
        return wrong("one of the arguments " + join(all, " ") + " is required");
    }
    return {};
  }

  const CommandTable& table_;
  const std::vector<std::string>& left_;
  std::size_t at_ = 0;
  const Command* command_ = nullptr;
  const OptionTable* options_;
  const std::vector<ExclusiveGroup>* groups_;
  ParsedCommand out_;
};

CommandStart start_command(ToolContext& context, const CommandTable& table,
                           const std::vector<std::string>& arguments, int help_code) {
  CommandStart out;
  auto parsed = parse_command(table, arguments);
  if (!parsed.ok()) {
    context.err << usage_of(table) << table.program << ": error: " << parsed.error().detail << "\n";
    out.ended = 1;
    return out;
  }
  out.command = std::move(parsed).value();
  if (out.command.help.empty()) return out;
  context.out << out.command.help;
  out.ended = help_code;
  return out;
}

Result<ParsedCommand> parse_command(const CommandTable& table,
                                    const std::vector<std::string>& arguments) {
  return CommandScan(table, arguments).run();
}

}  // namespace moldau::cli
