// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "machine/controller/test_cluster.h"

// KIP-133 (AlterConfigs), KIP-339 (incremental), KIP-546 (client quotas), KIP-584 (features),
// KIP-778 (metadata.version), KIP-966 (min.insync.replicas under ELR)

namespace moldau::controller {
namespace {

using Names = std::vector<std::string>;

struct Step {
  std::int8_t type;
  const char* name;
  const char* key;
  std::int8_t op;
  const char* value;
};

ErrorCode alter(TestCluster& cluster, const Step& step, bool validate_only = false) {
  wire::IncrementalAlterConfigsRequest request;
  request.validate_only = validate_only;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = step.type;
  resource.resource_name = step.name;
  auto& entry = resource.configs.emplace_back();
  entry.name = step.key;
  entry.config_operation = step.op;
  entry.value = step.value == nullptr ? wire::Text::null() : wire::Text(step.value);
  const auto response = cluster.write(cluster.machine->decide_incremental_alter_configs(request));
  return code_of(response.responses.at(0).error_code);
}

constexpr std::int8_t kTopic = 2, kBroker = 4, kMetrics = 16, kGroup = 32;
constexpr std::int8_t kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3;

TEST(ControllerConfigsTest, SetsAppendsSubtractsAndDeletes) {
  TestCluster cluster;
  cluster.add_brokers(1);
  cluster.create_assigned("t", {{1}});
  const auto value = [&] {
    const auto& configs = cluster.machine->image().topic_config("t");
    const auto it = configs.find("cleanup.policy");
    return it == configs.end() ? std::string("-") : it->second;
  };
  EXPECT_EQ(alter(cluster, {kTopic, "t", "cleanup.policy", kAppend, "compact"}), ErrorCode::kNone);
  EXPECT_EQ(value(), "delete,compact");
  EXPECT_EQ(alter(cluster, {kTopic, "t", "cleanup.policy", kSubtract, "delete"}), ErrorCode::kNone);
  EXPECT_EQ(value(), "compact");
  EXPECT_EQ(alter(cluster, {kTopic, "t", "cleanup.policy", kSet, "delete"}, true),
            ErrorCode::kNone);
  EXPECT_EQ(value(), "compact");
  EXPECT_EQ(alter(cluster, {kTopic, "t", "cleanup.policy", kSet, "compact"}), ErrorCode::kNone);
  EXPECT_TRUE(cluster.last.empty());
  EXPECT_EQ(alter(cluster, {kTopic, "t", "cleanup.policy", kDelete, nullptr}), ErrorCode::kNone);
  EXPECT_EQ(value(), "-");
  cluster.check();
}

TEST(ControllerConfigsTest, RefusesResourcesThatAreNotThere) {
  TestCluster cluster;
  cluster.add_brokers(1);
  cluster.create_assigned("t", {{1}});
  EXPECT_EQ(alter(cluster, {kTopic, "nobody", "retention.ms", kSet, "1"}),
            ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(alter(cluster, {kTopic, "", "retention.ms", kSet, "1"}), ErrorCode::kInvalidRequest);
  EXPECT_EQ(alter(cluster, {kTopic, "t", "retention.ms", kSet, "soon"}), ErrorCode::kInvalidConfig);
  EXPECT_EQ(alter(cluster, {kTopic, "t", "retention.ms", kAppend, "1"}), ErrorCode::kInvalidConfig);
  EXPECT_EQ(alter(cluster, {kBroker, "9", "log.cleaner.threads", kSet, "2"}),
            ErrorCode::kBrokerIdNotRegistered);
  EXPECT_EQ(alter(cluster, {kBroker, "x", "log.cleaner.threads", kSet, "2"}),
            ErrorCode::kInvalidRequest);
  EXPECT_EQ(alter(cluster, {kBroker, "1", "log.cleaner.threads", kSet, "2"}), ErrorCode::kNone);
  EXPECT_EQ(alter(cluster, {kMetrics, "sub", "interval.ms", kSet, "1"}),
            ErrorCode::kInvalidRequest);
  EXPECT_EQ(alter(cluster, {kMetrics, "sub", "interval.ms", kSet, "1000"}), ErrorCode::kNone);
  EXPECT_EQ(alter(cluster, {kGroup, "g", "consumer.session.timeout.ms", kSet, "50000"}),
            ErrorCode::kNone);
  EXPECT_EQ(alter(cluster, {99, "g", "k", kSet, "1"}), ErrorCode::kInvalidRequest);
  cluster.check();
}

TEST(ControllerConfigsTest, UnderElrOnlyTheClusterHasAMinIsr) {
  TestCluster cluster;
  cluster.add_brokers(1);
  EXPECT_EQ(alter(cluster, {kBroker, "1", "min.insync.replicas", kSet, "2"}),
            ErrorCode::kInvalidConfig);
  EXPECT_EQ(alter(cluster, {kBroker, "", "min.insync.replicas", kDelete, nullptr}),
            ErrorCode::kInvalidConfig);
  EXPECT_EQ(alter(cluster, {kBroker, "", "min.insync.replicas", kSet, "2"}), ErrorCode::kNone);
  EXPECT_EQ(cluster.names_of_last(), (Names{"ConfigRecord", "ClearElrRecord"}));
  EXPECT_TRUE(cluster.last[1].as<wire::ClearElrRecord>()->topic_name.view().empty());
}

TEST(ControllerConfigsTest, TheLegacyFormReplacesEverything) {
  TestCluster cluster;
  cluster.add_brokers(1);
  cluster.create_assigned("t", {{1}}, "retention.ms", "5");
  wire::AlterConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = kTopic;
  resource.resource_name = "t";
  auto& entry = resource.configs.emplace_back();
  entry.name = "segment.bytes";
  entry.value = "2097152";
  const auto response = cluster.write(cluster.machine->decide_alter_configs(request));
  EXPECT_EQ(response.responses[0].error_code, 0) << response.responses[0].error_message.view();
  EXPECT_EQ(cluster.machine->image().topic_config("t"),
            (image::ConfigEntries{{"segment.bytes", "2097152"}}));
  request.resources.push_back(request.resources.front());
  const auto twice = cluster.write(cluster.machine->decide_alter_configs(request));
  ASSERT_EQ(twice.responses.size(), 2u);
  EXPECT_EQ(code_of(twice.responses[0].error_code), ErrorCode::kInvalidRequest);
  cluster.check();
}

ErrorCode update(TestCluster& cluster, const char* feature, std::int16_t level,
                 std::int8_t type = 1, bool validate_only = false) {
  wire::UpdateFeaturesRequest request;
  request.validate_only = validate_only;
  auto& update = request.feature_updates.emplace_back();
  update.feature = feature;
  update.max_version_level = level;
  update.upgrade_type = type;
  return code_of(cluster.write(cluster.machine->decide_update_features(request, cluster.context(2)))
                     .error_code);
}

TEST(ControllerFeaturesTest, TurningElrOnSettlesTheMinIsrFirst) {
  TestCluster cluster(30, false);
  cluster.add_brokers(1);
  ASSERT_EQ(alter(cluster, {kBroker, "1", "min.insync.replicas", kSet, "2"}), ErrorCode::kNone);
  EXPECT_EQ(update(cluster, "eligible.leader.replicas.version", 1), ErrorCode::kNone);
  EXPECT_EQ(cluster.names_of_last(), (Names{"ConfigRecord", "ConfigRecord", "FeatureLevelRecord"}));
  EXPECT_TRUE(cluster.last[1].as<wire::ConfigRecord>()->value.is_null());
  EXPECT_TRUE(cluster.machine->image().elr_enabled());
  EXPECT_EQ(update(cluster, "eligible.leader.replicas.version", 0),
            ErrorCode::kInvalidUpdateVersion);
  EXPECT_EQ(update(cluster, "eligible.leader.replicas.version", 0, 2), ErrorCode::kNone);
  EXPECT_FALSE(cluster.machine->image().elr_enabled());
  cluster.check();
}

TEST(ControllerFeaturesTest, RefusesWhatANodeOrTheMetadataCannotBear) {
  TestCluster cluster;
  cluster.add_brokers(1);
  const auto kInvalid = ErrorCode::kInvalidUpdateVersion;
  EXPECT_EQ(update(cluster, "metadata.version", 31), kInvalid);
  EXPECT_EQ(update(cluster, "metadata.version", 29), kInvalid);
  EXPECT_EQ(update(cluster, "metadata.version", 29, 2), kInvalid);
  EXPECT_EQ(update(cluster, "metadata.version", 29, 3), kInvalid);
  EXPECT_EQ(update(cluster, "metadata.version", 30), ErrorCode::kNone);
  EXPECT_EQ(update(cluster, "no.such.feature", 1), kInvalid);
  EXPECT_EQ(update(cluster, "group.version", 2), kInvalid);
  EXPECT_EQ(update(cluster, "group.version", -1), kInvalid);
  EXPECT_EQ(update(cluster, "group.version", 0, 9), kInvalid);
  EXPECT_EQ(update(cluster, "kraft.version", 0, 2), kInvalid);
  EXPECT_EQ(update(cluster, "transaction.version", 1, 2, true), ErrorCode::kNone);
  EXPECT_EQ(cluster.machine->image().feature_level("transaction.version"), 2);
  EXPECT_EQ(update(cluster, "transaction.version", 1, 2), ErrorCode::kNone);
  EXPECT_EQ(cluster.machine->image().feature_level("transaction.version"), 1);
  EXPECT_EQ(update(cluster, "transaction.version", 2, 2), kInvalid);
  cluster.check();
}

TEST(ControllerFeaturesTest, UpgradesTheMetadataVersionAndGoesBackWhereNothingIsLost) {
  TestCluster cluster(20);
  cluster.add_brokers(1);
  EXPECT_EQ(update(cluster, "eligible.leader.replicas.version", 1),
            ErrorCode::kInvalidUpdateVersion);
  EXPECT_EQ(update(cluster, "metadata.version", 22), ErrorCode::kNone);
  EXPECT_EQ(update(cluster, "metadata.version", 20, 2), ErrorCode::kNone);
  cluster.settings.quorum_nodes = nodes({100, 101});
  cluster.start();
  EXPECT_EQ(update(cluster, "metadata.version", 30), ErrorCode::kInvalidUpdateVersion);
  cluster.settings.quorum_nodes.clear();
  cluster.start();
  EXPECT_EQ(update(cluster, "metadata.version", 30), ErrorCode::kNone);
  EXPECT_EQ(cluster.machine->image().metadata_version().name(), "4.3-IV0");
  cluster.check();
}

struct QuotaStep {
  std::vector<std::pair<const char*, const char*>> entity;
  const char* key;
  double value;
  bool remove;
};

ErrorCode set_quota(TestCluster& cluster, const QuotaStep& step) {
  wire::AlterClientQuotasRequest request;
  auto& entry = request.entries.emplace_back();
  for (const auto& [type, name] : step.entity) {
    auto& part = entry.entity.emplace_back();
    part.entity_type = type;
    part.entity_name = name == nullptr ? wire::Text::null() : wire::Text(name);
  }
  auto& op = entry.ops.emplace_back();
  op.key = step.key;
  op.value = step.value;
  op.remove = step.remove;
  return code_of(
      cluster.write(cluster.machine->decide_alter_client_quotas(request)).entries[0].error_code);
}

TEST(ControllerQuotasTest, SetsRemovesAndDescribes) {
  TestCluster cluster;
  EXPECT_EQ(set_quota(cluster, {{{"user", "u"}}, "producer_byte_rate", 1000, false}),
            ErrorCode::kNone);
  EXPECT_EQ(set_quota(cluster,
                      {{{"user", nullptr}, {"client-id", "c"}}, "request_percentage", 12.5, false}),
            ErrorCode::kNone);
  EXPECT_EQ(set_quota(cluster, {{{"ip", "127.0.0.1"}}, "connection_creation_rate", 5, false}),
            ErrorCode::kNone);
  EXPECT_EQ(set_quota(cluster, {{{"user", "u"}}, "producer_byte_rate", 1000, false}),
            ErrorCode::kNone);
  EXPECT_TRUE(cluster.last.empty());
  cluster.check();

  const auto& image = cluster.machine->image();
  wire::DescribeClientQuotasRequest request;
  EXPECT_EQ(describe_client_quotas(image, request).entries->size(), 3u);
  auto& component = request.components.emplace_back();
  component.entity_type = "user";
  component.match_type = 2;
  component.match = wire::Text::null();
  EXPECT_EQ(describe_client_quotas(image, request).entries->size(), 2u);
  request.strict = true;
  EXPECT_EQ(describe_client_quotas(image, request).entries->size(), 1u);
  component.match_type = 0;
  component.match = "u";
  auto found = describe_client_quotas(image, request);
  ASSERT_EQ(found.entries->size(), 1u);
  EXPECT_EQ(found.entries->front().values.front().value, 1000);
  component.match = wire::Text::null();
  EXPECT_EQ(code_of(describe_client_quotas(image, request).error_code), ErrorCode::kInvalidRequest);
  component.entity_type = "planet";
  EXPECT_EQ(code_of(describe_client_quotas(image, request).error_code),
            ErrorCode::kUnsupportedVersion);

  EXPECT_EQ(set_quota(cluster, {{{"user", "u"}}, "producer_byte_rate", 0, true}), ErrorCode::kNone);
  EXPECT_EQ(cluster.machine->image().client_quotas().size(), 2u);
  cluster.check();
}

TEST(ControllerQuotasTest, RefusesWhatMakesNoSense) {
  TestCluster cluster;
  const auto kBad = ErrorCode::kInvalidRequest;
  EXPECT_EQ(set_quota(cluster, {{}, "producer_byte_rate", 1, false}), kBad);
  EXPECT_EQ(set_quota(cluster, {{{"planet", "x"}}, "producer_byte_rate", 1, false}), kBad);
  EXPECT_EQ(set_quota(cluster, {{{"user", ""}}, "producer_byte_rate", 1, false}), kBad);
  EXPECT_EQ(set_quota(cluster, {{{"user", "a"}, {"user", "b"}}, "producer_byte_rate", 1, false}),
            kBad);
  EXPECT_EQ(set_quota(cluster, {{{"user", "a"}, {"ip", "::1"}}, "producer_byte_rate", 1, false}),
            kBad);
  EXPECT_EQ(set_quota(cluster, {{{"ip", "::1"}}, "producer_byte_rate", 1, false}), kBad);
  EXPECT_EQ(set_quota(cluster, {{{"user", "a"}}, "no_such_rate", 1, false}), kBad);
  EXPECT_EQ(set_quota(cluster, {{{"user", "a"}}, "producer_byte_rate", 0, false}), kBad);
  EXPECT_EQ(set_quota(cluster, {{{"user", "a"}}, "producer_byte_rate", 1.5, false}), kBad);
  EXPECT_EQ(
      set_quota(
          cluster,
          {{{"user", "a"}}, "request_percentage", std::numeric_limits<double>::quiet_NaN(), false}),
      kBad);
  EXPECT_EQ(set_quota(cluster, {{{"ip", "::1"}}, "connection_creation_rate", 3e9, false}), kBad);
  EXPECT_TRUE(cluster.machine->image().client_quotas().empty());
}

}  // namespace
}  // namespace moldau::controller
