// SPDX-License-Identifier: Apache-2.0
// KIP-13, KIP-55, KIP-124, KIP-599
#include "machine/security/client_quotas.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "machine/image/delta.h"
#include "machine/image/record_list.h"

namespace moldau::security {
namespace {

constexpr std::int64_t kStart = 1'000'000;

/// The golden's lines of one kind follow a line that begins with it.
TEST(QuotaRateTest, MeasuresAndThrottlesAsTheClassesOfApacheDo) {
  std::ifstream file("tests/golden/security/quota_rates.txt");
  ASSERT_TRUE(file.is_open());
  QuotaWindow window;
  double limit = 0;
  QuotaRate rate;
  QuotaTokens tokens;
  bool bucket = false;
  std::int64_t now = kStart;
  int compared = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream in(line);
    if (line.starts_with("rate") || line.starts_with("bucket")) {
      std::string kind;
      std::int32_t samples = 0, seconds = 0;
      in >> kind >> samples >> seconds >> limit;
      window = QuotaWindow(samples, Millis(seconds * 1000));
      bucket = kind == "bucket";
      rate = QuotaRate();
      tokens = QuotaTokens();
      now = kStart;
      continue;
    }
    std::int64_t step = 0;
    double value = 0;
    in >> step >> value;
    now += step;
    if (bucket) {
      bool strict = false, accepted = false;
      double left = 0;
      std::int64_t throttle = 0;
      in >> strict >> accepted >> left >> throttle;
      const bool allowed = !strict || tokens.left(limit, Millis(now), window) >= 0;
      ASSERT_EQ(allowed, accepted) << line;
      if (allowed) tokens.take(value, limit, Millis(now), window);
      ASSERT_DOUBLE_EQ(tokens.left(limit, Millis(now), window), left) << line;
      if (!strict || !allowed) {
        ASSERT_EQ(tokens.throttle(limit, Millis(now), window).value(), throttle) << line;
      }
    } else {
      double expected = 0;
      std::int64_t measured = 0, throttle = 0, bounded = 0;
      in >> expected >> measured >> throttle >> bounded;
      rate.record(value, Millis(now), window);
      ASSERT_DOUBLE_EQ(rate.per_second(Millis(now), window), expected) << line;
      ASSERT_EQ(rate.measured(Millis(now), window).value(), measured) << line;
      ASSERT_EQ(rate.throttle(limit, Millis(now), window).value(), throttle) << line;
      ASSERT_EQ(std::min(throttle, window.size.value()), bounded) << line;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 5 * 120 + 3 * 80);
}

image::QuotaEntity entity_of(const std::string& user, const std::string& client) {
  image::QuotaEntity entity;
  const auto add = [&](const char* type, const std::string& part) {
    if (part == "-") return;
    entity.parts[type] = part == "*" ? std::nullopt : std::optional<std::string>(part.substr(1));
  };
  add("user", user);
  add("client-id", client);
  return entity;
}

/// An image with these quotas for producing.
QuotaTablePtr table_of(const std::map<image::QuotaEntity, double>& quotas,
                       const std::string& key = "producer_byte_rate") {
  image::MetadataImage image;
  image::RecordList records(image.metadata_version());
  for (const auto& [entity, limit] : quotas) records.client_quota(entity, key, limit);
  image::MetadataDelta delta(image);
  for (const auto& record : records.records()) {
    const auto replayed = delta.replay(record);
    if (!replayed.ok()) ADD_FAILURE() << replayed.error().text();
  }
  return std::make_shared<const QuotaTable>(delta.publish(image::Provenance()));
}

TEST(QuotaTableTest, BindsClientsAsApacheDoes) {
  std::ifstream file("tests/golden/security/quota_entities.txt");
  ASSERT_TRUE(file.is_open());
  std::map<image::QuotaEntity, double> quotas;
  QuotaTablePtr table;
  int compared = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream in(line);
    std::string kind, user, client;
    in >> kind >> user >> client;
    if (kind == "table") {
      quotas.clear();
      table = nullptr;
    } else if (kind == "quota") {
      in >> quotas[entity_of(user, client)];
    } else if (kind == "query") {
      if (!table) table = table_of(quotas);
      std::string tag_user, tag_client, limit;
      in >> tag_user >> tag_client >> limit;
      const auto binding = table->binding(QuotaType::kProduce, {user, client.substr(1)});
      ++compared;
      ASSERT_EQ(tag_user == "disabled", !table->enabled(QuotaType::kProduce)) << line;
      ASSERT_EQ(binding.has_value(), tag_user != "disabled" && limit != "-") << line;
      if (!binding) continue;
      ASSERT_EQ("=" + binding->user, tag_user) << line;
      ASSERT_EQ("=" + binding->client_id, tag_client) << line;
      ASSERT_DOUBLE_EQ(binding->limit, std::stod(limit)) << line;
    }
  }
  EXPECT_EQ(compared, 60 * 12);
}

TEST(ClientQuotasTest, CountsNothingWithoutAQuota) {
  ClientQuotas quotas{QuotaWindow(), QuotaWindow()};
  EXPECT_FALSE(quotas.enabled(QuotaType::kProduce));
  EXPECT_EQ(quotas.record(QuotaType::kProduce, {"ann", "c1"}, 1e9, Millis(0)).throttle, Millis(0));
  quotas.show(table_of({{entity_of("=ann", "-"), 100}}));
  EXPECT_TRUE(quotas.enabled(QuotaType::kProduce));
  EXPECT_FALSE(quotas.enabled(QuotaType::kFetch));
  EXPECT_EQ(quotas.record(QuotaType::kProduce, {"bob", "c1"}, 1e9, Millis(0)).throttle, Millis(0));
  EXPECT_EQ(quotas.counters(), 0u);
}

TEST(ClientQuotasTest, ThrottlesUntilTheRateIsTheQuotaAgain) {
  ClientQuotas quotas{QuotaWindow(), QuotaWindow()};
  quotas.show(table_of({{entity_of("=ann", "-"), 100}}));
  // 1,000 in the least window of 10 s are the quota; the same again is 10 s too much.
  EXPECT_EQ(quotas.record(QuotaType::kProduce, {"ann", "a"}, 1000, Millis(0)).throttle, Millis(0));
  EXPECT_EQ(quotas.record(QuotaType::kProduce, {"ann", "b"}, 1000, Millis(0)).throttle,
            Millis(10'000));
  EXPECT_EQ(quotas.counters(), 1u);
  // Taken back, as a fetch that was refused.
  EXPECT_EQ(quotas.record(QuotaType::kProduce, {"ann", "b"}, -1000, Millis(0)).throttle, Millis(0));
}

TEST(ClientQuotasTest, BoundsThePauseForRequestTimeByOneWindow) {
  ClientQuotas quotas{QuotaWindow(), QuotaWindow()};
  quotas.show(table_of({{entity_of("*", "-"), 1}}, "request_percentage"));
  EXPECT_EQ(quotas.record(QuotaType::kRequest, {"ann", "a"}, 1e6, Millis(0)).throttle,
            Millis(1000));
}

TEST(ClientQuotasTest, SharesWhatOtherShardsCounted) {
  const auto table = table_of({{entity_of("-", "*"), 100}});
  ClientQuotas here{QuotaWindow(), QuotaWindow()}, there{QuotaWindow(), QuotaWindow()};
  here.show(table);
  there.show(table);
  auto outcome = here.record(QuotaType::kProduce, {"ann", "a"}, 1000, Millis(50));
  ASSERT_TRUE(outcome.use.has_value());
  there.replay(*outcome.use, Millis(50));
  EXPECT_EQ(there.record(QuotaType::kProduce, {"ann", "a"}, 1000, Millis(50)).throttle,
            Millis(10'000));
}

TEST(ClientQuotasTest, ForgetsWhoIsIdleAndTheOldestWhenThereAreTooMany) {
  ClientQuotas quotas{QuotaWindow(), QuotaWindow()};
  quotas.show(table_of({{entity_of("-", "*"), 100}}));
  quotas.record(QuotaType::kProduce, {"ann", "a"}, 1, Millis(0));
  quotas.record(QuotaType::kProduce, {"ann", "b"}, 1, Millis(1));
  quotas.record(QuotaType::kProduce, {"ann", "c"}, 1, Millis(3'600'000));
  EXPECT_EQ(quotas.counters(), 2u);
  const std::string tail(32'000, 'x');
  for (int i = 0; i < 2'000; ++i)
    quotas.record(QuotaType::kProduce, {"ann", std::to_string(i) + tail}, 1, Millis(3'600'001));
  EXPECT_LE(quotas.counters(), ClientQuotas::kBytesMax / tail.size());
  EXPECT_GT(quotas.counters(), 500u);
}

TEST(ClientQuotasTest, TakesMutationsStrictlyOrWithDebt) {
  ClientQuotas quotas{QuotaWindow(), QuotaWindow()};
  quotas.show(table_of({{entity_of("=ann", "-"), 1}}, "controller_mutation_rate"));
  Millis throttle{0};
  EXPECT_TRUE(quotas.take_strictly({"ann", "a"}, 20, Millis(0), throttle));
  EXPECT_EQ(throttle, Millis(0));
  EXPECT_FALSE(quotas.take_strictly({"ann", "a"}, 1, Millis(1000), throttle));
  EXPECT_EQ(throttle, Millis(8000));
  EXPECT_EQ(quotas.record(QuotaType::kControllerMutation, {"ann", "a"}, 2, Millis(1000)).throttle,
            Millis(10'000));
  EXPECT_TRUE(quotas.take_strictly({"bob", "a"}, 1000, Millis(1000), throttle));
}

}  // namespace
}  // namespace moldau::security
