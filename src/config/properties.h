// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "config/config_value.h"

namespace moldau::config {

/// A property and where it comes from ("server.properties:12", "--override").
struct Property {
  std::string value;
  std::string origin;
};
/// By key; the last of several with one key has won, as in Java.
using PropertySet = std::map<std::string, Property, std::less<>>;

/// Files above this size are refused.
inline constexpr std::size_t kPropertiesBytesMax = 1 << 20;

/// Parses a Java .properties file: comments with # and !, continued lines, escapes, separators
/// '=', ':' and space. Bytes are ISO-8859-1, as Java's Properties.load(InputStream) reads them;
/// the result is UTF-8.
/// Bounds   kPropertiesBytesMax.
/// Errors   kInvalidConfig: too large, or a malformed \uXXXX, with its line.
/// Source   java.util.Properties.load.
Result<PropertySet> parse_properties(std::string_view bytes, std::string_view file_name);

/// Puts "key=value" of the command line over what the file says.
/// Errors   kInvalidConfig if there is no '=' or no key.
Result<void> apply_override(PropertySet& set, std::string_view key_value);

/// Writes a file as Java's Properties.store(OutputStream) does: "#comment", "#date", then the
/// entries in the order given. `now` becomes the date, in UTC.
std::string write_properties(const std::vector<std::pair<std::string, std::string>>& entries,
                             std::string_view comment, Timestamp now);

/// Java's Date.toString in UTC: "Sat Nov 21 09:26:35 UTC 2026".
std::string java_date_text(Timestamp time);

/// The values alone.
ConfigMap values_of(const PropertySet& set);

}  // namespace moldau::config
