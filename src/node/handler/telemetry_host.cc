// SPDX-License-Identifier: Apache-2.0
#include "node/handler/telemetry_host.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

namespace moldau::handler {
namespace {

constexpr std::size_t kLabelMax = 128;

/// Letters, digits and underscores, not beginning with a digit, as Prometheus names are.
std::string name_of(std::string_view text) {
  std::string name;
  for (const char c : text.substr(0, kLabelMax)) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    name.push_back(plain ? c : '_');
  }
  return name;
}

void add_label(std::string& labels, std::string_view key, std::string_view value) {
  std::string name = name_of(key);
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name.front()))) name = "_" + name;
  if (!labels.empty()) labels += ",";
  labels += name + "=\"";
  for (const char c : value.substr(0, kLabelMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == '"') labels.push_back('\\');
    // What is cut may be no UTF-8 any more, and a line end would end the line.
    labels.push_back(byte < 0x20 || byte >= 0x7F ? '_' : c);
  }
  labels += "\"";
}

}  // namespace

TelemetryHost::TelemetryHost(env::Env& env, env::Shard& shard, std::int32_t bytes_max)
    : env_(env),
      shard_(shard),
      machine_(bytes_max),
      pushes_(env.metrics().counter("moldau_client_telemetry_pushes_total")),
      refused_(env.metrics().counter("moldau_client_telemetry_refused_total")),
      left_out_(env.metrics().counter("moldau_client_telemetry_points_left_out_total")),
      instances_(env.metrics().gauge("moldau_client_telemetry_clients")) {}

wire::GetTelemetrySubscriptionsResponse TelemetryHost::get(
    const wire::GetTelemetrySubscriptionsRequest& request,
    const telemetry::ClientIdentity& client) {
  const Uuid fresh = Uuid::random([this] { return shard_.random().next(); });
  auto response = machine_.get(request, client, fresh, time());
  expire();
  return response;
}

ErrorCode TelemetryHost::push(const wire::PushTelemetryRequest& request,
                              const telemetry::ClientIdentity& client) {
  const Result<telemetry::PushedMetrics> pushed = machine_.push(request, client, time());
  expire();
  if (!pushed.ok()) {
    refused_.add();
    env_.logger().debug("telemetry", "refused a push of {}: {}", request.client_instance_id.text(),
                        pushed.error().text());
    return pushed.error().code;
  }
  pushes_.add();
  keep(request.client_instance_id, client.client_id, *pushed);
  if (pushed->last) drop(request.client_instance_id);
  return ErrorCode::kNone;
}

void TelemetryHost::expire() {
  for (const Uuid& id : machine_.expire(time())) drop(id);
  instances_.set(static_cast<std::int64_t>(machine_.instances()));
}

void TelemetryHost::keep(const Uuid& id, const std::string& client_id,
                         const telemetry::PushedMetrics& pushed) {
  left_out_.add(pushed.left_out);
  if (pushed.points.empty()) return;
  Series& mine = series_[id];
  for (const telemetry::OtlpPoint& point : pushed.points) {
    std::string labels;
    add_label(labels, "client_instance_id", id.text());
    add_label(labels, "client_id", client_id);
    for (const auto& [key, value] : point.attributes)
      if (key != "client_id" && key != "client_instance_id") add_label(labels, key, value);
    const std::pair key("kafka_client_telemetry_" + name_of(point.metric), std::move(labels));
    const auto found = mine.find(key);
    if (found == mine.end()) {
      if (mine.size() >= kSeriesPerClientMax || series_count_ >= kSeriesMax) {
        left_out_.add();
        continue;
      }
      ++series_count_;
    }
    double& value = found == mine.end() ? mine[key] : found->second;
    value = point.delta ? value + point.value : point.value;
    env_.metrics().put(key.first, key.second, value);
  }
}

void TelemetryHost::drop(const Uuid& id) {
  const auto found = series_.find(id);
  if (found == series_.end()) return;
  for (const auto& [key, value] : found->second) env_.metrics().drop(key.first, key.second);
  series_count_ -= found->second.size();
  series_.erase(found);
}

}  // namespace moldau::handler
