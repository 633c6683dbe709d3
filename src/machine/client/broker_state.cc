// SPDX-License-Identifier: Apache-2.0
#include "machine/client/broker_state.h"

#include <fmt/core.h>

#include <algorithm>

namespace moldau::client {

void BrokerState::begin(MonoTime now, std::uint64_t random) {
  phase_ = Phase::kConnecting;
  setup_deadline_ = now + options_.setup.after(setup_failures_, random);
}

void BrokerState::negotiated(const wire::ApiVersionsResponse& answer) {
  apis_.clear();
  for (const auto& api : answer.api_keys) apis_[api.api_key] = {api.min_version, api.max_version};
  phase_ = Phase::kReady;
  failures_ = setup_failures_ = 0;
}

void BrokerState::failed(MonoTime now, std::uint64_t random) {
  if (phase_ == Phase::kConnecting) ++setup_failures_;
  phase_ = Phase::kClosed;
  blocked_until_ = now + options_.reconnect.after(failures_, random);
  ++failures_;
}

Result<std::int16_t> BrokerState::version_of(wire::ApiKey api, VersionRange ours) const {
  const auto found = apis_.find(static_cast<std::int16_t>(api));
  if (found == apis_.end())
    return Error(ErrorCode::kUnsupportedVersion,
                 fmt::format("The node does not support {}", wire::api_name(api)));
  const std::int16_t version = std::min(ours.max, found->second.max);
  if (version < std::max(ours.min, found->second.min))
    return Error(
        ErrorCode::kUnsupportedVersion,
        fmt::format("The node does not support {} with version in range [{}, {}]. The "
                    "supported range is [{}, {}].",
                    wire::api_name(api), ours.min, ours.max, found->second.min, found->second.max));
  return version;
}

}  // namespace moldau::client
