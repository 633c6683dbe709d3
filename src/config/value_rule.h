// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config_value.h"

namespace moldau::config {

/// Checks a parsed value against the rule of its key.
/// Thread   any thread.
/// Errors   kInvalidConfig, naming key, value and what is allowed.
Result<void> check_rule(const ConfigKey& key, const ConfigValue& value);

/// "Invalid value v for configuration k: why"; hides passwords and cuts long values.
Error invalid_value(const ConfigKey& key, std::string_view value, std::string_view why);

}  // namespace moldau::config
