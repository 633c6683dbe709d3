// SPDX-License-Identifier: Apache-2.0
#include "net/connection_quota.h"

#include <algorithm>
#include <utility>

namespace moldau::net {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t interval_of(std::uint32_t rate) {
  // A rate of 0 blocks; an hour between two is as good.
  return rate == 0 ? 3600 * kSecond : kSecond / rate;
}

}  // namespace

std::optional<MonoTime> ConnectionQuota::Pace::next(std::uint32_t rate, Millis burst,
                                                    MonoTime now) const {
  if (rate == kNoLimit) return std::nullopt;
  if (rate == 0) return now + interval_of(rate);
  const MonoTime allowed = until + (interval_of(rate) - burst.value() * 1'000'000);
  if (allowed <= now) return std::nullopt;
  return allowed;
}

void ConnectionQuota::Pace::count(std::uint32_t rate, MonoTime now) {
  if (rate != kNoLimit) until = std::max(until, now) + interval_of(rate);
}

void ConnectionQuota::Pace::clamp(Millis burst, MonoTime now) {
  until = std::min(until, now + burst);
}

ConnectionQuota::ConnectionQuota(const std::vector<Listener>& listeners, ConnectionLimits limits) {
  for (const Listener& listener : listeners) put(listeners_.size(), listener, MonoTime(0));
  update(std::move(limits), MonoTime(0));
}

void ConnectionQuota::put(std::size_t place, const Listener& listener, MonoTime now) {
  MOLDAU_CHECK(place <= listeners_.size(), "places of listeners are given in order");
  if (place == listeners_.size()) listeners_.emplace_back();
  ListenerBucket& bucket = listeners_[place];
  bucket.name = listener.name;
  bucket.group = listener.controller ? 1 : 0;
  bucket.inter_broker = listener.inter_broker;
  bucket.present = true;
  bound(bucket, now);
  choose_protected();
}

void ConnectionQuota::remove(std::size_t place) {
  listeners_[place].present = false;
  choose_protected();
}

void ConnectionQuota::bound(ListenerBucket& bucket, MonoTime now) const {
  const auto own = limits_.listeners.find(bucket.name);
  bucket.bounds = own == limits_.listeners.end() ? limits_.all : own->second;
  bucket.pace.clamp(limits_.creation_burst, now);
}

void ConnectionQuota::choose_protected() {
  // Alone it serves clients too, and then nobody would be held back.
  const bool clients =
      std::any_of(listeners_.begin(), listeners_.end(), [](const ListenerBucket& bucket) {
        return bucket.present && bucket.group == 0 && !bucket.inter_broker;
      });
  for (ListenerBucket& bucket : listeners_) bucket.is_protected = bucket.inter_broker && clients;
}

void ConnectionQuota::update(ConnectionLimits limits, MonoTime now) {
  limits_ = std::move(limits);
  for (Group& group : groups_) {
    group.all.bounds = limits_.all;
    group.all.pace.clamp(limits_.creation_burst, now);
    for (auto& [host, pace] : group.paces) pace.clamp(limits_.creation_burst, now);
  }
  for (ListenerBucket& bucket : listeners_) bound(bucket, now);
}

void ConnectionQuota::update(IpCreationRates rates, MonoTime now) {
  ip_rates_ = std::move(rates);
  for (Group& group : groups_) {
    for (auto& [host, pace] : group.paces) pace.clamp(limits_.creation_burst, now);
    std::erase_if(group.paces,
                  [this](const auto& entry) { return rate_of(entry.first) == kNoLimit; });
  }
}

std::uint32_t ConnectionQuota::limit_of(const std::string& host) const {
  const auto found = limits_.connections_per_ip_overrides.find(host);
  return found == limits_.connections_per_ip_overrides.end() ? limits_.connections_per_ip_max
                                                             : found->second;
}

std::uint32_t ConnectionQuota::rate_of(const std::string& host) const {
  const auto found = ip_rates_.of_one.find(host);
  return found == ip_rates_.of_one.end() ? ip_rates_.of_any : found->second;
}

std::optional<MonoTime> ConnectionQuota::too_fast(Group& group, const std::string& host,
                                                  MonoTime now) {
  const std::uint32_t rate = rate_of(host);
  if (rate == kNoLimit) return std::nullopt;
  if (group.paces.size() >= std::max(kPacesKept, 2 * paces_swept_)) {
    std::erase_if(group.paces, [now](const auto& entry) { return entry.second.until <= now; });
    paces_swept_ = group.paces.size();
  }
  Pace& pace = group.paces[host];
  if (const auto next = pace.next(rate, limits_.creation_burst, now))
    return std::min(*next, now + limits_.throttle_max);
  pace.count(rate, now);
  return std::nullopt;
}

ConnectionQuota::Admission ConnectionQuota::admit(const std::string& host, std::size_t listener,
                                                  MonoTime now) {
  ListenerBucket& bucket = listeners_[listener];
  Group& group = groups_[bucket.group];
  if (const auto until = too_fast(group, host, now)) return {Verdict::kTooFast, *until};
  // One that is refused for its number counts for the pace: it costs an accept too.
  bucket.pace.count(bucket.bounds.creations_per_second_max, now);
  if (!bucket.is_protected) group.all.pace.count(group.all.bounds.creations_per_second_max, now);
  const auto found = group.by_host.find(host);
  if ((found == group.by_host.end() ? 0 : found->second) >= limit_of(host))
    return {Verdict::kTooMany, now};
  ++group.by_host[host];
  ++bucket.connections;
  ++group.all.connections;
  return {};
}

void ConnectionQuota::closed(const std::string& host, std::size_t listener) {
  ListenerBucket& bucket = listeners_[listener];
  Group& group = groups_[bucket.group];
  const auto found = group.by_host.find(host);
  MOLDAU_CHECK(found != group.by_host.end(), "a connection is closed that was not counted");
  if (--found->second == 0) group.by_host.erase(found);
  --bucket.connections;
  --group.all.connections;
}

bool ConnectionQuota::full(std::size_t listener) const {
  const ListenerBucket& bucket = listeners_[listener];
  return bucket.full() || (!bucket.is_protected && groups_[bucket.group].all.full());
}

std::uint64_t ConnectionQuota::excess(std::size_t listener) const {
  const Bucket& all = groups_[listeners_[listener].group].all;
  return all.connections - std::min<std::uint64_t>(all.connections, all.bounds.connections_max);
}

std::optional<MonoTime> ConnectionQuota::next_creation(std::size_t listener, MonoTime now) const {
  const ListenerBucket& bucket = listeners_[listener];
  const Bucket& group = groups_[bucket.group].all;
  const Millis burst = limits_.creation_burst;
  const auto own = bucket.pace.next(bucket.bounds.creations_per_second_max, burst, now);
  const auto all = bucket.is_protected
                       ? std::nullopt
                       : group.pace.next(group.bounds.creations_per_second_max, burst, now);
  return own && all ? std::max(*own, *all) : own ? own : all;
}

}  // namespace moldau::net
