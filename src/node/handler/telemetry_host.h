// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "env/env.h"
#include "machine/telemetry/client_telemetry.h"

namespace moldau::handler {

/// Client metrics of a node: hosts the machine, and shows what clients push at /metrics, as
/// kafka_client_telemetry_<metric>{client_instance_id="…",client_id="…",…}. Deltas are added up.
///
/// Path     handlers of GetTelemetrySubscriptions and PushTelemetry → this → env::Metrics.
/// Owner    node/assembly.
/// Thread   shard 0.
/// Bounds   kSeriesPerClientMax of a client, kSeriesMax in all; what is more is counted only.
///          Series go with their client: after its last push, or when it is silent.
/// Source   KIP-714; Apache Kafka gives pushes to a plugin, of which it has none of its own.
class TelemetryHost {
 public:
  static constexpr std::size_t kSeriesPerClientMax = 500;
  static constexpr std::size_t kSeriesMax = 20'000;

  TelemetryHost(env::Env& env, env::Shard& shard, std::int32_t bytes_max);

  void show(const image::MetadataImage& image) { machine_.show(image); }
  wire::GetTelemetrySubscriptionsResponse get(const wire::GetTelemetrySubscriptionsRequest& request,
                                              const telemetry::ClientIdentity& client);
  /// The error to answer.
  ErrorCode push(const wire::PushTelemetryRequest& request,
                 const telemetry::ClientIdentity& client);

 private:
  using Series = std::map<std::pair<std::string, std::string>, double>;

  Millis time() const { return Millis(shard_.now().value() / 1'000'000); }
  void expire();
  void keep(const Uuid& id, const std::string& client_id, const telemetry::PushedMetrics& pushed);
  void drop(const Uuid& id);

  env::Env& env_;
  env::Shard& shard_;
  telemetry::ClientTelemetry machine_;
  std::unordered_map<Uuid, Series> series_;
  std::size_t series_count_ = 0;
  env::Counter& pushes_;
  env::Counter& refused_;
  env::Counter& left_out_;
  env::Gauge& instances_;
};

}  // namespace moldau::handler
