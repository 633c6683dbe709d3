// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "wire/api_key_enum.h"
#include "wire/message.h"

namespace moldau::wire {

/// One API: its versions and what Kafka says of it.
/// Thread   immutable.
struct ApiSpec {
  ApiKey key;
  std::string_view name;  // "Fetch"
  std::int16_t min_version;
  std::int16_t max_version;
  /// Above max_version if the last version is unstable: spoken only if enabled.
  std::int16_t max_version_unstable;
  std::int16_t request_flexible_since;
  std::int16_t response_flexible_since;
  bool on_broker;
  bool on_controller;
  /// Kafka's flag, which is not always the ACL that is checked.
  bool cluster_action;
  /// A broker passes it on to the controller in an Envelope.
  bool forwarded;
  /// The content must not get into a log.
  bool sensitive_request;
  bool sensitive_response;

  bool supports(std::int16_t version) const {
    return version >= min_version && version <= max_version;
  }
};

/// In the order of their keys.
std::span<const ApiSpec> all_apis();
/// nullptr for keys that are unknown or gone.
const ApiSpec* find_api(std::int16_t key);
/// The spec of a key of ours; checked.
const ApiSpec& api_spec(ApiKey key);
inline std::string_view api_name(ApiKey key) {
  return api_spec(key).name;
}

/// The version of the header in front of a request, 1 or 2.
std::int16_t request_header_version(const ApiSpec& api, std::int16_t version);
/// 0 or 1; always 0 for ApiVersions, whose reader does not know yet what we speak.
std::int16_t response_header_version(const ApiSpec& api, std::int16_t version);

}  // namespace moldau::wire
