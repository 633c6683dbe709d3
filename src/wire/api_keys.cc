// SPDX-License-Identifier: Apache-2.0
#include "wire/api_keys.h"

#include "base/check.h"

namespace moldau::wire {

const ApiSpec& api_spec(ApiKey key) {
  const ApiSpec* found = find_api(static_cast<std::int16_t>(key));
  MOLDAU_CHECK(found, "an API key that does not exist");
  return *found;
}

std::int16_t request_header_version(const ApiSpec& api, std::int16_t version) {
  return version >= api.request_flexible_since ? 2 : 1;
}

std::int16_t response_header_version(const ApiSpec& api, std::int16_t version) {
  if (api.key == ApiKey::kApiVersions) return 0;
  return version >= api.response_flexible_since ? 1 : 0;
}

}  // namespace moldau::wire
