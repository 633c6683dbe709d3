// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "machine/group/consumer_group.h"
#include "machine/group/group_effects.h"
#include "machine/image/image.h"

namespace moldau::group {

/// Subscriptions by regular expression, in RE2 syntax; a topic must match as a whole.
/// Source   TopicRegexResolver; KIP-848.

/// Why the expression cannot be used; nothing if it can.
/// Bounds   kRegexMemoryMax for the compiled expression.
std::optional<std::string> regex_error(std::string_view regex);

using ResolvedRegexes = std::map<std::string, ResolvedRegex, std::less<>>;

/// Takes time that grows with topics and expressions: not for a shard's thread.
/// Thread   any thread; pure.
ResolvedRegexes resolve_regexes(const RegexQuestion& question, const image::MetadataImage& image,
                                Timestamp now);

}  // namespace moldau::group
