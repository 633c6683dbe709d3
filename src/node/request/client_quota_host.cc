// SPDX-License-Identifier: Apache-2.0
#include "node/request/client_quota_host.h"

#include <memory>
#include <string>
#include <utility>

namespace moldau::request {

using security::QuotaClient;
using security::QuotaType;

std::string_view user_of(std::string_view principal) {
  const std::size_t colon = principal.find(':');
  return colon == std::string_view::npos ? principal : principal.substr(colon + 1);
}

ClientQuotaHost::ClientQuotaHost(env::Env& env, env::Shard& shard, security::QuotaWindow window,
                                 security::QuotaWindow controller_window)
    : env_(env), shard_(shard), quotas_(window, controller_window) {
  for (std::size_t i = 0; i < security::kQuotaTypes; ++i) {
    const std::string label =
        "type=\"" + std::string(quota_type_name(static_cast<QuotaType>(i))) + "\"";
    series_[i].throttles = &env.metrics().counter("moldau_client_quota_throttles_total", label);
    series_[i].throttle_ms =
        &env.metrics().counter("moldau_client_quota_throttle_time_ms_total", label);
  }
}

void ClientQuotaHost::show(const image::MetadataImage& image) {
  quotas_.show(std::make_shared<const security::QuotaTable>(image));
}

Millis ClientQuotaHost::charge(QuotaType type, const QuotaClient& client, double value) {
  security::ClientQuotas::Outcome outcome = quotas_.record(type, client, value, time());
  if (outcome.use && !others_.empty()) tell(std::move(*outcome.use));
  return outcome.throttle;
}

void ClientQuotaHost::take_back(QuotaType type, const QuotaClient& client, double value) {
  (void)charge(type, client, -value);
}

Millis ClientQuotaHost::charge_time(const QuotaClient& client, std::int64_t nanos) {
  return charge(QuotaType::kRequest, client, static_cast<double>(nanos) * (100.0 / 1e9));
}

bool ClientQuotaHost::charge_mutations(const QuotaClient& client, double mutations, bool strict,
                                       Millis& throttle) {
  throttle = Millis(0);
  if (!enabled(QuotaType::kControllerMutation)) return true;
  if (strict) return quotas_.take_strictly(client, mutations, time(), throttle);
  throttle = quotas_.record(QuotaType::kControllerMutation, client, mutations, time()).throttle;
  return true;
}

void ClientQuotaHost::note_throttle(QuotaType type, Millis throttle) {
  const Series& series = series_[security::QuotaTable::index(type)];
  series.throttles->add();
  series.throttle_ms->add(static_cast<std::uint64_t>(throttle.value()));
}

void ClientQuotaHost::tell(security::QuotaUse use) {
  if (uses_.empty()) shard_.post([this] { send_uses(); });
  uses_.push_back(std::move(use));
}

void ClientQuotaHost::send_uses() {
  const auto uses =
      std::make_shared<const std::vector<security::QuotaUse>>(std::exchange(uses_, {}));
  for (ClientQuotaHost* other : others_)
    other->shard_.post([other, uses] {
      for (const security::QuotaUse& use : *uses) other->quotas_.replay(use, other->time());
    });
}

}  // namespace moldau::request
