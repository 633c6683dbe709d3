// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <sstream>

#include "cli/tools.h"
#include "client/test_broker.h"
#include "wire/describe_cluster_response.h"
#include "wire/describe_configs_response.h"
#include "wire/describe_topic_partitions_response.h"
#include "wire/list_partition_reassignments_response.h"

namespace moldau::cli {
namespace {

using client::TestBroker;
using wire::ApiKey;

env::Task<void> keep(env::Task<int> task, std::optional<int>* out) {
  const int code = co_await task;
  *out = code;
}

/// Topic t: partition 0 is whole; 1 has lost a replica and is at its minimum; 2 has no leader; 3
/// moves from broker 6 to 7.
class TopicsTest : public ::testing::Test {
 protected:
  TopicsTest() {
    broker_.answering = [this](const wire::ReceivedHeader& header, wire::Reader&) {
      return answer(header);
    };
  }
  ~TopicsTest() override { scope_.destroy_all(); }

  int run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    ToolContext context(env_, env_.shard(env::ShardId(0)), out_, err_);
    std::optional<int> code;
    scope_.spawn(keep(run_topics(context, std::move(arguments)), &code));
    EXPECT_TRUE(world_.run_while([&] { return code.has_value(); }, Millis(600'000)));
    return code.value_or(-1);
  }
  std::string described(const std::string& filter) {
    EXPECT_EQ(run({"--bootstrap-server", "10.0.0.1:9092", "--describe", filter}), 0) << err_.str();
    return out_.str();
  }

  std::optional<Slice> answer(const wire::ReceivedHeader& header) {
    switch (header.api->key) {
      case ApiKey::kMetadata:
        return TestBroker::answer(metadata(), header);
      case ApiKey::kDescribeTopicPartitions:
        return TestBroker::answer(partitions(), header);
      case ApiKey::kDescribeConfigs:
        return TestBroker::answer(configs(), header);
      case ApiKey::kDescribeCluster: {
        wire::DescribeClusterResponse body;
        body.brokers.emplace_back().broker_id = 5;
        return TestBroker::answer(body, header);
      }
      case ApiKey::kListPartitionReassignments:
        return TestBroker::answer(moves(), header);
      default:
        return std::nullopt;
    }
  }

  static wire::MetadataResponse metadata() {
    wire::MetadataResponse body;
    auto& node = body.brokers.emplace_back();
    node.node_id = 5;
    node.host = "10.0.0.1";
    node.port = 9092;
    body.controller_id = 5;
    body.topics.emplace_back().name = "t";
    return body;
  }

  static wire::DescribeTopicPartitionsResponse partitions() {
    wire::DescribeTopicPartitionsResponse body;
    auto& topic = body.topics.emplace_back();
    topic.name = "t";
    const auto add = [&](std::int32_t leader, std::vector<std::int32_t> replicas,
                         std::vector<std::int32_t> isr) {
      auto& one = topic.partitions.emplace_back();
      one.partition_index = static_cast<std::int32_t>(topic.partitions.size()) - 1;
      one.leader_id = leader;
      one.replica_nodes = std::move(replicas);
      one.isr_nodes = std::move(isr);
    };
    add(5, {5, 6}, {5, 6});
    add(6, {5, 6}, {6});
    add(-1, {6}, {});
    add(5, {5, 6, 7}, {5, 6});
    topic.partitions[2].eligible_leader_replicas = {6};
    topic.partitions[2].last_known_elr.emplace();
    return body;
  }

  static wire::DescribeConfigsResponse configs() {
    wire::DescribeConfigsResponse body;
    auto& result = body.results.emplace_back();
    result.resource_type = 2;
    result.resource_name = "t";
    const auto add = [&](const char* name, const char* value, std::int8_t source) {
      auto& one = result.configs.emplace_back();
      one.name = name;
      one.value = value;
      one.config_source = source;
    };
    add("retention.ms", "7", 1);
    add("min.insync.replicas", "1", 4);
    add("segment.bytes", "100", 5);
    return body;
  }

  static wire::ListPartitionReassignmentsResponse moves() {
    wire::ListPartitionReassignmentsResponse body;
    auto& topic = body.topics.emplace_back();
    topic.name = "t";
    auto& one = topic.partitions.emplace_back();
    one.partition_index = 3;
    one.replicas = {5, 6, 7};
    one.adding_replicas = {7};
    one.removing_replicas = {6};
    return body;
  }

  env::fake::World world_{7};
  env::fake::FakeDisk disk_{world_};
  env::fake::FakeEnv env_{world_, disk_};
  TestBroker broker_{world_, "10.0.0.1", 5};
  env::TaskScope scope_;
  std::ostringstream out_;
  std::ostringstream err_;
};

constexpr const char* kLost =
    "\tTopic: t\tPartition: 1\tLeader: 6\tReplicas: 5,6\tIsr: 6\t"
    "Elr: N/A\tLastKnownElr: N/A\n";
constexpr const char* kHeadless =
    "\tTopic: t\tPartition: 2\tLeader: none\tReplicas: 6\tIsr: \t"
    "Elr: 6\tLastKnownElr: \n";

TEST_F(TopicsTest, DescribesAllOfATopic) {
  EXPECT_EQ(described("--exclude-internal"),
            std::string("Topic: t\tPartitionCount: 4\tReplicationFactor: 2\t"
                        "Configs: min.insync.replicas=1,retention.ms=7\n"
                        "\tTopic: t\tPartition: 0\tLeader: 5\tReplicas: 5,6\tIsr: 5,6\t"
                        "Elr: N/A\tLastKnownElr: N/A\n") +
                kLost + kHeadless +
                "\tTopic: t\tPartition: 3\tLeader: 5\tReplicas: 5,6,7\tIsr: 5,6\t"
                "Adding Replicas: 7\tRemoving Replicas: 6\tElr: N/A\tLastKnownElr: N/A\n");
}

TEST_F(TopicsTest, FiltersLeaveThePartitionsThatTheyName) {
  // What a move adds is not missing yet.
  EXPECT_EQ(described("--under-replicated-partitions"), std::string(kLost) + kHeadless);
  // Broker 6 leads partition 1, and is not in the cluster.
  EXPECT_EQ(described("--unavailable-partitions"), std::string(kLost) + kHeadless);
  EXPECT_EQ(described("--under-min-isr-partitions"), kHeadless);
  EXPECT_EQ(described("--at-min-isr-partitions"), kLost);
}

TEST_F(TopicsTest, SaysSoWhenNoBrokerAnswers) {
  broker_.deaf = true;
  EXPECT_EQ(run({"--bootstrap-server", "10.0.0.1:9092", "--list"}), 1);
  EXPECT_EQ(out_.str(),
            "Error while executing topic command : Timed out waiting for a node assignment. Call: "
            "listTopics\n");
  EXPECT_NE(err_.str().find("bootstrap broker 10.0.0.1:9092"), std::string::npos) << err_.str();
}

TEST_F(TopicsTest, ToolsAreFoundByTheNamesOfTheirScripts) {
  EXPECT_EQ(find_tool("/opt/kafka/bin/kafka-topics.sh"), find_tool("kafka-topics"));
  EXPECT_NE(find_tool("kafka-topics"), nullptr);
  EXPECT_EQ(find_tool("moldau"), nullptr);
  EXPECT_EQ(find_tool(""), nullptr);
}

}  // namespace
}  // namespace moldau::cli
