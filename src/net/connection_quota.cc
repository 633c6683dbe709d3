// SPDX-License-Identifier: Apache-2.0
#include "net/connection_quota.h"

#include <algorithm>
#include <utility>

namespace moldau::net {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

std::int64_t ConnectionQuota::Bucket::interval() const {
  // A rate of 0 blocks; an hour between two is as good.
  return creations_per_second_max == 0 ? 3600 * kSecond : kSecond / creations_per_second_max;
}

std::optional<MonoTime> ConnectionQuota::Bucket::next(MonoTime now) const {
  if (creations_per_second_max == kNoLimit) return std::nullopt;
  if (creations_per_second_max == 0) return now + interval();
  const MonoTime allowed = paced_until + interval() - kSecond;
  if (allowed <= now) return std::nullopt;
  return allowed;
}

ConnectionQuota::ConnectionQuota(const std::vector<Listener>& listeners, ConnectionLimits limits) {
  update(std::move(limits));
  for (const Listener& listener : listeners) {
    ListenerBucket bucket;
    bucket.connections_max = listener.connections_max;
    bucket.creations_per_second_max = listener.creations_per_second_max;
    bucket.exempt = listener.exempt_from_connection_limit;
    listeners_.push_back(bucket);
  }
}

void ConnectionQuota::update(ConnectionLimits limits) {
  limits_ = std::move(limits);
  all_.connections_max = limits_.connections_max;
  all_.creations_per_second_max = limits_.creations_per_second_max;
}

std::uint32_t ConnectionQuota::limit_of(const std::string& host) const {
  const auto found = limits_.connections_per_ip_overrides.find(host);
  return found == limits_.connections_per_ip_overrides.end() ? limits_.connections_per_ip_max
                                                             : found->second;
}

bool ConnectionQuota::admit(const std::string& host, std::size_t listener, MonoTime now) {
  ListenerBucket& bucket = listeners_[listener];
  // Refused ones count for the pace: they cost an accept too.
  bucket.paced_until = std::max(bucket.paced_until, now) + bucket.interval();
  if (!bucket.exempt) all_.paced_until = std::max(all_.paced_until, now) + all_.interval();
  const auto found = by_host_.find(host);
  if ((found == by_host_.end() ? 0 : found->second) >= limit_of(host)) return false;
  ++by_host_[host];
  ++bucket.connections;
  if (!bucket.exempt) ++all_.connections;
  return true;
}

void ConnectionQuota::closed(const std::string& host, std::size_t listener) {
  const auto found = by_host_.find(host);
  MOLDAU_CHECK(found != by_host_.end(), "a connection is closed that was not counted");
  if (--found->second == 0) by_host_.erase(found);
  --listeners_[listener].connections;
  if (!listeners_[listener].exempt) --all_.connections;
}

bool ConnectionQuota::full(std::size_t listener) const {
  return listeners_[listener].full() || (!listeners_[listener].exempt && all_.full());
}

std::optional<MonoTime> ConnectionQuota::next_creation(std::size_t listener, MonoTime now) const {
  const ListenerBucket& bucket = listeners_[listener];
  const std::optional<MonoTime> own = bucket.next(now);
  const std::optional<MonoTime> all = bucket.exempt ? std::nullopt : all_.next(now);
  return own && all ? std::max(*own, *all) : own ? own : all;
}

}  // namespace moldau::net
