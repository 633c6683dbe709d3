// SPDX-License-Identifier: Apache-2.0
#include "config/topic_config.h"

#include <gtest/gtest.h>

namespace moldau::config {
namespace {

BrokerConfig broker_with(const ConfigMap& extra = {}, const ConfigMap& of_all = {},
                         const ConfigMap& of_one = {}) {
  BrokerConfigSources sources;
  sources.static_broker = values_of(default_single_node_properties());
  for (const auto& [key, value] : extra) sources.static_broker[key] = value;
  sources.dynamic_default = of_all;
  sources.dynamic_broker = of_one;
  Result<LoadedBrokerConfig> loaded = effective_broker_config(sources);
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().detail);
  return loaded.value().config;
}

TopicConfig topic(const BrokerConfig& broker, const ConfigMap& configs = {}) {
  Result<TopicConfig> out = effective_topic_config(broker, configs);
  EXPECT_TRUE(out.ok()) << (out.ok() ? "" : out.error().detail);
  return std::move(out).value();
}

TEST(TopicConfigTest, HasKafkasDefaults) {
  TopicConfig config = topic(broker_with());
  EXPECT_FALSE(config.compact);
  EXPECT_TRUE(config.delete_old);
  EXPECT_EQ(config.retention_ms, 604800000);
  EXPECT_EQ(config.retention_bytes, -1);
  EXPECT_EQ(config.segment_bytes, 1073741824);
  EXPECT_EQ(config.segment_ms, 604800000);
  EXPECT_EQ(config.segment_jitter_ms, 0);
  EXPECT_EQ(config.segment_index_bytes, 10485760);
  EXPECT_EQ(config.index_interval_bytes, 4096);
  EXPECT_EQ(config.flush_messages, INT64_MAX);
  EXPECT_EQ(config.flush_ms, INT64_MAX);
  EXPECT_EQ(config.max_message_bytes, 1048588);
  EXPECT_EQ(config.compression_type, TopicCompression::kProducer);
  EXPECT_EQ(config.compression_gzip_level, -1);
  EXPECT_EQ(config.compression_lz4_level, 9);
  EXPECT_EQ(config.compression_zstd_level, 3);
  EXPECT_EQ(config.message_timestamp_type, TimestampType::kCreateTime);
  EXPECT_EQ(config.message_timestamp_before_max_ms, INT64_MAX);
  EXPECT_EQ(config.message_timestamp_after_max_ms, 3600000);
  EXPECT_EQ(config.delete_retention_ms, 86400000);
  EXPECT_EQ(config.max_compaction_lag_ms, INT64_MAX);
  EXPECT_EQ(config.min_cleanable_dirty_ratio, 0.5);
  EXPECT_EQ(config.min_insync_replicas, 1);
  EXPECT_EQ(config.file_delete_delay_ms, 60000);
  EXPECT_FALSE(config.durable_acks());
  EXPECT_TRUE(config.overridden.empty());
}

TEST(TopicConfigTest, BrokerTimesComeFromTheFirstSynonymThatIsSet) {
  EXPECT_EQ(topic(broker_with({{"log.retention.hours", "2"}})).retention_ms, 7200000);
  EXPECT_EQ(topic(broker_with({{"log.retention.hours", "2"}, {"log.retention.minutes", "3"}}))
                .retention_ms,
            180000);
  EXPECT_EQ(
      topic(broker_with({{"log.retention.minutes", "3"}, {"log.retention.ms", "5"}})).retention_ms,
      5);
  EXPECT_EQ(topic(broker_with({{"log.retention.hours", "-1"}})).retention_ms, -1);
  EXPECT_EQ(topic(broker_with({{"log.roll.hours", "1"}})).segment_ms, 3600000);
  EXPECT_EQ(topic(broker_with({{"log.roll.jitter.hours", "1"}})).segment_jitter_ms, 3600000);
  EXPECT_EQ(topic(broker_with({{"log.flush.scheduler.interval.ms", "77"}})).flush_ms, 77);
  EXPECT_EQ(topic(broker_with(
                      {{"log.flush.interval.ms", "7"}, {"log.flush.scheduler.interval.ms", "77"}}))
                .flush_ms,
            7);
}

// KIP-226
TEST(TopicConfigTest, StrongerSourcesWin) {
  ConfigMap fixed{{"log.segment.bytes", "1048576"}};
  ConfigMap of_all{{"log.segment.bytes", "2097152"}};
  ConfigMap of_one{{"log.segment.bytes", "3145728"}};
  EXPECT_EQ(topic(broker_with(fixed)).segment_bytes, 1048576);
  EXPECT_EQ(topic(broker_with(fixed, of_all)).segment_bytes, 2097152);
  EXPECT_EQ(topic(broker_with(fixed, of_all, of_one)).segment_bytes, 3145728);
  EXPECT_EQ(topic(broker_with(fixed, of_all, of_one), {{"segment.bytes", "4194304"}}).segment_bytes,
            4194304);
}

TEST(TopicConfigTest, ADynamicValueTakesStaticSynonymsAway) {
  EXPECT_EQ(topic(broker_with({{"log.roll.ms", "5000"}}, {{"log.roll.ms", "6000"}})).segment_ms,
            6000);
  // A static log.roll.ms does not hide a dynamic value of a weaker synonym's stronger form.
  EXPECT_EQ(topic(broker_with({{"log.retention.hours", "1"}}, {{"log.retention.ms", "9000"}}))
                .retention_ms,
            9000);
}

TEST(TopicConfigTest, RefusesUnknownKeysBadValuesAndContradictions) {
  BrokerConfig broker = broker_with();
  auto detail = [&](const ConfigMap& configs) {
    Result<TopicConfig> result = effective_topic_config(broker, configs);
    return result.ok() ? std::string("accepted") : result.error().text();
  };
  EXPECT_EQ(detail({{"bogus", "1"}}), "INVALID_CONFIG: Unknown topic config name: bogus");
  EXPECT_EQ(detail({{"retention.ms", "-2"}}),
            "INVALID_CONFIG: Invalid value -2 for configuration retention.ms: Value must be at "
            "least -1");
  EXPECT_EQ(detail({{"segment.bytes", "1"}}),
            "INVALID_CONFIG: Invalid value 1 for configuration segment.bytes: Value must be at "
            "least 1048576");
  EXPECT_NE(detail({{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "5"}}), "accepted");
  EXPECT_NE(detail({{"cleanup.policy", "compact,remove"}}), "accepted");
}

TEST(TopicConfigTest, AnEmptyCleanupPolicyKeepsEverything) {
  TopicConfig config = topic(broker_with(), {{"cleanup.policy", ""}});
  EXPECT_FALSE(config.compact);
  EXPECT_FALSE(config.delete_old);
  config = topic(broker_with(), {{"cleanup.policy", "compact , delete"}});
  EXPECT_TRUE(config.compact);
  EXPECT_TRUE(config.delete_old);
}

TEST(TopicConfigTest, CompactedLogsRollForTheirMaxCompactionLag) {
  TopicConfig config =
      topic(broker_with(), {{"cleanup.policy", "compact"}, {"max.compaction.lag.ms", "1000"}});
  EXPECT_EQ(config.segment_ms_max(), 1000);
  config.compact = false;
  EXPECT_EQ(config.segment_ms_max(), 604800000);
}

TEST(TopicConfigTest, InternalSegmentBytesMaySetSmallSegments) {
  TopicConfig config = topic(broker_with(), {{"internal.segment.bytes", "1024"}});
  EXPECT_EQ(config.segment_bytes, 1024);
}

TEST(TopicConfigTest, ReplayedBadValuesAreLeftOutAndReported) {
  std::vector<std::string> problems;
  TopicConfig config = replayed_topic_config(
      broker_with(), {{"retention.ms", "x"}, {"flush.messages", "1"}, {"old.key", "1"}}, &problems);
  EXPECT_EQ(config.retention_ms, 604800000);
  EXPECT_TRUE(config.durable_acks());
  EXPECT_EQ(problems.size(), 2U);
  EXPECT_EQ(config.overridden.size(), 1U);
}

}  // namespace
}  // namespace moldau::config
