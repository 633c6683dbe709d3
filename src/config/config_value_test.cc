// SPDX-License-Identifier: Apache-2.0
#include "config/config_value.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <set>

#include "config/field.h"

namespace moldau::config {
namespace {

/// What a text becomes, printed, or why it is refused.
std::string tried(const ConfigSchema& schema, std::string_view name, std::string_view text) {
  const ConfigKey* key = schema.find(name);
  if (key == nullptr) return "no such key";
  Result<ConfigValue> value = parse_value(*key, text);
  if (!value.ok()) return "! " + value.error().detail;
  return value_text(*value).value_or("null");
}

std::string broker(std::string_view name, std::string_view text) {
  return tried(broker_schema(), name, text);
}

TEST(ConfigValueTest, ParsesJavasNumbers) {
  EXPECT_EQ(broker("num.partitions", " 12 "), "12");
  EXPECT_EQ(broker("num.partitions", "+12"), "12");
  EXPECT_EQ(
      broker("num.partitions", "2147483648"),
      "! Invalid value 2147483648 for configuration num.partitions: Not a number of type INT");
  EXPECT_EQ(broker("num.partitions", "1.5"),
            "! Invalid value 1.5 for configuration num.partitions: Not a number of type INT");
  EXPECT_EQ(broker("num.partitions", ""),
            "! Invalid value  for configuration num.partitions: Not a number of type INT");
  EXPECT_EQ(broker("num.partitions", "+-1"),
            "! Invalid value +-1 for configuration num.partitions: Not a number of type INT");
  EXPECT_EQ(broker("offsets.topic.replication.factor", "32768"),
            "! Invalid value 32768 for configuration offsets.topic.replication.factor: Not a "
            "number of type SHORT");
  EXPECT_EQ(broker("log.retention.bytes", "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(broker("log.cleaner.io.max.bytes.per.second", "5000000"), "5000000.0");
  EXPECT_EQ(broker("log.cleaner.io.max.bytes.per.second", "1e400"), "Infinity");
  EXPECT_EQ(broker("log.cleaner.io.max.bytes.per.second", ".5f"), "0.5");
}

TEST(ConfigValueTest, ParsesBooleansInAnyCase) {
  EXPECT_EQ(broker("auto.create.topics.enable", " TRUE"), "true");
  EXPECT_EQ(broker("auto.create.topics.enable", "False"), "false");
  EXPECT_EQ(broker("auto.create.topics.enable", "yes"),
            "! Invalid value yes for configuration auto.create.topics.enable: Expected value to "
            "be either true or false");
}

TEST(ConfigValueTest, ParsesListsByTheirRules) {
  EXPECT_EQ(broker("log.dirs", " /a , /b,/a "), "/a,/b");
  EXPECT_EQ(broker("log.dirs", ""), "! Configuration 'log.dirs' must not be empty.");
  EXPECT_EQ(broker("log.dirs", "/a,"), "! Configuration 'log.dirs' values must not be empty.");
  EXPECT_EQ(broker("process.roles", "broker,worker"),
            "! Invalid value worker for configuration process.roles: String must be one of: "
            "broker, controller");
  EXPECT_EQ(broker("log.cleanup.policy", ""), "");
  EXPECT_EQ(broker("controller.quorum.voters", "1@host:9093,2@[::1]:1"), "1@host:9093,2@[::1]:1");
  EXPECT_NE(broker("controller.quorum.voters", "1@host").find("id@host:port"), std::string::npos);
}

TEST(ConfigValueTest, ChecksRangesAndNames) {
  EXPECT_EQ(broker("compression.lz4.level", "18"),
            "! Invalid value 18 for configuration compression.lz4.level: Value must be no more "
            "than 17");
  EXPECT_EQ(broker("compression.lz4.level", "0"),
            "! Invalid value 0 for configuration compression.lz4.level: Value must be at least 1");
  EXPECT_EQ(broker("log.cleaner.min.cleanable.ratio", "1.5"),
            "! Invalid value 1.5 for configuration log.cleaner.min.cleanable.ratio: Value must be "
            "no more than 1");
  EXPECT_EQ(broker("compression.gzip.level", "-1"), "-1");
  EXPECT_NE(broker("compression.gzip.level", "0")[0], '0');
  EXPECT_EQ(broker("compression.type", "GZIP").substr(0, 1), "!");
  EXPECT_EQ(broker("group.consumer.migration.policy", "Upgrade"), "Upgrade");
  EXPECT_EQ(broker("remote.log.storage.manager.impl.prefix", "").substr(0, 1), "!");
}

TEST(ConfigValueTest, ChecksThrottledReplicas) {
  auto topic = [](std::string_view text) {
    return tried(topic_schema(), "leader.replication.throttled.replicas", text)[0];
  };
  EXPECT_NE(topic("0:1,1:2"), '!');
  EXPECT_NE(topic("*"), '!');
  EXPECT_EQ(topic("*,0:1"), '!');
  EXPECT_EQ(topic("0:"), '!');
  EXPECT_EQ(topic("a:1"), '!');
}

// KIP-932, KIP-1103
TEST(ConfigValueTest, ChecksOffsetResetStrategies) {
  auto group = [](std::string_view text) {
    return tried(group_schema(), "share.auto.offset.reset", text)[0] != '!';
  };
  EXPECT_TRUE(group("latest"));
  EXPECT_TRUE(group("earliest"));
  EXPECT_TRUE(group("by_duration:P1DT2H3M4.5S"));
  EXPECT_TRUE(group("by_duration:pt0s"));
  EXPECT_FALSE(group("none"));
  EXPECT_FALSE(group("by_duration:"));
  EXPECT_FALSE(group("by_duration:P"));
  EXPECT_FALSE(group("by_duration:PT"));
  EXPECT_FALSE(group("by_duration:-PT1S"));
  EXPECT_FALSE(group("by_duration:PT1S1H"));
}

TEST(ConfigValueTest, NeverShowsPasswords) {
  ConfigKey key{.name = "p", .type = ConfigType::kPassword, .nonempty = true};
  Result<ConfigValue> value = parse_value(key, "");
  ASSERT_FALSE(value.ok());
  EXPECT_NE(value.error().detail.find("[hidden]"), std::string::npos);
}

TEST(ConfigValueTest, PrintsDoublesAsJavaDoes) {
  EXPECT_EQ(double_text(0.0), "0.0");
  EXPECT_EQ(double_text(-0.0), "-0.0");
  EXPECT_EQ(double_text(0.5), "0.5");
  EXPECT_EQ(double_text(0.001), "0.001");
  EXPECT_EQ(double_text(0.0001), "1.0E-4");
  EXPECT_EQ(double_text(9999999.0), "9999999.0");
  EXPECT_EQ(double_text(10000000.0), "1.0E7");
  EXPECT_EQ(double_text(1234567.875), "1234567.875");
  EXPECT_EQ(double_text(2147483647.0), "2.147483647E9");
  EXPECT_EQ(double_text(std::numeric_limits<double>::max()), "1.7976931348623157E308");
  EXPECT_EQ(double_text(-123.0), "-123.0");
}

/// Every default is good for its own key, and reads back from what it prints.
TEST(ConfigValueTest, EveryDefaultIsValid) {
  for (const ConfigSchema* schema : {&broker_schema(), &topic_schema(), &group_schema(),
                                     &client_metrics_schema(), &quota_schema()}) {
    for (const ConfigKey& key : schema->keys()) {
      if (!key.default_value) continue;
      Result<ConfigValue> value = parse_value(key, *key.default_value);
      ASSERT_TRUE(value.ok()) << key.name << ": " << value.error().detail;
      EXPECT_EQ(*value, default_value(key)) << key.name;
      Result<ConfigValue> again = parse_value(key, *value_text(*value));
      ASSERT_TRUE(again.ok()) << key.name;
      EXPECT_EQ(*again, *value) << key.name;
    }
  }
}

/// The file writes tabs, line ends and backslashes as escapes.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
    } else {
      ++i;
      out += text[i] == 't' ? '\t' : text[i] == 'n' ? '\n' : '\\';
    }
  }
  return out;
}

TEST(ConfigValueTest, AcceptsExactlyTheTextsThatKafkaAccepts) {
  std::ifstream in("src/config/testdata/values.golden");
  ASSERT_TRUE(in.is_open());
  std::vector<std::string> texts;
  std::size_t keys = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("#")) continue;
    if (line.starts_with("text ")) {
      texts.push_back(unescaped(std::string_view(line).substr(5)));
      continue;
    }
    std::size_t first = line.find(' ');
    std::size_t second = line.find(' ', first + 1);
    std::string scope = line.substr(0, first);
    std::string name = line.substr(first + 1, second - first - 1);
    const ConfigSchema& schema = scope == "broker"  ? broker_schema()
                                 : scope == "topic" ? topic_schema()
                                 : scope == "group" ? group_schema()
                                                    : client_metrics_schema();
    const ConfigKey* key = schema.find(name);
    ASSERT_NE(key, nullptr) << line;
    std::string accepted;
    for (const std::string& text : texts) accepted += parse_value(*key, text).ok() ? '1' : '0';
    EXPECT_EQ(accepted, line.substr(second + 1)) << scope << " " << name;
    ++keys;
  }
  EXPECT_GT(keys, 350U);
}

TEST(ConfigValueTest, TheTablesAreSortedAndComplete) {
  EXPECT_EQ(topic_schema().keys().size(), 34U);
  EXPECT_EQ(group_schema().keys().size(), 17U);
  std::size_t kafkas = 0;
  std::set<std::string_view> names;
  for (const ConfigKey& key : broker_schema().keys()) {
    kafkas += key.name.starts_with("moldau.") || key.dynamic_only ? 0 : 1;
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_EQ(broker_schema().find(key.name), &key);
    EXPECT_EQ(key.status == KeyStatus::kHonoured, key.reason.empty()) << key.name;
    for (const Synonym& synonym : key.lookup) {
      EXPECT_NE(broker_schema().find(synonym.name), nullptr) << synonym.name;
    }
  }
  EXPECT_EQ(kafkas, 360U);
  for (const ConfigSchema* schema : {&topic_schema(), &group_schema()}) {
    for (const ConfigKey& key : schema->keys()) {
      for (const Synonym& synonym : key.lookup) {
        EXPECT_NE(broker_schema().find(synonym.name), nullptr) << synonym.name;
      }
    }
  }
}

TEST(ConfigValueTest, FindsTheNearestName) {
  EXPECT_EQ(broker_schema().nearest("log.retention.hour"), "log.retention.hours");
  EXPECT_EQ(broker_schema().nearest("num.partition"), "num.partitions");
  EXPECT_EQ(broker_schema().nearest("moldau.shard"), "moldau.shards");
  EXPECT_EQ(broker_schema().nearest("x"), "");
  EXPECT_EQ(broker_schema().nearest(std::string(10000, 'a')), "");
}

}  // namespace
}  // namespace moldau::config
