// SPDX-License-Identifier: Apache-2.0
#include "config/value_rule.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "config/endpoint.h"

namespace moldau::config {
namespace {

/// Longer values are cut in messages.
constexpr std::size_t kShownLengthMax = 256;

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return out;
}

std::optional<double> as_number(const ConfigValue& value) {
  if (const auto* n = std::get_if<std::int16_t>(&value)) return *n;
  if (const auto* n = std::get_if<std::int32_t>(&value)) return *n;
  if (const auto* n = std::get_if<std::int64_t>(&value)) return static_cast<double>(*n);
  if (const auto* n = std::get_if<double>(&value)) return *n;
  return std::nullopt;
}

std::string bound_text(double bound) {
  return bound == std::floor(bound) ? std::to_string(static_cast<std::int64_t>(bound))
                                    : double_text(bound);
}

std::string names_of(const ConfigKey& key) {
  std::string out;
  for (std::string_view name : key.values) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

Result<void> check_range(const ConfigKey& key, const ConfigValue& value, std::string_view shown) {
  std::optional<double> number = as_number(value);
  if (!number) return invalid_value(key, "null", "Value must be non-null");
  if (*number < key.min) {
    return invalid_value(key, shown, "Value must be at least " + bound_text(key.min));
  }
  if (*number > key.max) {
    return invalid_value(key, shown, "Value must be no more than " + bound_text(key.max));
  }
  return {};
}

Result<void> check_in(const ConfigKey& key, std::string_view text) {
  bool any_case = key.rule == ValueRule::kInAnyCase;
  for (std::string_view name : key.values) {
    if (any_case ? upper(name) == upper(text) : name == text) return {};
  }
  return invalid_value(key, text,
                       std::string("String must be one of") +
                           (any_case ? " (case insensitive): " : ": ") + names_of(key));
}

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "*", or entries "partition:broker"; empty entries are skipped.
bool is_throttled_replicas(const std::vector<std::string>& list) {
  if (list.size() == 1 && list[0] == "*") return true;
  return std::all_of(list.begin(), list.end(), [](const std::string& entry) {
    std::size_t colon = entry.find(':');
    return entry.empty() ||
           (colon != std::string::npos && all_digits(std::string_view(entry).substr(0, colon)) &&
            all_digits(std::string_view(entry).substr(colon + 1)));
  });
}

/// Reads "[+-]digits" and the unit behind it; moves `text` past both.
bool take_part(std::string_view& text, char unit, bool fraction) {
  std::size_t at = 0;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
    if (text[at] == '-') return false;  // no strategy goes into the future
    ++at;
  }
  std::size_t digits = at;
  while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) ++at;
  if (at == digits || at - digits > 15) return false;
  if (fraction && at < text.size() && (text[at] == '.' || text[at] == ',')) {
    std::size_t point = at++;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) ++at;
    if (at - point > 10) return false;
  }
  if (at >= text.size() || std::toupper(static_cast<unsigned char>(text[at])) != unit) return false;
  text.remove_prefix(at + 1);
  return true;
}

/// A duration like P1DT2H3M4.5S that is not negative.
bool is_duration(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || std::toupper(static_cast<unsigned char>(text[0])) != 'P') return false;
  text.remove_prefix(1);
  bool any = take_part(text, 'D', false);
  if (text.empty()) return any;
  if (std::toupper(static_cast<unsigned char>(text[0])) != 'T') return false;
  text.remove_prefix(1);
  bool time = take_part(text, 'H', false);
  time |= take_part(text, 'M', false);
  time |= take_part(text, 'S', true);
  return time && text.empty();
}

bool is_offset_reset(std::string_view text) {
  constexpr std::string_view kByDuration = "by_duration:";
  if (text.starts_with(kByDuration)) return is_duration(text.substr(kByDuration.size()));
  return text == "latest" || text == "earliest";
}

template <class T>
Result<void> as_void(const Result<T>& result) {
  if (result.ok()) return {};
  return result.error();
}

Result<void> check_list(const ConfigKey& key, const std::vector<std::string>& list,
                        std::string_view shown) {
  if (key.nonempty && list.empty()) {
    return Error(ErrorCode::kInvalidConfig,
                 "Configuration '" + std::string(key.name) + "' must not be empty." +
                     (key.values.empty() ? "" : " Valid values include: " + names_of(key)));
  }
  for (const std::string& entry : list) {
    if (key.unique && entry.empty()) {
      return Error(ErrorCode::kInvalidConfig,
                   "Configuration '" + std::string(key.name) + "' values must not be empty.");
    }
    if (!key.values.empty()) MOLDAU_TRY(check_in(key, entry));
  }
  if (key.rule == ValueRule::kThrottledReplicas && !is_throttled_replicas(list)) {
    return invalid_value(key, shown,
                         "must be * or a list of replicas like "
                         "[partitionId]:[brokerId],[partitionId]:[brokerId],...");
  }
  if (key.rule == ValueRule::kVoters) return as_void(parse_voters(list));
  if (key.rule == ValueRule::kServers) return as_void(parse_servers(list, key.name));
  return {};
}

}  // namespace

Error invalid_value(const ConfigKey& key, std::string_view value, std::string_view why) {
  std::string shown = key.sensitive() ? "[hidden]" : std::string(value.substr(0, kShownLengthMax));
  if (!key.sensitive() && value.size() > kShownLengthMax) shown += "...";
  return Error(ErrorCode::kInvalidConfig, "Invalid value " + shown + " for configuration " +
                                              std::string(key.name) + ": " + std::string(why));
}

Result<void> check_rule(const ConfigKey& key, const ConfigValue& value) {
  std::string shown = value_text(value).value_or("null");
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    return check_list(key, *list, shown);
  }
  const auto* text = std::get_if<std::string>(&value);
  if (key.nonempty && text != nullptr && text->empty()) {
    return invalid_value(key, "", "String must be non-empty");
  }
  switch (key.rule) {
    case ValueRule::kRange:
      return check_range(key, value, shown);
    case ValueRule::kIn:
    case ValueRule::kInAnyCase:
      if (text == nullptr) return invalid_value(key, "null", "Value must be non-null");
      return check_in(key, *text);
    case ValueRule::kNonNull:
      if (text == nullptr) return invalid_value(key, "null", "entry must be non null");
      return {};
    case ValueRule::kGzipLevel: {
      std::optional<double> level = as_number(value);
      if (level && (*level == -1 || (*level >= 1 && *level <= 9))) return {};
      return invalid_value(key, shown, "Value must be between 1 and 9 or equal to -1");
    }
    case ValueRule::kOffsetReset:
      if (text != nullptr && is_offset_reset(*text)) return {};
      return invalid_value(key, shown, "must be latest, earliest or by_duration:PnDTnHnMn.nS");
    default:
      return {};
  }
}

}  // namespace moldau::config
