// SPDX-License-Identifier: Apache-2.0
#include "machine/controller/topic_name.h"

#include <algorithm>

namespace moldau::controller {

std::optional<std::string> reason_topic_name_is_invalid(std::string_view name) {
  const std::string prefix = "Topic name is invalid: ";
  if (name.empty()) return prefix + "the empty string is not allowed";
  if (name == "." || name == "..") return prefix + "'" + std::string(name) + "' is not allowed";
  if (name.size() > kTopicNameLengthMax) {
    return prefix + "the length of '" + std::string(name.substr(0, 2 * kTopicNameLengthMax)) +
           "' is longer than the max allowed length " + std::to_string(kTopicNameLengthMax);
  }
  const bool legal = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (!legal) {
    return prefix + "'" + std::string(name) +
           "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
  }
  return std::nullopt;
}

std::string unify_collision_characters(std::string_view name) {
  std::string unified(name);
  std::replace(unified.begin(), unified.end(), '.', '_');
  return unified;
}

bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state" ||
         name == "__share_group_state";
}

}  // namespace moldau::controller
