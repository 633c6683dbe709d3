// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace moldau::controller {

inline constexpr std::size_t kTopicNameLengthMax = 249;

/// Why a topic may not be called so; empty if it may.
/// Source   Topic.validate
std::optional<std::string> reason_topic_name_is_invalid(std::string_view name);

/// Metrics write '.' as '_': names that differ only there would share theirs.
inline bool has_collision_characters(std::string_view name) {
  return name.find_first_of("._") != std::string_view::npos;
}
std::string unify_collision_characters(std::string_view name);

/// __consumer_offsets and the like.
bool is_internal_topic(std::string_view name);

}  // namespace moldau::controller
