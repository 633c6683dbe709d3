// SPDX-License-Identifier: Apache-2.0
#include "machine/telemetry/client_telemetry.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/hash.h"

namespace moldau::telemetry {
namespace {

constexpr std::string_view kAll = "*";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The items of a config of type list.
std::vector<std::string> items_of(const image::ConfigEntries& entries, std::string_view key) {
  std::vector<std::string> items;
  const auto found = entries.find(key);
  if (found == entries.end()) return items;
  std::string_view rest = found->second;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view item = trimmed(rest.substr(0, comma));
    if (!item.empty()) items.emplace_back(item);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return items;
}

bool is_codec(std::int8_t type) {
  return type >= static_cast<std::int8_t>(record::CompressionType::kNone) &&
         type <= static_cast<std::int8_t>(record::CompressionType::kZstd);
}

}  // namespace

Subscription::Subscription(const image::ConfigEntries& entries) {
  for (std::string& metric : items_of(entries, "metrics")) metrics_.insert(std::move(metric));
  if (const auto found = entries.find("interval.ms"); found != entries.end()) {
    std::int64_t ms = 0;
    const char* end = found->second.data() + found->second.size();
    if (std::from_chars(found->second.data(), end, ms).ec == std::errc()) interval_ = Millis(ms);
  }
  for (const std::string& item : items_of(entries, "match")) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos) {
      broken_ = true;
      continue;
    }
    const std::string_view view(item);
    const std::string_view pattern = trimmed(view.substr(equals + 1));
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_max_mem(1 << 20);
    auto compiled =
        std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
    broken_ = broken_ || !compiled->ok();
    patterns_[std::string(trimmed(view.substr(0, equals)))] = std::move(compiled);
  }
}

bool Subscription::matches(const Uuid& instance, const ClientIdentity& client) const {
  if (broken_) return false;
  const std::string id = instance.text();
  const std::pair<std::string_view, const std::string*> known[] = {
      {"client_instance_id", &id},
      {"client_id", &client.client_id},
      {"client_software_name", &client.client_software_name},
      {"client_software_version", &client.client_software_version},
      {"client_source_address", &client.client_source_address},
      {"client_source_port", &client.client_source_port}};
  return std::all_of(patterns_.begin(), patterns_.end(), [&](const auto& pattern) {
    for (const auto& [name, value] : known)
      if (name == pattern.first) return re2::RE2::FullMatch(*value, *pattern.second);
    return false;
  });
}

void ClientTelemetry::show(const image::MetadataImage& image) {
  subscriptions_.clear();
  ++version_;
  for (const auto& [resource, entries] : image.configs())
    if (resource.type == image::ResourceType::kClientMetrics && !entries->empty())
      subscriptions_.emplace_back(*entries);
}

/// Asks for what all matching subscriptions ask for together, as often as the keenest does.
void ClientTelemetry::subscribe(const Uuid& id, Instance& one) const {
  one.version = version_;
  one.metrics.clear();
  one.interval = Millis(300'000);
  for (const Subscription& subscription : subscriptions_) {
    if (!subscription.matches(id, one.client)) continue;
    one.metrics.insert(subscription.metrics().begin(), subscription.metrics().end());
    one.interval = std::min(one.interval, subscription.interval());
  }
  if (one.metrics.contains(std::string(kAll))) one.metrics = {std::string(kAll)};
  std::string text;
  for (const std::string& metric : one.metrics) text += metric + ",";
  text += std::to_string(one.interval.value());
  const std::uint64_t both = static_cast<std::uint64_t>(id.high ^ id.low);
  one.subscription_id = static_cast<std::int32_t>(crc32c(as_view(text)) ^
                                                  static_cast<std::uint32_t>(both >> 32 ^ both));
}

ClientTelemetry::Instance& ClientTelemetry::instance(const Uuid& id, const ClientIdentity& client,
                                                     Millis now) {
  const auto found = instances_.find(id);
  if (found != instances_.end()) {
    Instance& one = found->second;
    if (one.version != version_) {
      // Begins anew, so that it hears of the change without waiting for its interval.
      Instance fresh;
      fresh.client = std::move(one.client);
      fresh.place = one.place;
      one = std::move(fresh);
      subscribe(id, one);
    }
    order_.splice(order_.end(), order_, one.place);
    one.heard = now;
    return one;
  }
  if (instances_.size() >= kInstancesMax) {
    const Uuid oldest = order_.front();
    forget(oldest);
    evicted_.push_back(oldest);
  }
  Instance& one = instances_[id];
  one.client = client;
  one.place = order_.insert(order_.end(), id);
  one.heard = now;
  subscribe(id, one);
  return one;
}

void ClientTelemetry::forget(const Uuid& id) {
  const auto found = instances_.find(id);
  if (found == instances_.end()) return;
  order_.erase(found->second.place);
  instances_.erase(found);
}

wire::GetTelemetrySubscriptionsResponse ClientTelemetry::get(
    const wire::GetTelemetrySubscriptionsRequest& request, const ClientIdentity& client,
    const Uuid& fresh, Millis now) {
  wire::GetTelemetrySubscriptionsResponse response;
  const Uuid id = request.client_instance_id.is_zero() ? fresh : request.client_instance_id;
  Instance& one = instance(id, client, now);
  const bool must_ask_again = one.last_error == ErrorCode::kUnknownSubscriptionId ||
                              one.last_error == ErrorCode::kUnsupportedCompressionType;
  if (now - std::max(one.last_get, one.last_push) >= one.interval.value()) {
    one.last_get = now;
  } else if (!must_ask_again) {
    response.error_code = to_wire(ErrorCode::kThrottlingQuotaExceeded);
    return response;
  }
  one.last_error = ErrorCode::kNone;
  response.client_instance_id = id;
  response.subscription_id = one.subscription_id;
  for (const auto codec : {record::CompressionType::kZstd, record::CompressionType::kLz4,
                           record::CompressionType::kGzip, record::CompressionType::kSnappy})
    response.accepted_compression_types.push_back(static_cast<std::int8_t>(codec));
  response.push_interval_ms = static_cast<std::int32_t>(one.interval.value());
  response.telemetry_max_bytes = bytes_max_;
  response.delta_temporality = true;
  for (const std::string& metric : one.metrics) response.requested_metrics.emplace_back(metric);
  return response;
}

Result<PushedMetrics> ClientTelemetry::push(const wire::PushTelemetryRequest& request,
                                            const ClientIdentity& client, Millis now) {
  if (request.client_instance_id.is_reserved())
    return Error(ErrorCode::kInvalidRequest, "a reserved client instance id");
  Instance& one = instance(request.client_instance_id, client, now);
  Result<PushedMetrics> pushed = judge_push(request, one, now);
  one.terminating = request.terminating;
  one.last_error = pushed.ok() ? ErrorCode::kNone : pushed.error().code;
  return pushed;
}

Result<PushedMetrics> ClientTelemetry::judge_push(const wire::PushTelemetryRequest& request,
                                                  Instance& one, Millis now) {
  if (one.terminating)
    return Error(ErrorCode::kInvalidRequest, "a push after the one that was to be the last");
  // The first push after the subscription was asked for may come at any time.
  const bool in_time = one.last_get > one.last_push || now - one.last_push >= one.interval.value();
  if (in_time) one.last_push = now;
  if (!in_time && !request.terminating)
    return Error(ErrorCode::kThrottlingQuotaExceeded, "a push before the interval was over");
  if (request.subscription_id != one.subscription_id)
    return Error(ErrorCode::kUnknownSubscriptionId, "the subscription has changed");
  if (!is_codec(request.compression_type))
    return Error(ErrorCode::kUnsupportedCompressionType, "an unknown codec");
  if (request.metrics.size() > static_cast<std::size_t>(bytes_max_))
    return Error(ErrorCode::kTelemetryTooLarge, "more than telemetry.max.bytes");
  PushedMetrics pushed;
  pushed.last = request.terminating;
  if (request.metrics.size() == 0) return pushed;
  compression_.limits.output_bytes_max = kExpansionMax * static_cast<std::size_t>(bytes_max_);
  compression_.limits.zstd_window_log_max = 23;
  const auto plain = record::decompress(
      compression_, static_cast<record::CompressionType>(request.compression_type),
      request.metrics.view());
  if (!plain.ok()) return Error(ErrorCode::kInvalidRecord, plain.error().detail);
  MOLDAU_ASSIGN_OR_RETURN(OtlpRead read, read_otlp(plain->view(), OtlpLimits()));
  pushed.left_out = read.left_out;
  for (OtlpPoint& point : read.points)
    if (wanted(one, point.metric)) pushed.points.push_back(std::move(point));
  return pushed;
}

bool ClientTelemetry::wanted(const Instance& one, std::string_view metric) {
  return std::any_of(one.metrics.begin(), one.metrics.end(), [&](const std::string& prefix) {
    return prefix == kAll || metric.starts_with(prefix);
  });
}

std::vector<Uuid> ClientTelemetry::expire(Millis now) {
  std::vector<Uuid> gone = std::exchange(evicted_, {});
  // Intervals differ, so the order is not that of the ends; but silence is at most three hours.
  for (auto place = order_.begin(); place != order_.end();) {
    const Uuid id = *place++;
    const Instance& one = instances_.at(id);
    const std::int64_t silence = now - one.heard;
    if (silence < kSilenceMin.value()) break;
    if (silence < 3 * one.interval.value()) continue;
    forget(id);
    gone.push_back(id);
  }
  return gone;
}

}  // namespace moldau::telemetry
