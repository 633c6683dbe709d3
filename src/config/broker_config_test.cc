// SPDX-License-Identifier: Apache-2.0
#include "config/broker_config.h"

#include <gtest/gtest.h>

#include <fstream>

namespace moldau::config {
namespace {

PropertySet base() {
  PropertySet set;
  for (const auto& [key, value] :
       ConfigMap{{"node.id", "1"},
                 {"process.roles", "broker,controller"},
                 {"listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"},
                 {"controller.listener.names", "CONTROLLER"},
                 {"controller.quorum.bootstrap.servers", "127.0.0.1:9093"},
                 {"log.dirs", "/d"}}) {
    set.emplace(key, Property{value, "f:1"});
  }
  return set;
}

PropertySet with(const ConfigMap& extra) {
  PropertySet set = base();
  for (const auto& [key, value] : extra) set.insert_or_assign(key, Property{value, "f:7"});
  return set;
}

LoadedBrokerConfig loaded(const ConfigMap& extra) {
  Result<LoadedBrokerConfig> result = load_broker_config(with(extra));
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().detail);
  return std::move(result).value();
}

std::string refused(const ConfigMap& extra) {
  Result<LoadedBrokerConfig> result = load_broker_config(with(extra));
  return result.ok() ? "accepted" : result.error().detail;
}

TEST(BrokerConfigTest, WithoutAFileANodeServesLoopback) {
  Result<LoadedBrokerConfig> result = load_broker_config(default_single_node_properties());
  ASSERT_TRUE(result.ok()) << result.error().detail;
  const BrokerConfig& config = result->config;
  EXPECT_TRUE(result->warnings.empty()) << result->warnings.front();
  EXPECT_EQ(config.node_id, NodeId(1));
  EXPECT_TRUE(config.is_broker);
  EXPECT_TRUE(config.is_controller);
  ASSERT_EQ(config.listeners.size(), 2U);
  EXPECT_EQ(config.listeners[0].text(), "PLAINTEXT://127.0.0.1:9092");
  EXPECT_EQ(config.listeners[1].text(), "CONTROLLER://127.0.0.1:9093");
  ASSERT_EQ(config.advertised_listeners.size(), 1U);
  EXPECT_EQ(config.advertised_listeners[0].name, "PLAINTEXT");
  ASSERT_EQ(config.advertised_controller_listeners.size(), 1U);
  EXPECT_EQ(config.inter_broker_listener_name, "PLAINTEXT");
  EXPECT_EQ(config.log_dirs, std::vector<std::string>{"./data"});
  EXPECT_EQ(config.metadata_log_dir, "./data");
  EXPECT_EQ(config.values.offsets_topic_replication_factor, 1);
  EXPECT_EQ(config.values.transaction_state_log_replication_factor, 1);
  EXPECT_EQ(config.values.transaction_state_log_min_isr, 1);
  EXPECT_EQ(config.values.share_coordinator_state_topic_replication_factor, 1);
  EXPECT_EQ(config.values.share_coordinator_state_topic_min_isr, 1);
  EXPECT_EQ(config.values.moldau_http_address, "127.0.0.1:9644");
  ASSERT_EQ(config.quorum_bootstrap_servers.size(), 1U);
  EXPECT_EQ(config.quorum_bootstrap_servers[0].text(), "127.0.0.1:9093");
}

TEST(BrokerConfigTest, WithAFileOnlyKafkasDefaultsApply) {
  BrokerConfig config = loaded({}).config;
  EXPECT_EQ(config.values.offsets_topic_replication_factor, 3);
  EXPECT_EQ(config.values.moldau_http_address, "");
  EXPECT_EQ(config.values.log_retention_hours, 168);
  EXPECT_EQ(config.values.log_retention_ms, std::nullopt);
  EXPECT_EQ(config.log_retention_ms, 604800000);
  EXPECT_EQ(config.values.socket_request_max_bytes, 104857600);
  EXPECT_EQ(config.values.broker_id, 1);
}

/// What Apache Kafka's own example file for one node sets.
TEST(BrokerConfigTest, TheUsualSingleNodeFileLoadsWithoutWarnings) {
  LoadedBrokerConfig result =
      loaded({{"listeners", "PLAINTEXT://:9092,CONTROLLER://:9093"},
              {"advertised.listeners", "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093"},
              {"inter.broker.listener.name", "PLAINTEXT"},
              {"listener.security.protocol.map",
               "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,"
               "SASL_SSL:SASL_SSL"},
              {"num.network.threads", "3"},
              {"num.io.threads", "8"},
              {"socket.send.buffer.bytes", "102400"},
              {"socket.receive.buffer.bytes", "102400"},
              {"socket.request.max.bytes", "104857600"},
              {"log.dirs", "/tmp/kraft-combined-logs"},
              {"num.partitions", "1"},
              {"num.recovery.threads.per.data.dir", "1"},
              {"offsets.topic.replication.factor", "1"},
              {"share.coordinator.state.topic.replication.factor", "1"},
              {"share.coordinator.state.topic.min.isr", "1"},
              {"transaction.state.log.replication.factor", "1"},
              {"transaction.state.log.min.isr", "1"},
              {"log.retention.hours", "168"},
              {"log.segment.bytes", "1073741824"},
              {"log.retention.check.interval.ms", "300000"}});
  EXPECT_TRUE(result.warnings.empty()) << result.warnings.front();
  EXPECT_EQ(result.config.advertised_listeners[0].text(), "PLAINTEXT://localhost:9092");
  EXPECT_EQ(result.config.advertised_controller_listeners[0].text(), "CONTROLLER://localhost:9093");
}

TEST(BrokerConfigTest, StartsExactlyWhereKafkaStarts) {
  std::ifstream in("src/config/testdata/starts.golden");
  ASSERT_TRUE(in.is_open());
  std::size_t cases = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("#")) continue;
    ConfigMap extra;
    for (std::string_view rest = std::string_view(line).substr(3);;) {
      std::size_t end = rest.find(';');
      std::string_view entry = rest.substr(0, end);
      std::size_t equals = entry.find('=');
      extra[std::string(entry.substr(0, equals))] = entry.substr(equals + 1);
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
    PropertySet set = base();
    for (const auto& [key, value] : extra) set.insert_or_assign(key, Property{value, "f:1"});
    Result<LoadedBrokerConfig> result = load_broker_config(set);
    EXPECT_EQ(result.ok(), line.starts_with("ok ")) << line << "\n"
                                                    << (result.ok() ? "" : result.error().detail);
    ++cases;
  }
  EXPECT_GT(cases, 180U);
}

TEST(BrokerConfigTest, BadValuesNameLineKeyValueAndWhatIsAllowed) {
  EXPECT_EQ(refused({{"num.partitions", "0"}}),
            "f:7: Invalid value 0 for configuration num.partitions: Value must be at least 1 "
            "(allowed: [1,...])");
  EXPECT_EQ(refused({{"compression.type", "brotli"}}),
            "f:7: Invalid value brotli for configuration compression.type: String must be one of: "
            "uncompressed, zstd, lz4, snappy, gzip, producer (allowed: [uncompressed, zstd, lz4, "
            "snappy, gzip, producer])");
  // All of them at once.
  std::string both = refused({{"num.partitions", "x"}, {"log.segment.bytes", "y"}});
  EXPECT_NE(both.find("num.partitions"), std::string::npos);
  EXPECT_NE(both.find("log.segment.bytes"), std::string::npos);
}

TEST(BrokerConfigTest, MissingKeysAreNamed) {
  PropertySet set = base();
  set.erase("process.roles");
  Result<LoadedBrokerConfig> result = load_broker_config(set);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().detail,
            "Missing required configuration \"process.roles\" which has no default value.");
}

TEST(BrokerConfigTest, BrokerIdStandsForNodeId) {
  PropertySet set = base();
  set.erase("node.id");
  set["broker.id"] = {"7", "f:1"};
  Result<LoadedBrokerConfig> result = load_broker_config(set);
  ASSERT_TRUE(result.ok()) << result.error().detail;
  EXPECT_EQ(result->config.node_id, NodeId(7));
}

TEST(BrokerConfigTest, TheAuthorizerIsKnownByItsName) {
  const std::string name = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
  EXPECT_FALSE(loaded({}).config.has_authorizer);
  LoadedBrokerConfig result = loaded({{"authorizer.class.name", name},
                                      {"super.users", " User:a ;; User:CN=b,O=c;"},
                                      {"allow.everyone.if.no.acl.found", " True "}});
  EXPECT_TRUE(result.config.has_authorizer);
  EXPECT_TRUE(result.config.allow_everyone_if_no_acl_found);
  EXPECT_EQ(result.config.super_users,
            (std::set<std::string, std::less<>>{"User:CN=b,O=c", "User:a"}));
  EXPECT_TRUE(result.warnings.empty());
  EXPECT_FALSE(loaded({{"authorizer.class.name", name}}).config.allow_everyone_if_no_acl_found);
  EXPECT_NE(refused({{"authorizer.class.name", "com.example.Own"}}).find(name), std::string::npos);
  EXPECT_NE(refused({{"authorizer.class.name", name}, {"super.users", "User:a;b"}}).find("b"),
            std::string::npos);
  // Who sets this believes that something is protected.
  result = loaded({{"super.users", "User:a"}});
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].find("authorizer.class.name is not set"), std::string::npos);
}

TEST(BrokerConfigTest, WhatIsNotBuiltIsRefused) {
  auto is_refused = [](const ConfigMap& extra) {
    return refused(extra).find("not") != std::string::npos;
  };
  EXPECT_TRUE(is_refused({{"authorizer.class.name", "org.apache.Authorizer"}}));
  EXPECT_TRUE(is_refused({{"ssl.keystore.location", "/x"}}));
  EXPECT_TRUE(is_refused({{"listener.name.plaintext.ssl.keystore.location", "/x"}}));
  EXPECT_TRUE(is_refused({{"sasl.enabled.mechanisms", "PLAIN"}}));
  EXPECT_TRUE(is_refused({{"remote.log.storage.system.enable", "true"}}));
  EXPECT_TRUE(is_refused({{"controller.quorum.voters", "1@h:1,2@g:1,3@f:1"}}));
  EXPECT_TRUE(is_refused({{"controller.quorum.bootstrap.servers", "h:1,g:1"}}));
  EXPECT_TRUE(is_refused({{"config.providers", "file"}}));
  EXPECT_TRUE(is_refused({{"listeners", "SSL://h:1,CONTROLLER://h:2"},
                          {"listener.security.protocol.map", "SSL:SSL,CONTROLLER:PLAINTEXT"},
                          {"inter.broker.listener.name", "SSL"}}));
  EXPECT_TRUE(is_refused({{"process.roles", "broker"}, {"listeners", "PLAINTEXT://h:1"}}));
  // The value of a secret is not told.
  EXPECT_EQ(refused({{"ssl.key.password", "hunter2"}}).find("hunter2"), std::string::npos);
  // A default that is spelled out asks for nothing.
  EXPECT_EQ(refused({{"sasl.enabled.mechanisms", "GSSAPI"}, {"ssl.client.auth", "none"}}),
            "accepted");
}

TEST(BrokerConfigTest, WarningsTellWhatHasNoEffect) {
  auto warning = [](const ConfigMap& extra) {
    LoadedBrokerConfig result = loaded(extra);
    return result.warnings.size() == 1 ? result.warnings[0] : std::string("none or many");
  };
  EXPECT_EQ(warning({{"num.io.threads", "16"}}),
            "f:7: num.io.threads=16 has no effect: the threads of the shards serve everything; "
            "moldau.shards sets their number");
  EXPECT_EQ(warning({{"log.retention.hour", "5"}}),
            "f:7: unknown configuration log.retention.hour; did you mean log.retention.hours?");
  EXPECT_EQ(warning({{"zookeeper.connect", "h:1"}}),
            "f:7: zookeeper.connect has no effect: Kafka 4 has removed it");
  EXPECT_EQ(warning({{"xyz", "1"}}), "f:7: unknown configuration xyz");
}

TEST(BrokerConfigTest, OverridesAreNamedAsTheOrigin) {
  PropertySet set = base();
  ASSERT_TRUE(apply_override(set, "num.partitions=none").ok());
  Result<LoadedBrokerConfig> result = load_broker_config(set);
  ASSERT_FALSE(result.ok());
  EXPECT_TRUE(result.error().detail.starts_with("--override: ")) << result.error().detail;
}

TEST(BrokerConfigTest, ListenersMayHaveLimitsOfTheirOwn) {
  BrokerConfig config = loaded({{"max.connections", "100"},
                                {"listener.name.plaintext.max.connections", "7"},
                                {"max.connections.per.ip.overrides", "10.0.0.1:3, ::1:4"}})
                            .config;
  EXPECT_EQ(config.listener_limits.at("PLAINTEXT").max_connections, 7);
  EXPECT_EQ(config.listener_limits.at("CONTROLLER").max_connections, 100);
  EXPECT_EQ(config.max_connections_per_ip_overrides.at("10.0.0.1"), 3);
  EXPECT_EQ(config.max_connections_per_ip_overrides.at("::1"), 4);
}

TEST(BrokerConfigTest, AListenerThatBindsAllIsAdvertisedByTheMachinesName) {
  BrokerConfig config =
      loaded({{"listeners", "PLAINTEXT://:9092,CONTROLLER://0.0.0.0:9093"}}).config;
  EXPECT_EQ(config.advertised_listeners[0].host, "");
  EXPECT_EQ(config.advertised_controller_listeners[0].host, "");
  EXPECT_EQ(config.listeners[1].host, "0.0.0.0");
}

BrokerConfigSources sources(const ConfigMap& of_all, const ConfigMap& of_one) {
  return {values_of(base()), of_all, of_one};
}

TEST(BrokerConfigTest, BadDynamicValuesAreLeftOutOneByOne) {
  Result<LoadedBrokerConfig> result = effective_broker_config(
      sources({{"log.segment.bytes", "x"}, {"max.connections", "5"}, {"num.partitions", "9"}},
              {{"max.connections.per.ip", "0"},
               {"message.max.bytes", "77"},
               {"listener.name.plaintext.ssl.keystore.location", "/x"}}));
  ASSERT_TRUE(result.ok()) << result.error().detail;
  EXPECT_EQ(result->config.values.log_segment_bytes, 1073741824);
  EXPECT_EQ(result->config.values.max_connections, 5);
  EXPECT_EQ(result->config.values.num_partitions, 1);
  EXPECT_EQ(result->config.values.max_connections_per_ip, INT32_MAX);
  EXPECT_EQ(result->config.values.message_max_bytes, 77);
  EXPECT_EQ(result->warnings.size(), 4U);
}

TEST(BrokerConfigTest, DynamicAssignmentIntervalsAreHeldWithinTheirBounds) {
  Result<LoadedBrokerConfig> result =
      effective_broker_config(sources({{"group.consumer.assignment.interval.ms", "99999"}}, {}));
  ASSERT_TRUE(result.ok()) << result.error().detail;
  EXPECT_EQ(result->config.values.group_consumer_assignment_interval_ms, 15000);
}

TEST(BrokerConfigTest, AWrongStaticConfigIsNotSaved) {
  BrokerConfigSources wrong = sources({{"max.connections", "5"}}, {});
  wrong.static_broker["num.partitions"] = "0";
  EXPECT_FALSE(effective_broker_config(wrong).ok());
}

TEST(BrokerConfigTest, SynonymsComeStrongestFirst) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(broker_key_synonyms("log.retention.hours", true),
            (Names{"log.retention.ms", "log.retention.minutes", "log.retention.hours"}));
  EXPECT_EQ(broker_key_synonyms("listener.name.x.ssl.key.password", true),
            (Names{"listener.name.x.ssl.key.password", "ssl.key.password"}));
  EXPECT_EQ(broker_key_synonyms("listener.name.x.plain.sasl.jaas.config", true),
            (Names{"listener.name.x.plain.sasl.jaas.config", "sasl.jaas.config"}));
  EXPECT_EQ(broker_key_synonyms("listener.name.x.ssl.key.password", false),
            Names{"listener.name.x.ssl.key.password"});
}

}  // namespace
}  // namespace moldau::config
