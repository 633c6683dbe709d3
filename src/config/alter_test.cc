// SPDX-License-Identifier: Apache-2.0
#include "config/alter.h"

#include <gtest/gtest.h>

namespace moldau::config {
namespace {

constexpr std::int8_t kSet = 0;
constexpr std::int8_t kDelete = 1;
constexpr std::int8_t kAppend = 2;
constexpr std::int8_t kSubtract = 3;

class AlterTest : public testing::Test {
 protected:
  AlterTest() {
    sources_.static_broker = values_of(default_single_node_properties());
    reload();
  }

  void reload() {
    Result<LoadedBrokerConfig> loaded = effective_broker_config(sources_);
    ASSERT_TRUE(loaded.ok()) << loaded.error().detail;
    broker_ = std::move(loaded->config);
  }

  AlterSubject subject(ConfigResourceType type, std::string_view name) {
    return {type, name, existing_, broker_, sources_, elr_};
  }

  static std::string text(const Result<std::vector<ConfigChange>>& result) {
    if (!result.ok()) return result.error().text();
    std::string out;
    for (const ConfigChange& c : *result) out += c.name + "=" + c.value.value_or("<delete>") + ";";
    return out;
  }

  std::string topic(const std::vector<AlterEntry>& entries) {
    return text(decide_incremental_alter(subject(ConfigResourceType::kTopic, "t"), entries));
  }

  /// The broker's check of one entry that sets `name` to `value` for broker 1, or for all.
  std::string broker(std::string name, std::string value, bool one = true) {
    return broker_sets({{std::move(name), kSet, std::move(value)}}, one);
  }
  /// The same of several; names the listeners that are to be bound.
  std::string broker_sets(const std::vector<AlterEntry>& entries, bool one = true) {
    Result<std::vector<Listener>> result =
        check_alter_request(subject(ConfigResourceType::kBroker, one ? "1" : ""), entries, true);
    if (!result.ok()) return result.error().text();
    std::string out = "ok";
    for (const Listener& listener : *result) out += " +" + listener.text();
    return out;
  }

  BrokerConfigSources sources_;
  BrokerConfig broker_;
  ConfigMap existing_;
  bool elr_ = false;
};

TEST_F(AlterTest, SetsAndDeletes) {
  existing_ = {{"retention.ms", "5"}, {"flush.ms", "6"}};
  EXPECT_EQ(topic({{"retention.ms", kSet, "7"}, {"flush.ms", kDelete, std::nullopt}}),
            "retention.ms=7;flush.ms=<delete>;");
}

TEST_F(AlterTest, UnchangedTopicConfigsNeedNoRecord) {
  existing_ = {{"retention.ms", "5"}};
  EXPECT_EQ(topic({{"retention.ms", kSet, "5"}, {"flush.ms", kDelete, std::nullopt}}), "");
}

// KAFKA-14136
TEST_F(AlterTest, UnchangedBrokerConfigsAreWrittenAgain) {
  existing_ = {{"max.connections", "5"}};
  EXPECT_EQ(text(decide_incremental_alter(subject(ConfigResourceType::kBroker, "1"),
                                          {{"max.connections", kSet, "5"}})),
            "max.connections=5;");
}

TEST_F(AlterTest, AppendsToAndSubtractsFromLists) {
  EXPECT_EQ(topic({{"cleanup.policy", kAppend, "compact"}}), "cleanup.policy=delete,compact;");
  EXPECT_EQ(topic({{"cleanup.policy", kAppend, "delete"}}), "cleanup.policy=delete;");
  EXPECT_EQ(topic({{"cleanup.policy", kSubtract, "delete"}}), "cleanup.policy=;");
  existing_ = {{"cleanup.policy", "compact,delete"}};
  EXPECT_EQ(topic({{"cleanup.policy", kSubtract, "compact,nothing"}}), "cleanup.policy=delete;");
  EXPECT_EQ(topic({{"retention.ms", kAppend, "1"}}),
            "INVALID_CONFIG: Can't APPEND to key retention.ms because its type is not LIST.");
  EXPECT_EQ(topic({{"no.such.key", kSubtract, "1"}}),
            "INVALID_CONFIG: Can't SUBTRACT to key no.such.key because its type is not LIST.");
}

TEST_F(AlterTest, RefusesTheWholeIfOnePartIsWrong) {
  EXPECT_EQ(topic({{"retention.ms", kSet, "7"}, {"bogus", kSet, "1"}}),
            "INVALID_CONFIG: Unknown topic config name: bogus");
  EXPECT_EQ(topic({{"segment.bytes", kSet, "big"}}),
            "INVALID_CONFIG: Invalid value big for configuration segment.bytes: Not a number of "
            "type INT");
  EXPECT_EQ(topic({{"segment.bytes", 9, "1"}}), "INVALID_REQUEST: Unknown operations type 9");
  EXPECT_EQ(topic({{"segment.bytes", kSet, std::nullopt}}),
            "INVALID_REQUEST: Null value not supported for : segment.bytes");
  EXPECT_EQ(topic({{"leader.replication.throttled.replicas", kSet,
                    std::string(kConfigValueBytesMax + 1, '1')}})
                .substr(0, 15),
            "INVALID_CONFIG:");
}

TEST_F(AlterTest, ExistingConfigsAreJudgedTogetherWithNewOnes) {
  existing_ = {{"min.compaction.lag.ms", "100"}};
  EXPECT_NE(topic({{"max.compaction.lag.ms", kSet, "50"}}).find("INVALID_CONFIG"),
            std::string::npos);
}

TEST_F(AlterTest, RemoteStorageIsRefused) {
  EXPECT_NE(topic({{"remote.storage.enable", kSet, "true"}}).find("Tiered Storage"),
            std::string::npos);
  EXPECT_EQ(topic({{"remote.storage.enable", kSet, "false"}}), "remote.storage.enable=false;");
}

TEST_F(AlterTest, LegacyAlterReplacesEverything) {
  existing_ = {{"retention.ms", "5"}, {"flush.ms", "6"}};
  EXPECT_EQ(text(decide_legacy_alter(subject(ConfigResourceType::kTopic, "t"),
                                     {{"retention.ms", kSet, "5"}, {"segment.ms", kSet, "9"}})),
            "segment.ms=9;flush.ms=<delete>;");
}

TEST_F(AlterTest, ChecksTheShapeOfRequests) {
  auto check = [&](const std::vector<AlterEntry>& entries) {
    const auto r = check_alter_request(subject(ConfigResourceType::kTopic, "t"), entries, true);
    return r.ok() ? "ok" : r.error().text();
  };
  EXPECT_EQ(check({{"a", kSet, "1"}, {"a", kSet, "2"}}),
            "INVALID_REQUEST: Error due to duplicate config keys");
  EXPECT_EQ(check({{"a", kSet, std::nullopt}, {"b", kAppend, std::nullopt}}),
            "INVALID_REQUEST: Null value not supported for : a, b");
  EXPECT_EQ(check({{"a", kDelete, std::nullopt}}), "ok");
}

TEST_F(AlterTest, BrokersCheckTheirOwnName) {
  auto check = [&](std::string_view name) {
    const auto r = check_alter_request(subject(ConfigResourceType::kBroker, name), {}, true);
    return r.ok() ? "ok" : r.error().text();
  };
  EXPECT_EQ(check("1"), "ok");
  EXPECT_EQ(check(""), "ok");
  EXPECT_EQ(check("2"), "INVALID_REQUEST: Unexpected broker id, expected 1, but received 2");
  EXPECT_EQ(check("x"), "INVALID_REQUEST: Node id must be an integer, but it is: x");
}

// KIP-226
TEST_F(AlterTest, OnlyDynamicBrokerConfigsChange) {
  EXPECT_EQ(broker("num.partitions", "3"),
            "INVALID_REQUEST: Cannot update these configs dynamically: [num.partitions]");
  EXPECT_EQ(broker("moldau.shards", "3"),
            "INVALID_REQUEST: Cannot update these configs dynamically: [moldau.shards]");
  EXPECT_EQ(broker("ssl.keystore.location", "/x"),
            "INVALID_REQUEST: These security configs can be dynamically updated only per-listener "
            "using the listener prefix: [ssl.keystore.location]");
  EXPECT_EQ(broker("cordoned.log.dirs", "./data", false),
            "INVALID_REQUEST: Cannot update these configs at default cluster level, broker id "
            "must be specified: [cordoned.log.dirs]");
  EXPECT_EQ(broker("cordoned.log.dirs", "./data"), "ok");
  EXPECT_EQ(broker("log.segment.bytes", "1"),
            "INVALID_REQUEST: Invalid value 1 for configuration log.segment.bytes: Value must be "
            "at least 1048576");
  EXPECT_EQ(broker("log.segment.bytes", "1048576", false), "ok");
  EXPECT_EQ(broker("listener.name.plaintext.max.connections", "9", false), "ok");
  EXPECT_NE(broker("group.consumer.assignment.interval.ms", "99999"), "ok");
  EXPECT_EQ(broker("no.such.key", "1"), "ok");
}

TEST_F(AlterTest, WhatIsNotBuiltIsRefusedDynamicallyToo) {
  EXPECT_NE(broker("listener.name.plaintext.ssl.keystore.location", "/x"), "ok");
  EXPECT_NE(broker("sasl.enabled.mechanisms", "PLAIN"), "ok");
  EXPECT_NE(broker("config.providers", "file"), "ok");
}

TEST_F(AlterTest, ThreadCountsChangeInSteps) {
  EXPECT_EQ(broker("num.io.threads", "16"), "ok");
  EXPECT_EQ(broker("num.io.threads", "4"), "ok");
  EXPECT_EQ(broker("num.io.threads", "17"),
            "INVALID_REQUEST: Dynamic thread count update validation failed for num.io.threads=17, "
            "value should not be greater than double the current value 8");
  EXPECT_EQ(broker("num.io.threads", "3"),
            "INVALID_REQUEST: Dynamic thread count update validation failed for num.io.threads=3, "
            "value should be at least half the current value 8");
}

TEST_F(AlterTest, LimitsOfConnectionsChangeToSomethingUseful) {
  EXPECT_EQ(broker("max.connections", "1"), "ok");
  EXPECT_EQ(broker("max.connections", "0"), "INVALID_REQUEST: Invalid max.connections 0");
  EXPECT_EQ(broker("listener.name.plaintext.max.connections", "0"),
            "INVALID_REQUEST: Invalid max.connections 0");
  EXPECT_EQ(broker("max.connection.creation.rate", "0", false),
            "INVALID_REQUEST: Invalid max.connection.creation.rate 0");
  EXPECT_EQ(broker("max.connections", "-1"),
            "INVALID_REQUEST: Invalid value -1 for configuration max.connections: Value must be at "
            "least 0");
  EXPECT_EQ(broker("max.connections.per.ip.overrides", "10.0.0.1:5"), "ok");
  EXPECT_NE(broker("max.connections.per.ip.overrides", "example.org:5"), "ok");
}

// KIP-226
TEST_F(AlterTest, ListenersAreAddedAndRemovedByName) {
  const std::string both = "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093";
  const std::string map = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,extra:PLAINTEXT";
  const std::string three = both + ",EXTRA://127.0.0.1:9099";
  EXPECT_EQ(broker("listeners", both), "ok");
  EXPECT_EQ(broker("listeners", three),
            "INVALID_REQUEST: dynamic broker config: No security protocol defined for listener "
            "EXTRA of listeners; add it to listener.security.protocol.map");
  const std::vector<AlterEntry> entries = {{"listener.security.protocol.map", kSet, map},
                                           {"listeners", kSet, three}};
  EXPECT_EQ(broker_sets(entries), "ok +EXTRA://127.0.0.1:9099");
  EXPECT_EQ(broker_sets(entries, false),
            "INVALID_REQUEST: Cannot update these configs at default cluster level, broker id must "
            "be specified: [listener.security.protocol.map, listeners]");
  sources_.dynamic_broker = {{"listener.security.protocol.map", map}, {"listeners", three}};
  existing_ = sources_.dynamic_broker;
  reload();
  EXPECT_EQ(broker("listeners", both), "ok");
  EXPECT_EQ(broker("listeners", both + ",EXTRA://127.0.0.1:9098"), "ok");  // it stays
}

TEST_F(AlterTest, ListenersThatTheNodeNeedsAreNotRemoved) {
  EXPECT_EQ(broker("listeners", "CONTROLLER://127.0.0.1:9093").rfind("INVALID_REQUEST", 0), 0U);
  EXPECT_EQ(broker("listeners", "PLAINTEXT://127.0.0.1:9092").rfind("INVALID_REQUEST", 0), 0U);
  EXPECT_EQ(broker("listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9092")
                .rfind("INVALID_REQUEST", 0),
            0U);
  EXPECT_EQ(broker("listener.security.protocol.map", "CONTROLLER:PLAINTEXT,PLAINTEXT:SSL")
                .rfind("INVALID_REQUEST", 0),
            0U);
  EXPECT_EQ(broker("advertised.listeners", "PLAINTEXT://127.0.0.1:9092"),
            "INVALID_REQUEST: Cannot update these configs dynamically: [advertised.listeners]");
}

TEST_F(AlterTest, ConfigsOfAListenerThatStaysDoNotChangeWithTheOthers) {
  const AlterEntry own = {"listener.name.plaintext.connections.max.idle.ms", kSet, "5000"};
  EXPECT_EQ(broker_sets({own}), "ok");
  EXPECT_EQ(broker_sets({own, {"max.connections", kSet, "9"}}),
            "INVALID_REQUEST: Configs cannot be updated dynamically for existing listener "
            "PLAINTEXT, restart broker or create a new listener for update");
  EXPECT_EQ(broker_sets({{"listener.name.plaintext.max.connections", kSet, "5"},
                         {"max.connections", kSet, "9"}}),
            "ok");
}

// KIP-966
TEST_F(AlterTest, MinIsrStaysClusterWideWithElr) {
  elr_ = true;
  auto change = [&](std::string_view name, std::int8_t op) {
    return text(decide_incremental_alter(subject(ConfigResourceType::kBroker, name),
                                         {{"min.insync.replicas", op, "2"}}));
  };
  EXPECT_NE(change("1", kSet).find("Broker-level min.insync.replicas"), std::string::npos);
  EXPECT_NE(change("", kDelete).find("Cluster-level min.insync.replicas"), std::string::npos);
  EXPECT_EQ(change("", kSet), "min.insync.replicas=2;");
}

TEST_F(AlterTest, GroupsStayWithinTheBrokersLimits) {
  auto group = [&](std::string name, std::string value) {
    return text(decide_incremental_alter(subject(ConfigResourceType::kGroup, "g"),
                                         {{std::move(name), kSet, std::move(value)}}));
  };
  EXPECT_EQ(group("consumer.session.timeout.ms", "50000"), "consumer.session.timeout.ms=50000;");
  EXPECT_EQ(group("consumer.session.timeout.ms", "60001"),
            "INVALID_CONFIG: consumer.session.timeout.ms must be less than or equal to "
            "group.consumer.max.session.timeout.ms");
  EXPECT_EQ(group("share.record.lock.duration.ms", "1000"),
            "INVALID_CONFIG: share.record.lock.duration.ms must be greater than or equal to "
            "group.share.min.record.lock.duration.ms");
  EXPECT_EQ(group("foo", "1"), "INVALID_CONFIG: Unknown group config name: foo");
}

// KIP-714
TEST_F(AlterTest, ChecksClientMetricsSubscriptions) {
  auto metrics = [&](std::string name, std::string value) {
    return text(decide_incremental_alter(subject(ConfigResourceType::kClientMetrics, "s"),
                                         {{std::move(name), kSet, std::move(value)}}));
  };
  EXPECT_EQ(metrics("interval.ms", "100"), "interval.ms=100;");
  EXPECT_EQ(metrics("interval.ms", "99").substr(0, 16), "INVALID_REQUEST:");
  EXPECT_EQ(metrics("match", "client_id=a.*,client_source_port=9"),
            "match=client_id=a.*,client_source_port=9;");
  EXPECT_EQ(metrics("match", "client=a"),
            "INVALID_CONFIG: Illegal client matching pattern: client=a");
  EXPECT_EQ(metrics("foo", "1"), "INVALID_REQUEST: Unknown client metrics configuration: foo");
}

TEST_F(AlterTest, NothingGrowsWithoutLimit) {
  std::vector<AlterEntry> many;
  for (std::size_t i = 0; i <= kConfigsPerResourceMax; ++i) {
    many.push_back({"unknown." + std::to_string(i), kSet, "1"});
  }
  auto change = [&](const std::vector<AlterEntry>& entries) {
    return text(decide_incremental_alter(subject(ConfigResourceType::kBroker, "1"), entries));
  };
  EXPECT_EQ(change(many), "INVALID_REQUEST: A resource has at most 2000 configs.");
  many.pop_back();
  EXPECT_NE(change(many).substr(0, 7), "INVALID");
  EXPECT_EQ(change({{std::string(2000, 'n'), kSet, "1"}}),
            "INVALID_REQUEST: A config name has 1 to 1024 bytes.");
  EXPECT_EQ(change({{"", kSet, "1"}}), "INVALID_REQUEST: A config name has 1 to 1024 bytes.");
}

TEST_F(AlterTest, ResourcesNeedNames) {
  auto empty = [&](ConfigResourceType type) {
    return text(decide_incremental_alter(subject(type, ""), {}));
  };
  EXPECT_EQ(empty(ConfigResourceType::kTopic),
            "INVALID_REQUEST: Default topic resources are not allowed.");
  EXPECT_EQ(empty(ConfigResourceType::kGroup),
            "INVALID_REQUEST: Default group resources are not allowed.");
  EXPECT_EQ(empty(ConfigResourceType::kClientMetrics),
            "INVALID_REQUEST: Subscription name can't be empty");
  EXPECT_EQ(empty(ConfigResourceType::kBroker), "");
  EXPECT_EQ(text(decide_incremental_alter(subject(ConfigResourceType::kBroker, "-1"), {})),
            "INVALID_REQUEST: Invalid negative broker ID.");
}

}  // namespace
}  // namespace moldau::config
