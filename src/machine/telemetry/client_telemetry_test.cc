// SPDX-License-Identifier: Apache-2.0
// KIP-714
#include "machine/telemetry/client_telemetry.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "machine/image/delta.h"
#include "machine/image/record_list.h"

namespace moldau::telemetry {
namespace {

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}

std::string field(std::uint32_t number, const std::string& bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + bytes;
}

std::string fixed(std::uint32_t number, std::uint64_t value) {
  std::string out = varint(number << 3 | 1);
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

/// A sum of one whole number.
std::string sum(const std::string& name, std::int64_t value, bool delta) {
  const std::string attribute = field(1, "topic") + field(2, field(1, "t"));
  const std::string point =
      fixed(2, 5) + fixed(6, static_cast<std::uint64_t>(value)) + field(7, attribute);
  const std::string points =
      field(1, point) + varint(2 << 3) + varint(delta ? 1 : 2) + varint(3 << 3) + varint(1);
  return field(1, field(1, "resource") + field(2, field(2, field(1, name) + field(7, points))));
}

image::MetadataImage image_of(const std::map<std::string, image::ConfigEntries>& subscriptions) {
  image::MetadataImage image;
  image::RecordList records(image.metadata_version());
  for (const auto& [name, entries] : subscriptions)
    for (const auto& [key, value] : entries)
      records.config(image::ConfigResource(image::ResourceType::kClientMetrics, name), key, value);
  image::MetadataDelta delta(image);
  for (const auto& record : records.records()) EXPECT_TRUE(delta.replay(record).ok());
  return delta.publish(image::Provenance());
}

class ClientTelemetryTest : public testing::Test {
 protected:
  ClientTelemetryTest() { client.client_id = "app-1"; }

  wire::GetTelemetrySubscriptionsResponse get(Uuid id = Uuid()) {
    wire::GetTelemetrySubscriptionsRequest request;
    request.client_instance_id = id;
    return telemetry.get(request, client, kFresh, now);
  }
  ErrorCode push(const std::string& bytes, std::int32_t subscription, bool last = false) {
    wire::PushTelemetryRequest request;
    request.client_instance_id = kFresh;
    request.subscription_id = subscription;
    request.terminating = last;
    request.metrics = wire::Bytes(as_view(bytes));
    auto result = telemetry.push(request, client, now);
    if (result.ok()) pushed = std::move(result).value();
    return result.ok() ? ErrorCode::kNone : result.error().code;
  }

  static constexpr Uuid kFresh{77, 88};
  ClientTelemetry telemetry{1 << 20};
  ClientIdentity client;
  Millis now{1'000'000};
  PushedMetrics pushed;
};

TEST_F(ClientTelemetryTest, AsksForNothingWithoutASubscription) {
  const auto response = get();
  EXPECT_EQ(response.error_code, 0);
  EXPECT_EQ(response.client_instance_id, kFresh);
  EXPECT_EQ(response.push_interval_ms, 300'000);
  EXPECT_TRUE(response.requested_metrics.empty());
  EXPECT_EQ(get(kFresh).error_code, to_wire(ErrorCode::kThrottlingQuotaExceeded));
}

TEST_F(ClientTelemetryTest, JoinsTheSubscriptionsThatMatch) {
  telemetry.show(image_of({{"a", {{"metrics", "m.a, m.b"}, {"interval.ms", "1000"}}},
                           {"b", {{"metrics", "m.c"}, {"match", "client_id=app-.*"}}},
                           {"c", {{"metrics", "m.d"}, {"match", "client_id=app"}}},
                           {"d", {{"metrics", "m.e"}, {"match", "client_id=(("}}}}));
  const auto response = get();
  ASSERT_EQ(response.requested_metrics.size(), 3u);
  EXPECT_EQ(response.requested_metrics[2].view(), "m.c");
  EXPECT_EQ(response.push_interval_ms, 1000);
  telemetry.show(image_of({{"a", {{"metrics", "m.a"}}}, {"e", {{"metrics", "*"}}}}));
  // A change is told at once.
  const auto changed = get(kFresh);
  ASSERT_EQ(changed.requested_metrics.size(), 1u);
  EXPECT_EQ(changed.requested_metrics[0].view(), "*");
  EXPECT_NE(changed.subscription_id, response.subscription_id);
}

TEST_F(ClientTelemetryTest, TakesWhatWasAskedForOncePerInterval) {
  telemetry.show(image_of({{"a", {{"metrics", "m."}, {"interval.ms", "1000"}}}}));
  const std::int32_t subscription = get().subscription_id;
  ASSERT_EQ(push(sum("m.a", -7, true) + sum("n.a", 1, true), subscription), ErrorCode::kNone);
  ASSERT_EQ(pushed.points.size(), 1u);
  EXPECT_EQ(pushed.points[0].metric, "m.a");
  EXPECT_EQ(pushed.points[0].value, -7);
  EXPECT_TRUE(pushed.points[0].delta);
  ASSERT_EQ(pushed.points[0].attributes.size(), 1u);
  EXPECT_EQ(pushed.points[0].attributes[0].second, "t");
  now += 999;
  EXPECT_EQ(push("", subscription), ErrorCode::kThrottlingQuotaExceeded);
  now += 1;
  EXPECT_EQ(push("", subscription + 1), ErrorCode::kUnknownSubscriptionId);
  EXPECT_EQ(get(kFresh).error_code, 0);
  EXPECT_EQ(push("", subscription, true), ErrorCode::kNone);
  EXPECT_TRUE(pushed.last);
  EXPECT_EQ(push("", subscription), ErrorCode::kInvalidRequest);
}

TEST_F(ClientTelemetryTest, ForgetsTheSilentAndTheOldestOfTooMany) {
  get();
  now += 900'000;
  EXPECT_EQ(telemetry.expire(now), std::vector<Uuid>{kFresh});
  EXPECT_EQ(telemetry.instances(), 0u);
  for (std::int64_t i = 0; i <= static_cast<std::int64_t>(ClientTelemetry::kInstancesMax); ++i)
    get(Uuid(1, i));
  EXPECT_EQ(telemetry.instances(), ClientTelemetry::kInstancesMax);
  EXPECT_EQ(telemetry.expire(now), (std::vector<Uuid>{Uuid(1, 0)}));
}

TEST(OtlpTest, RefusesDamage) {
  const std::string whole = sum("m.a", 7, false);
  ASSERT_TRUE(read_otlp(as_view(whole), OtlpLimits()).ok());
  int refused = 0;
  for (std::size_t size = 1; size < whole.size(); ++size)
    if (!read_otlp(as_view(whole).first(size), OtlpLimits()).ok()) ++refused;
  EXPECT_EQ(refused, static_cast<int>(whole.size()) - 1);
  // Whatever it makes of noise, it ends and stays within its bytes.
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string noise = whole;
    for (int n = 0; n < 3; ++n) noise[random() % noise.size()] = static_cast<char>(random());
    (void)read_otlp(as_view(noise), OtlpLimits());
  }
}

TEST(OtlpTest, KeepsItsLimits) {
  OtlpLimits limits;
  limits.points_max = 3;
  std::string many;
  for (int i = 0; i < 5; ++i) many += sum("m", i, false);
  const auto read = read_otlp(as_view(many), limits);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->points.size(), 3u);
  EXPECT_EQ(read->left_out, 2u);
}

}  // namespace
}  // namespace moldau::telemetry
