// SPDX-License-Identifier: Apache-2.0
#include "machine/security/client_quotas.h"

#include <algorithm>
#include <utility>

namespace moldau::security {
namespace {

constexpr std::array<std::string_view, kQuotaTypes> kKeys = {
    "producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"};
constexpr std::array<std::string_view, kQuotaTypes> kNames = {"produce", "fetch", "request",
                                                              "controller_mutation"};
const std::string kNone = "-";
const std::string kDefault = "*";

std::string named(std::string_view name) {
  return "=" + std::string(name);
}

/// Unambiguous whatever the names hold.
std::string joined(const std::string& user, const std::string& client) {
  return std::to_string(user.size()) + ":" + user + client;
}

std::string part_of(const image::QuotaEntity& entity, std::string_view type) {
  const auto found = entity.parts.find(type);
  if (found == entity.parts.end()) return kNone;
  return found->second ? named(*found->second) : kDefault;
}

}  // namespace

std::string_view quota_type_name(QuotaType type) {
  return kNames[QuotaTable::index(type)];
}

QuotaTable::QuotaTable(const image::MetadataImage& image) {
  for (const auto& [entity, values] : image.client_quotas()) {
    const std::string user = part_of(entity, "user");
    const std::string client = part_of(entity, "client-id");
    if (user == kNone && client == kNone) continue;  // an address
    for (std::size_t i = 0; i < kQuotaTypes; ++i) {
      const auto value = values->find(kKeys[i]);
      if (value == values->end()) continue;
      Limits& limits = limits_[i];
      limits.of[joined(user, client)] = value->second;
      (user == kNone ? limits.clients : client == kNone ? limits.users : limits.both) = true;
    }
  }
}

const double* QuotaTable::Limits::find(const std::string& user, const std::string& client) const {
  const auto found = of.find(joined(user, client));
  return found == of.end() ? nullptr : &found->second;
}

/// Which parts of the client's name are counted apart. While quotas of one kind only are set, it
/// is that kind; else the most specific quota that binds decides.
void QuotaTable::choose_parts(const Limits& limits, const QuotaClient& client,
                              QuotaBinding& binding) {
  const int kinds = int{limits.users} + int{limits.clients} + int{limits.both};
  bool by_user = true;
  bool by_client = true;
  if (kinds == 1) {
    by_user = !limits.clients;
    by_client = !limits.users;
  } else {
    const std::string user = named(client.user);
    const std::string id = named(client.client_id);
    if (limits.find(user, id) || limits.find(user, kDefault)) {
      // both
    } else if (limits.find(user, kNone)) {
      by_client = false;
    } else if (limits.find(kDefault, id) || limits.find(kDefault, kDefault)) {
      // both
    } else if (limits.find(kDefault, kNone)) {
      by_client = false;
    } else {
      by_user = false;
    }
  }
  if (by_user) binding.user = client.user;
  if (by_client) binding.client_id = client.client_id;
}

const double* QuotaTable::limit_of(const Limits& limits, const QuotaBinding& binding) {
  const std::string user = named(binding.user);
  const std::string client = named(binding.client_id);
  const auto first = [](std::initializer_list<const double*> found) {
    for (const double* limit : found)
      if (limit) return limit;
    return static_cast<const double*>(nullptr);
  };
  if (!binding.user.empty() && !binding.client_id.empty())
    return first({limits.find(user, client), limits.find(user, kDefault),
                  limits.find(kDefault, client), limits.find(kDefault, kDefault)});
  if (!binding.user.empty()) return first({limits.find(user, kNone), limits.find(kDefault, kNone)});
  if (!binding.client_id.empty())
    return first({limits.find(kNone, client), limits.find(kNone, kDefault)});
  return nullptr;
}

std::optional<QuotaBinding> QuotaTable::binding(QuotaType type, const QuotaClient& client) const {
  const Limits& limits = limits_[index(type)];
  if (limits.of.empty()) return std::nullopt;
  QuotaBinding binding;
  choose_parts(limits, client, binding);
  const double* limit = limit_of(limits, binding);
  if (!limit) return std::nullopt;
  binding.limit = *limit;
  return binding;
}

ClientQuotas::ClientQuotas(QuotaWindow window, QuotaWindow controller_window)
    : window_(window), controller_window_(controller_window) {}

std::size_t ClientQuotas::bytes_of(const Counter& counter) const {
  const auto samples =
      static_cast<std::size_t>(std::max(window_.samples, controller_window_.samples)) + 1;
  return counter.key.size() + sizeof(Counter) + 128 + samples * 24;
}

void ClientQuotas::expire(Millis now) {
  // The one in use just now is the last: it stays.
  while (counters_.size() > 1) {
    const Counter& oldest = counters_.front();
    if (bytes_ <= kBytesMax && now - oldest.used < kIdleMax.value()) return;
    bytes_ -= bytes_of(oldest);
    by_key_.erase(oldest.key);
    counters_.pop_front();
  }
}

ClientQuotas::Counter& ClientQuotas::counter(QuotaType type, std::string_view user,
                                             std::string_view client, Millis now) {
  std::string key(kNames[QuotaTable::index(type)]);
  key += joined(named(user), named(client));
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    counters_.splice(counters_.end(), counters_, found->second);
    counters_.back().used = now;
  } else {
    counters_.emplace_back(std::move(key), now);
    by_key_.emplace(counters_.back().key, std::prev(counters_.end()));
    bytes_ += bytes_of(counters_.back());
  }
  expire(now);
  return counters_.back();
}

ClientQuotas::Outcome ClientQuotas::record(QuotaType type, const QuotaClient& client, double value,
                                           Millis now) {
  Outcome outcome;
  const auto binding = table_ ? table_->binding(type, client) : std::nullopt;
  if (!binding) return outcome;
  Counter& one = counter(type, binding->user, binding->client_id, now);
  if (type == QuotaType::kControllerMutation) {
    one.tokens.take(value, binding->limit, now, controller_window_);
    outcome.throttle = one.tokens.throttle(binding->limit, now, controller_window_);
    return outcome;
  }
  one.rate.record(value, now, window_);
  outcome.throttle = one.rate.throttle(binding->limit, now, window_);
  if (type == QuotaType::kRequest) outcome.throttle = std::min(outcome.throttle, window_.size);
  outcome.use.emplace(type, binding->user, binding->client_id, value, now);
  return outcome;
}

bool ClientQuotas::take_strictly(const QuotaClient& client, double mutations, Millis now,
                                 Millis& throttle) {
  constexpr QuotaType kType = QuotaType::kControllerMutation;
  throttle = Millis(0);
  const auto binding = table_ ? table_->binding(kType, client) : std::nullopt;
  if (!binding) return true;
  Counter& one = counter(kType, binding->user, binding->client_id, now);
  throttle = one.tokens.throttle(binding->limit, now, controller_window_);
  if (throttle > Millis(0) || one.tokens.left(binding->limit, now, controller_window_) < 0)
    return false;
  one.tokens.take(mutations, binding->limit, now, controller_window_);
  return true;
}

void ClientQuotas::replay(const QuotaUse& use, Millis now) {
  if (!enabled(use.type)) return;
  counter(use.type, use.user, use.client_id, now).rate.record(use.value, use.when, window_);
}

std::optional<double> ClientQuotas::fetch_bytes_max(const QuotaClient& client) const {
  const auto binding = table_ ? table_->binding(QuotaType::kFetch, client) : std::nullopt;
  if (!binding) return std::nullopt;
  return binding->limit * (window_.samples - 1) *
         (static_cast<double>(window_.size.value()) / 1000.0);
}

}  // namespace moldau::security
