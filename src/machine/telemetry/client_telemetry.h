// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "machine/image/image.h"
#include "machine/telemetry/otlp.h"
#include "record/compression.h"
#include "wire/get_telemetry_subscriptions_request.h"
#include "wire/get_telemetry_subscriptions_response.h"
#include "wire/push_telemetry_request.h"

namespace re2 {
class RE2;
}

namespace moldau::telemetry {

/// What subscriptions match: the names are those of the selectors.
struct ClientIdentity {
  ClientIdentity() = default;
  std::string client_id;
  std::string client_software_name;
  std::string client_software_version;
  std::string client_source_address;
  std::string client_source_port;
};

/// One client-metrics resource, parsed.
/// Thread   immutable.
/// Source   ClientMetricsConfigs.
class Subscription {
 public:
  explicit Subscription(const image::ConfigEntries& entries);

  bool matches(const Uuid& instance, const ClientIdentity& client) const;
  const std::set<std::string>& metrics() const { return metrics_; }
  Millis interval() const { return interval_; }
  /// Patterns that cannot be compiled match nobody.
  bool broken() const { return broken_; }

 private:
  std::set<std::string> metrics_;
  Millis interval_{300'000};
  std::map<std::string, std::shared_ptr<const re2::RE2>> patterns_;
  bool broken_ = false;
};

/// What an accepted push says.
struct PushedMetrics {
  PushedMetrics() = default;
  /// Of the metrics that the client is asked for.
  std::vector<OtlpPoint> points;
  std::size_t left_out = 0;
  /// The client sends no more.
  bool last = false;
};

/// Tells clients which metrics they should push, and judges what they push.
///
/// Path     handlers of GetTelemetrySubscriptions and PushTelemetry → node/handler's
///          TelemetryHost → this.
/// Thread   shard-bound. Pure: time and new ids are given.
/// Bounds   kInstancesMax clients, the longest silent first out; a push of telemetry.max.bytes,
///          kExpansionMax times that when it is decompressed; OtlpLimits.
/// Errors   those of the APIs: see push().
/// Source   ClientMetricsManager, ClientMetricsInstance; KIP-714.
class ClientTelemetry {
 public:
  static constexpr std::size_t kInstancesMax = 16'384;
  static constexpr Millis kSilenceMin{60'000};
  static constexpr std::size_t kExpansionMax = 16;

  explicit ClientTelemetry(std::int32_t bytes_max) : bytes_max_(bytes_max) {}

  /// The client-metrics resources of an image.
  void show(const image::MetadataImage& image);

  /// `fresh` is the id of a client that has none yet.
  wire::GetTelemetrySubscriptionsResponse get(const wire::GetTelemetrySubscriptionsRequest& request,
                                              const ClientIdentity& client, const Uuid& fresh,
                                              Millis now);
  /// Errors   kInvalidRequest: a reserved id, or a push after the last one;
  ///          kThrottlingQuotaExceeded: before the interval is over; kUnknownSubscriptionId;
  ///          kUnsupportedCompressionType; kTelemetryTooLarge; kInvalidRecord: no OTLP message.
  Result<PushedMetrics> push(const wire::PushTelemetryRequest& request,
                             const ClientIdentity& client, Millis now);
  /// Those that were not heard of for so long that they are gone.
  std::vector<Uuid> expire(Millis now);

  std::size_t instances() const { return instances_.size(); }

 private:
  struct Instance {
    Instance() = default;
    ClientIdentity client;
    std::set<std::string> metrics;
    Millis interval{300'000};
    std::int32_t subscription_id = 0;
    std::uint64_t version = 0;
    /// Before all time.
    Millis last_get{INT64_MIN / 2};
    Millis last_push{INT64_MIN / 2};
    Millis heard{0};
    bool terminating = false;
    ErrorCode last_error = ErrorCode::kNone;
    std::list<Uuid>::iterator place;
  };

  Instance& instance(const Uuid& id, const ClientIdentity& client, Millis now);
  void subscribe(const Uuid& id, Instance& one) const;
  Result<PushedMetrics> judge_push(const wire::PushTelemetryRequest& request, Instance& one,
                                   Millis now);
  void forget(const Uuid& id);
  static bool wanted(const Instance& one, std::string_view metric);

  const std::int32_t bytes_max_;
  record::CompressionContext compression_;
  std::vector<Subscription> subscriptions_;
  /// Counts the changes of subscriptions.
  std::uint64_t version_ = 0;
  std::unordered_map<Uuid, Instance> instances_;
  /// The longest silent first.
  std::list<Uuid> order_;
  std::vector<Uuid> evicted_;
};

}  // namespace moldau::telemetry
