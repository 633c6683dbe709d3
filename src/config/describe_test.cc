// SPDX-License-Identifier: Apache-2.0
#include "config/describe.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace moldau::config {
namespace {

const char kGolden[] = "src/config/testdata/describe.golden";

ConfigMap minimal() {
  return {{"node.id", "1"},
          {"process.roles", "broker,controller"},
          {"listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"},
          {"controller.listener.names", "CONTROLLER"},
          {"controller.quorum.bootstrap.servers", "127.0.0.1:9093"},
          {"log.dirs", "/d"}};
}

BrokerConfigSources plain() {
  return {minimal(), {}, {}};
}

/// Every kind of source at once, as the golden file was made with.
BrokerConfigSources rich() {
  BrokerConfigSources out = plain();
  for (const auto& [key, value] : ConfigMap{{"log.retention.hours", "24"},
                                            {"log.roll.ms", "1000"},
                                            {"log.segment.bytes", " 2097152 "},
                                            {"log.flush.scheduler.interval.ms", "55"},
                                            {"foo.bar", "baz"},
                                            {"listener.name.plaintext.max.connections", "7"},
                                            {"log.initial.task.delay.ms", "5"},
                                            {"group.consumer.session.timeout.ms", "50000"},
                                            {"log.cleanup.policy", "compact, delete"}}) {
    out.static_broker.emplace(key, value);
  }
  out.dynamic_default = {{"log.retention.ms", "5000"},
                         {"min.insync.replicas", "2"},
                         {"log.cleaner.threads", "2"},
                         {"group.consumer.assignment.interval.ms", "2000"},
                         {"listener.name.plaintext.max.connections", "9"}};
  out.dynamic_broker = {{"min.insync.replicas", "3"},
                        {"log.cleaner.io.max.bytes.per.second", "5000000"},
                        {"max.connections", "77"},
                        {"leader.replication.throttled.rate", "12345"}};
  return out;
}

BrokerConfig effective(const BrokerConfigSources& sources) {
  Result<LoadedBrokerConfig> loaded = effective_broker_config(sources);
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().detail);
  return loaded.value().config;
}

std::string text_of(const std::vector<ConfigEntry>& entries) {
  std::ostringstream out;
  auto shown = [](const std::optional<std::string>& value) { return value.value_or("<null>"); };
  for (const ConfigEntry& e : entries) {
    if (e.name.starts_with("moldau.")) continue;
    out << e.name << '=' << shown(e.value) << " source=" << static_cast<int>(e.source)
        << " ro=" << (e.read_only ? "true" : "false")
        << " sens=" << (e.sensitive ? "true" : "false") << " type=" << static_cast<int>(e.type);
    for (const ConfigSynonym& s : e.synonyms) {
      out << " | " << static_cast<int>(s.source) << ':' << s.name << '=' << shown(s.value);
    }
    out << '\n';
  }
  return out.str();
}

/// The lines of one case of the golden file.
std::string golden(const std::string& name) {
  std::ifstream in(kGolden);
  EXPECT_TRUE(in.is_open()) << kGolden;
  std::string out;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("case ")) {
      inside = line.starts_with("case " + name + " ");
    } else if (inside) {
      out += line + "\n";
    }
  }
  EXPECT_FALSE(out.empty()) << name;
  return out;
}

const ConfigMap kTopic = {{"retention.ms", "1000"},
                          {"segment.bytes", "1048576"},
                          {"cleanup.policy", "compact , delete"},
                          {"min.insync.replicas", "1"},
                          {"internal.segment.bytes", "99999999"},
                          {"compression.type", "zstd"}};
const ConfigMap kGroup = {{"consumer.session.timeout.ms", "47000"},
                          {"share.auto.offset.reset", "earliest"}};
const ConfigMap kSubscription = {{"interval.ms", "1000"}, {"metrics", "a,b"}};

TEST(DescribeTest, TopicsAreDescribedAsKafkaDoes) {
  EXPECT_EQ(text_of(describe_topic(effective(plain()), plain(), {})), golden("topic-plain"));
  EXPECT_EQ(text_of(describe_topic(effective(rich()), rich(), kTopic)), golden("topic-all"));
}

TEST(DescribeTest, BrokersAreDescribedAsKafkaDoes) {
  EXPECT_EQ(text_of(describe_broker(effective(plain()), plain())), golden("broker-plain"));
  EXPECT_EQ(text_of(describe_broker(effective(rich()), rich())), golden("broker-all"));
  EXPECT_EQ(text_of(describe_broker_defaults(rich())), golden("broker-defaults"));
}

TEST(DescribeTest, GroupsAndSubscriptionsAreDescribedAsKafkaDoes) {
  EXPECT_EQ(text_of(describe_group(effective(plain()), plain(), {})), golden("group-plain"));
  EXPECT_EQ(text_of(describe_group(effective(rich()), rich(), kGroup)), golden("group-all"));
  EXPECT_EQ(text_of(describe_client_metrics(kSubscription)), golden("metrics-all"));
  EXPECT_EQ(text_of(describe_client_metrics({})), golden("metrics-none"));
}

TEST(DescribeTest, EveryKeyHasADocumentation) {
  for (const ConfigEntry& entry : describe_broker(effective(plain()), plain())) {
    EXPECT_FALSE(entry.documentation.empty()) << entry.name;
    EXPECT_EQ(entry.documentation.back(), '.') << entry.name;
  }
}

TEST(DescribeTest, CreatedTopicsTellTheirEffectiveConfigs) {
  std::string text = text_of(describe_created_topic(rich(), {{"retention.bytes", "5"}}));
  EXPECT_NE(text.find("retention.bytes=5 source=1 "), std::string::npos) << text;
  EXPECT_NE(text.find("retention.ms=5000 source=3 "), std::string::npos) << text;
  EXPECT_NE(text.find("min.insync.replicas=3 source=2 "), std::string::npos) << text;
  EXPECT_NE(text.find("segment.ms=1000 source=4 "), std::string::npos) << text;
  EXPECT_NE(text.find("flush.ms=55 source=4 "), std::string::npos) << text;
  BrokerConfigSources hours = plain();
  hours.static_broker["log.retention.hours"] = "2";
  text = text_of(describe_created_topic(hours, {}));
  EXPECT_NE(text.find("retention.ms=7200000 source=4 "), std::string::npos) << text;
  EXPECT_NE(text.find("segment.ms=604800000 source=5 "), std::string::npos) << text;
}

TEST(DescribeTest, PasswordsAreHidden) {
  EXPECT_TRUE(is_sensitive(ConfigResourceType::kBroker, "ssl.key.password"));
  EXPECT_TRUE(is_sensitive(ConfigResourceType::kBroker, "listener.name.x.ssl.key.password"));
  EXPECT_TRUE(is_sensitive(ConfigResourceType::kBroker, "never.heard.of"));
  EXPECT_FALSE(is_sensitive(ConfigResourceType::kBroker, "num.partitions"));
  EXPECT_FALSE(is_sensitive(ConfigResourceType::kTopic, "retention.ms"));
  EXPECT_TRUE(is_sensitive(ConfigResourceType::kTopic, "num.partitions"));
}

}  // namespace
}  // namespace moldau::config
