// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <algorithm>
#include <set>
#include <utility>

#include "cli/java_text.h"

namespace moldau::cli {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kBetweenColumns = 2;

std::string_view type_word(ArgumentType type) {
  switch (type) {
    case ArgumentType::kString:
      return "String";
    case ArgumentType::kInteger:
      return "Integer";
    case ArgumentType::kLong:
      return "Long";
    case ArgumentType::kDouble:
      return "Double";
  }
  return "";
}

std::string left_column(const Option& option) {
  std::string out = option.required ? "* " : "";
  for (std::size_t i = 0; i < option.names.size(); ++i)
    out.append(i > 0 ? ", " : "")
        .append(option.names[i].size() > 1 ? "--" : "-")
        .append(option.names[i]);
  if (option.takes == Option::Takes::kNothing) return out;
  const bool must = option.takes == Option::Takes::kArgument;
  out.append(must ? " <" : " [").append(type_word(option.type));
  if (!option.argument.empty()) out.append(": ").append(option.argument);
  return out.append(must ? ">" : "]");
}

std::string right_column(const Option& option) {
  if (option.defaults.empty()) return option.description;
  std::string values = join(option.defaults, ", ");
  if (option.defaults.size() > 1) values = "[" + values + "]";
  return option.description + " (default: " + values + ")";
}

/// Where a line may end: behind spaces, and behind a hyphen between letters.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i + 1 < line.size(); ++i) {
    const bool space = line[i] == ' ' && line[i + 1] != ' ';
    const bool hyphen = line[i] == '-' && i > begin && std::isalpha(line[i + 1]) != 0 &&
                        std::isalpha(line[i - 1]) != 0;
    if (!space && !hyphen) continue;
    out.push_back(line.substr(begin, i + 1 - begin));
    begin = i + 1;
  }
  if (begin < line.size()) out.push_back(line.substr(begin));
  return out;
}

std::vector<std::string> fit(std::string_view text, std::size_t width) {
  std::vector<std::string> out;
  for (const std::string& line : split(text, '\n')) {
    std::string piece;
    for (const std::string_view word : words_of(line)) {
      if (piece.size() + word.size() > width) {
        out.emplace_back(piece.substr(0, piece.find_last_not_of(' ') + 1));
        piece = "  ";
      }
      piece.append(word);
    }
    out.push_back(piece);
  }
  return out;
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
      corner = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

}  // namespace

// ---- The table

OptionTable& OptionTable::flag(std::string name, std::string description) {
  Option option;
  option.names = {std::move(name)};
  option.description = std::move(description);
  return add(std::move(option));
}

OptionTable& OptionTable::argument(std::string name, std::string argument, std::string description,
                                   ArgumentType type) {
  Option option;
  option.names = {std::move(name)};
  option.takes = Option::Takes::kArgument;
  option.argument = std::move(argument);
  option.description = std::move(description);
  option.type = type;
  return add(std::move(option));
}

OptionTable& OptionTable::add(Option option) {
  options_.push_back(std::move(option));
  return *this;
}

OptionTable& OptionTable::with_help() {
  Option help;
  help.names = {"help"};
  help.description = "Show this text.";
  help.for_help = true;
  Option version;
  version.names = {"version"};
  version.description = "Show the version of Kafka that is spoken.";
  version.for_help = true;
  return add(std::move(help)).add(std::move(version));
}

const Option* OptionTable::find(std::string_view name) const {
  const Option* found = nullptr;
  for (const Option& option : options_) {
    for (const std::string& one : option.names) {
      if (one == name) return &option;
      if (!abbreviations_ || name.empty() || !one.starts_with(name)) continue;
      if (found && found != &option) return nullptr;
      found = &option;
    }
  }
  return found;
}

std::string OptionTable::help() const {
  std::vector<const Option*> sorted;
  for (const Option& option : options_) sorted.push_back(&option);
  std::sort(sorted.begin(), sorted.end(),
            [](const Option* a, const Option* b) { return a->names[0] < b->names[0]; });
  const bool required =
      std::any_of(options_.begin(), options_.end(), [](const Option& o) { return o.required; });
  std::vector<std::pair<std::string, std::string>> rows;
  const std::string header = required ? "Option (* = required)" : "Option";
  rows.emplace_back(header, "Description");
  rows.emplace_back(std::string(header.size(), '-'), "-----------");
  for (const Option* option : sorted)
    rows.emplace_back(left_column(*option), right_column(*option));
  std::size_t left = 0;
  for (const auto& row : rows) left = std::max(left, row.first.size());
  left = std::min(left, (kWidth - kBetweenColumns) / 2);
  const std::size_t right = kWidth - left - kBetweenColumns;
  std::string out;
  for (const auto& [name, text] : rows) {
    const auto names = fit(name, left);
    const auto texts = fit(text, right);
    for (std::size_t i = 0; i < std::max(names.size(), texts.size()); ++i) {
      const std::string a = i < names.size() ? names[i] : "";
      out.append(a).append(left > a.size() ? left - a.size() : 0, ' ').append(kBetweenColumns, ' ');
      const std::string b = i < texts.size() ? texts[i] : "";
      out.append(b).append(right > b.size() ? right - b.size() : 0, ' ').append("\n");
    }
  }
  return out;
}

std::string OptionTable::nearest(std::string_view typed) const {
  std::string best;
  std::size_t least = typed.size() / 3 + 2;
  for (const Option& option : options_) {
    for (const std::string& name : option.names) {
      const bool begins = typed.size() > 1 && name.starts_with(typed);
      const std::size_t far = begins ? 1 : distance(typed, name);
      if (name.size() < 2 || far >= least) continue;
      least = far;
      best = name;
    }
  }
  return best;
}

// ---- What was typed

Result<std::optional<std::string>> ParsedOptions::value(std::string_view name) const {
  const auto known = known_.find(name);
  MOLDAU_CHECK(known != known_.end(), "an option is declared before it is asked for");
  const auto given = given_.find(name);
  if (given == given_.end() || given->second.empty()) {
    const auto& defaults = known->second.defaults;
    if (defaults.empty()) return std::optional<std::string>();
    return std::optional<std::string>(defaults.front());
  }
  if (given->second.size() > 1)
    return wrong("Found multiple arguments for option " + std::string(name) +
                 ", but you asked for only one");
  return std::optional<std::string>(given->second.front());
}

Result<std::optional<std::int64_t>> ParsedOptions::number(std::string_view name) const {
  MOLDAU_ASSIGN_OR_RETURN(const auto text, value(name));
  if (!text) return std::optional<std::int64_t>();
  const bool narrow = known_.find(name)->second.type == ArgumentType::kInteger;
  const auto number = parse_long(*text);
  const bool fits = number.ok() && (!narrow || (*number >= INT32_MIN && *number <= INT32_MAX));
  if (!fits) return wrong("Cannot parse argument '" + *text + "' of option " + std::string(name));
  return std::optional<std::int64_t>(*number);
}

std::vector<std::string> ParsedOptions::values(std::string_view name) const {
  const auto known = known_.find(name);
  MOLDAU_CHECK(known != known_.end(), "an option is declared before it is asked for");
  const auto given = given_.find(name);
  return given == given_.end() ? known->second.defaults : given->second;
}

/// One reading of a command line.
/// Thread   one thread.
class OptionScan {
 public:
  OptionScan(const OptionTable& table, const std::vector<std::string>& arguments)
      : table_(table), left_(arguments) {
    for (const Option& option : table.all()) out_.known_.emplace(option.names[0], option);
  }

  Result<ParsedOptions> run() {
    while (at_ < left_.size()) {
      const std::string candidate = left_[at_++];
      if (ended_ || candidate.size() < 2 || candidate[0] != '-')
        out_.arguments_.push_back(candidate);
      else if (candidate == "--")
        ended_ = true;
      else if (candidate.starts_with("--"))
        MOLDAU_TRY(take_long(candidate.substr(2)));
      else
        MOLDAU_TRY(take_short(candidate.substr(1)));
    }
    MOLDAU_TRY(check_required());
    return std::move(out_);
  }

 private:
  static std::pair<std::string, std::optional<std::string>> halves(const std::string& text) {
    const std::size_t sign = text.find('=');
    if (sign == std::string::npos) return {text, std::nullopt};
    return {text.substr(0, sign), text.substr(sign + 1)};
  }

  Error unknown(const std::string& name) const {
    std::string text = name + " is not a recognized option";
    const std::string nearest = table_.nearest(name);
    if (!nearest.empty()) text += "\n(the nearest one is --" + nearest + ")";
    return wrong(std::move(text));
  }

  Result<void> take_long(const std::string& text) {
    const auto [name, value] = halves(text);
    const Option* option = table_.find(name);
    if (!option) return unknown(name);
    return take(*option, value);
  }

  Result<void> take_short(const std::string& text) {
    const auto [name, value] = halves(text);
    if (const Option* option = table_.find(name)) return take(*option, value);
    // A cluster of flags, of which the last may have an argument behind it.
    for (std::size_t i = 0; i < text.size(); ++i) {
      const Option* option = table_.find(text.substr(i, 1));
      if (!option) return text.size() > 2 ? unknown_cluster(text, i) : unknown(text.substr(i, 1));
      if (option->takes != Option::Takes::kNothing) break;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
      const Option* option = table_.find(text.substr(i, 1));
      if (option->takes != Option::Takes::kNothing && i + 1 < text.size())
        return take(*option, text.substr(i + 1));
      MOLDAU_TRY(take(*option, std::nullopt));
    }
    return {};
  }

  /// joptsimple names the letter; people usually forgot a dash.
  Error unknown_cluster(const std::string& text, std::size_t at) const {
    Error error = wrong(text.substr(at, 1) + " is not a recognized option");
    const std::string nearest = table_.nearest(halves(text).first);
    if (!nearest.empty()) error.detail += "\n(the nearest one is --" + nearest + ")";
    return error;
  }

  Result<void> take(const Option& option, const std::optional<std::string>& value) {
    auto& values = out_.given_[option.names[0]];
    if (option.takes == Option::Takes::kNothing) return {};
    if (value) return add(option, values, *value);
    const bool next = at_ < left_.size();
    if (option.takes == Option::Takes::kArgument) {
      if (!next) return wrong("Option " + join(option.names, "/") + " requires an argument");
      return add(option, values, left_[at_++]);
    }
    const bool looks = next && left_[at_].size() > 1 && left_[at_][0] == '-';
    if (next && !looks) return add(option, values, left_[at_++]);
    return {};
  }

  static Result<void> add(const Option& option, std::vector<std::string>& values,
                          const std::string& value) {
    if (option.separator == 0 || value.empty()) {
      values.push_back(value);
      return {};
    }
    for (const std::string& part : split(value, option.separator))
      if (!part.empty()) values.push_back(part);
    return {};
  }

  Result<void> check_required() const {
    std::vector<std::string> missing;
    for (const Option& option : table_.all()) {
      const bool given = out_.has(option.names[0]);
      if (option.for_help && given) return {};
      if (option.required && !given) missing.push_back(join(option.names, "/"));
    }
    if (missing.empty()) return {};
    return wrong("Missing required option(s) [" + join(missing, ", ") + "]");
  }

  const OptionTable& table_;
  const std::vector<std::string>& left_;
  std::size_t at_ = 0;
  bool ended_ = false;
  ParsedOptions out_;
};

Result<ParsedOptions> parse_options(const OptionTable& table,
                                    const std::vector<std::string>& arguments) {
  return OptionScan(table, arguments).run();
}

}  // namespace moldau::cli
