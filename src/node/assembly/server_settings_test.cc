// SPDX-License-Identifier: Apache-2.0
#include "node/assembly/server_settings.h"

#include <gtest/gtest.h>

#include "machine/image/loader.h"
#include "machine/image/record_list.h"

namespace moldau::assembly {
namespace {

config::BrokerConfig config_with(std::initializer_list<std::pair<const char*, const char*>> keys) {
  config::PropertySet properties = config::default_single_node_properties();
  for (const auto& [key, value] : keys) properties[key] = {value, "test"};
  return config::load_broker_config(properties).value().config;
}

TEST(ServerSettingsTest, LimitsComeFromTheirKeys) {
  const net::ConnectionLimits limits = connection_limits_of(
      config_with({{"max.connections", "100"},
                   {"max.connections.per.ip", "10"},
                   {"max.connections.per.ip.overrides", "0:0:0:0:0:0:0:1:4, localhost:5"},
                   {"max.connection.creation.rate", "30"},
                   {"listener.name.controller.max.connections", "3"},
                   {"quota.window.num", "6"},
                   {"quota.window.size.seconds", "2"}}));
  EXPECT_EQ(limits.all.connections_max, 100U);
  EXPECT_EQ(limits.all.creations_per_second_max, 30U);
  EXPECT_EQ(limits.connections_per_ip_max, 10U);
  EXPECT_EQ(limits.connections_per_ip_overrides.at("::1"), 4U);
  EXPECT_EQ(limits.connections_per_ip_overrides.at("127.0.0.1"), 5U);
  EXPECT_EQ(limits.listeners.at("CONTROLLER").connections_max, 3U);
  EXPECT_EQ(limits.listeners.at("CONTROLLER").creations_per_second_max, 30U);
  EXPECT_EQ(limits.listeners.at("PLAINTEXT").connections_max, 100U);
  EXPECT_EQ(limits.creation_burst, Millis(10'000));
  EXPECT_EQ(limits.throttle_max, Millis(2'000));
}

std::uint64_t bytes_in_flight(std::initializer_list<std::pair<const char*, const char*>> keys,
                              std::uint64_t memory_bytes) {
  return server_options_of(config_with(keys), memory_bytes).bytes_in_flight_max;
}

TEST(ServerSettingsTest, BytesInFlightAreBoundedByTheSmallerKey) {
  EXPECT_EQ(bytes_in_flight({}, 128 << 20), 32U << 20);
  EXPECT_EQ(bytes_in_flight({}, std::uint64_t{64} << 30), 1U << 30);
  EXPECT_EQ(bytes_in_flight({{"moldau.memory.bytes", "1000000"}}, 1 << 30), 1'000'000U);
  EXPECT_EQ(bytes_in_flight({{"moldau.memory.bytes", "1000000"},
                             {"socket.request.max.bytes", "500000"},
                             {"queued.max.request.bytes", "500000"}},
                            1 << 30),
            500'000U);
  const config::BrokerConfig config =
      config_with({{"moldau.connection.queued.bytes.max", "70000"}});
  EXPECT_EQ(server_options_of(config, 1 << 30).queued_bytes_max, 70'000U);
}

TEST(ServerSettingsTest, ListenersKnowWhoComesToThem) {
  const net::SocketServerOptions options = server_options_of(config_with({}), 1 << 30);
  ASSERT_EQ(options.listeners.size(), 2U);
  EXPECT_TRUE(options.listeners[0].inter_broker);
  EXPECT_FALSE(options.listeners[0].controller);
  EXPECT_TRUE(options.listeners[1].controller);
}

TEST(ServerSettingsTest, RatesOfAddressesComeFromTheirQuotas) {
  image::RecordList records{image::MetadataVersion(image::MetadataVersion::kLatest)};
  image::QuotaEntity any;
  any.parts["ip"] = std::nullopt;
  image::QuotaEntity one;
  one.parts["ip"] = "0:0::1";
  image::QuotaEntity user;
  user.parts["user"] = "ann";
  records.client_quota(any, "connection_creation_rate", 20);
  records.client_quota(one, "connection_creation_rate", 3);
  records.client_quota(user, "producer_byte_rate", 5);
  const std::vector<image::MetadataRecord>& list = records.records();
  image::ImageLoader loader;
  ASSERT_TRUE(loader.replay(list, Offset(0), LeaderEpoch(0), Timestamp(0)).ok());
  const net::IpCreationRates rates = ip_creation_rates_of(*loader.publish()->image);
  EXPECT_EQ(rates.of_any, 20U);
  ASSERT_EQ(rates.of_one.size(), 1U);
  EXPECT_EQ(rates.of_one.at("::1"), 3U);
}

}  // namespace
}  // namespace moldau::assembly
