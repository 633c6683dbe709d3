// SPDX-License-Identifier: Apache-2.0
#include "net/connection_quota.h"

#include <algorithm>

namespace moldau::net {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

std::uint32_t ConnectionQuota::limit_of(const std::string& host) const {
  const auto found = limits_.connections_per_ip_overrides.find(host);
  return found == limits_.connections_per_ip_overrides.end() ? limits_.connections_per_ip_max
                                                             : found->second;
}

std::int64_t ConnectionQuota::creation_interval() const {
  // A rate of 0 blocks; an hour between two is as good and heals when the rate is changed.
  return limits_.creations_per_second_max == 0 ? 3600 * kSecond
                                               : kSecond / limits_.creations_per_second_max;
}

bool ConnectionQuota::admit(const std::string& host, bool exempt, MonoTime now) {
  if (!exempt) paced_until_ = std::max(paced_until_, now) + creation_interval();
  const auto found = by_host_.find(host);
  if ((found == by_host_.end() ? 0 : found->second) >= limit_of(host)) return false;
  ++by_host_[host];
  if (!exempt) ++counted_;
  return true;
}

void ConnectionQuota::closed(const std::string& host, bool exempt) {
  const auto found = by_host_.find(host);
  MOLDAU_CHECK(found != by_host_.end(), "a connection is closed that was not counted");
  if (--found->second == 0) by_host_.erase(found);
  if (!exempt) --counted_;
}

std::optional<MonoTime> ConnectionQuota::next_creation(MonoTime now) const {
  if (limits_.creations_per_second_max == ConnectionLimits::kNone) return std::nullopt;
  const std::int64_t ahead = limits_.creations_per_second_max == 0 ? 0 : kSecond;
  const MonoTime allowed = paced_until_ + creation_interval() - ahead;
  if (limits_.creations_per_second_max == 0) return now + creation_interval();
  if (allowed <= now) return std::nullopt;
  return allowed;
}

}  // namespace moldau::net
