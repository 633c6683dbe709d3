// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "config/config_key.h"

namespace moldau::config {

/// Names and texts, as a file, a ConfigRecord or a request gives them.
using ConfigMap = std::map<std::string, std::string, std::less<>>;

/// A parsed value; monostate is null. Strings, classes and passwords are strings.
using ConfigValue = std::variant<std::monostate, bool, std::int16_t, std::int32_t, std::int64_t,
                                 double, std::string, std::vector<std::string>>;

/// Parses and checks the text of a key, nullopt being null.
/// Bounds   the text is bounded by its caller (a file of at most 1 MiB, a request).
/// Errors   kInvalidConfig; the detail names key, value, what is wrong and the allowed values;
///          the value of a password is never shown.
/// Source   ConfigDef.parseType and its validators.
Result<ConfigValue> parse_value(const ConfigKey& key, std::optional<std::string_view> text);

/// The default of a key, parsed; null for required keys. Checked by a test, so it never fails.
ConfigValue default_value(const ConfigKey& key);

/// As Java prints it: lists with commas, doubles like 5000000.0 and 1.0E10; nullopt for null.
std::optional<std::string> value_text(const ConfigValue& value);

/// Java's Double.toString.
std::string double_text(double value);

/// Without what Java's trim() takes away: spaces and control characters at both ends.
std::string_view trim(std::string_view text);

/// Splits at commas, dropping spaces around them; "" has no entries.
std::vector<std::string> split_list(std::string_view text);

}  // namespace moldau::config
