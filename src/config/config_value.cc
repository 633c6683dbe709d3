// SPDX-License-Identifier: Apache-2.0
#include "config/config_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "config/endpoint.h"
#include "config/value_rule.h"

namespace moldau::config {

std::string_view trim(std::string_view text) {
  auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  text = trim(text);
  if (text.empty()) return out;
  for (;;) {
    std::size_t comma = text.find(',');
    out.emplace_back(trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

namespace {

/// Java's parseInt and friends: an optional sign and decimal digits, within the range of T.
template <class T>
std::optional<T> parse_integer(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  T number{};
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Java's parseDouble without its hexadecimal form.
std::optional<double> parse_double(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  double sign = negative ? -1.0 : 1.0;
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return sign * std::numeric_limits<double>::infinity();
  if (std::string_view("dDfF").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  if (text.empty() || !(text[0] == '.' || (text[0] >= '0' && text[0] <= '9'))) return std::nullopt;
  double number = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size()) return std::nullopt;
  if (failed == std::errc::result_out_of_range) {
    // from_chars does not say which way; an exponent with '-' went to zero, else to infinity.
    bool tiny =
        text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos;
    return tiny ? 0.0 : sign * std::numeric_limits<double>::infinity();
  }
  if (failed != std::errc()) return std::nullopt;
  return sign * number;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

Error not_a_number(const ConfigKey& key, std::string_view text) {
  return invalid_value(key, text,
                       "Not a number of type " + std::string(config_type_name(key.type)));
}

Result<ConfigValue> parse_typed(const ConfigKey& key, std::string_view text) {
  std::string_view trimmed = trim(text);
  auto number = [&](auto parsed) -> Result<ConfigValue> {
    if (!parsed) return not_a_number(key, text);
    return ConfigValue(*parsed);
  };
  switch (key.type) {
    case ConfigType::kBoolean:
      if (equals_ignoring_case(trimmed, "true")) return ConfigValue(true);
      if (equals_ignoring_case(trimmed, "false")) return ConfigValue(false);
      return invalid_value(key, text, "Expected value to be either true or false");
    case ConfigType::kShort:
      return number(parse_integer<std::int16_t>(trimmed));
    case ConfigType::kInt:
      return number(parse_integer<std::int32_t>(trimmed));
    case ConfigType::kLong:
      return number(parse_integer<std::int64_t>(trimmed));
    case ConfigType::kDouble:
      return number(parse_double(trimmed));
    case ConfigType::kList:
      return ConfigValue(split_list(trimmed));
    case ConfigType::kString:
    case ConfigType::kClass:
    case ConfigType::kPassword:
      return ConfigValue(std::string(trimmed));
    case ConfigType::kUnknown:
      break;
  }
  return invalid_value(key, text, "Unknown type");
}

/// Kafka drops duplicates of such lists and goes on.
void drop_duplicates(std::vector<std::string>& list) {
  std::vector<std::string> kept;
  for (std::string& entry : list) {
    if (std::find(kept.begin(), kept.end(), entry) == kept.end()) kept.push_back(std::move(entry));
  }
  list = std::move(kept);
}

}  // namespace

Result<ConfigValue> parse_value(const ConfigKey& key, std::optional<std::string_view> text) {
  ConfigValue value;
  if (text) {
    MOLDAU_ASSIGN_OR_RETURN(value, parse_typed(key, *text));
    auto* list = std::get_if<std::vector<std::string>>(&value);
    if (list != nullptr && key.unique) drop_duplicates(*list);
  }
  MOLDAU_TRY(check_rule(key, value));
  return value;
}

ConfigValue default_value(const ConfigKey& key) {
  if (!key.default_value) return std::monostate{};
  Result<ConfigValue> value = parse_typed(key, *key.default_value);
  MOLDAU_CHECK(value.ok(), key.name);
  return std::move(value).value();
}

std::string double_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  // The shortest digits that read back as the same number: "d.ddde+xx".
  char buffer[40];
  auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value), std::chars_format::scientific)
          .ptr;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = *parse_integer<int>(text.substr(e + 1));
  std::string out = value < 0 ? "-" : "";
  if (exponent >= -3 && exponent < 7) {
    if (exponent < 0) {
      out += "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    } else {
      auto whole = static_cast<std::size_t>(exponent) + 1;
      if (digits.size() < whole) digits.append(whole - digits.size(), '0');
      std::string fraction = digits.substr(whole);
      out += digits.substr(0, whole) + "." + (fraction.empty() ? "0" : fraction);
    }
    return out;
  }
  std::string fraction = digits.substr(1);
  return out + digits[0] + "." + (fraction.empty() ? "0" : fraction) + "E" +
         std::to_string(exponent);
}

namespace {

std::string join(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& entry : list) {
    if (&entry != &list.front()) out += ',';
    out += entry;
  }
  return out;
}

}  // namespace

std::optional<std::string> value_text(const ConfigValue& value) {
  struct Printer {
    std::optional<std::string> operator()(std::monostate) const { return std::nullopt; }
    std::optional<std::string> operator()(bool b) const { return b ? "true" : "false"; }
    std::optional<std::string> operator()(std::int16_t n) const { return std::to_string(n); }
    std::optional<std::string> operator()(std::int32_t n) const { return std::to_string(n); }
    std::optional<std::string> operator()(std::int64_t n) const { return std::to_string(n); }
    std::optional<std::string> operator()(double d) const { return double_text(d); }
    std::optional<std::string> operator()(const std::string& s) const { return s; }
    std::optional<std::string> operator()(const std::vector<std::string>& l) const {
      return join(l);
    }
  };
  return std::visit(Printer{}, value);
}

}  // namespace moldau::config
