// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "machine/controller/test_cluster.h"
#include "machine/controller/topic_name.h"

// KIP-4 (create, delete), KIP-195 (partitions), KIP-464 (defaults), KIP-516 (topic ids),
// KIP-525 (configs in the answer), KIP-966 (ClearElr)

namespace moldau::controller {
namespace {

using Names = std::vector<std::string>;

TEST(ControllerTopicsTest, CreatesTopicConfigsAndPartitionsInThisOrder) {
  TestCluster cluster;
  cluster.add_brokers(3);
  auto request = TestCluster::creation("t", 2, 3);
  auto& entry = request.topics[0].configs.emplace_back();
  entry.name = "min.insync.replicas";
  entry.value = "2";
  const auto response = cluster.create(request);
  const auto& result = response.topics.at(0);
  ASSERT_EQ(result.error_code, 0) << result.error_message.view();
  EXPECT_TRUE(result.error_message.is_null());
  EXPECT_EQ(result.num_partitions, 2);
  EXPECT_EQ(result.replication_factor, 3);
  EXPECT_GT(result.configs->size(), 20u);
  EXPECT_EQ(cluster.names_of_last(), (Names{"TopicRecord", "ConfigRecord", "ClearElrRecord",
                                            "PartitionRecord", "PartitionRecord"}));
  EXPECT_EQ(cluster.last[3].version, 2);
  const image::PartitionState& state = cluster.partition(result.topic_id);
  EXPECT_EQ(state.replicas.size(), 3u);
  EXPECT_EQ(state.isr, state.replicas);
  EXPECT_EQ(state.leader, state.replicas.front());
  EXPECT_EQ(state.leader_epoch, LeaderEpoch(0));
  EXPECT_EQ(state.directory_of(NodeId(2)), TestCluster::dir(2));
  EXPECT_NE(state.leader, cluster.partition(result.topic_id, 1).leader);
  cluster.check();
}

TEST(ControllerTopicsTest, TakesItsDefaultsFromTheController) {
  TestCluster cluster;
  cluster.settings.num_partitions = 4;
  cluster.settings.default_replication_factor = 2;
  cluster.start();
  cluster.add_brokers(2);
  const auto response = cluster.create(TestCluster::creation("t"));
  EXPECT_EQ(response.topics[0].num_partitions, 4);
  EXPECT_EQ(response.topics[0].replication_factor, 2);
}

TEST(ControllerTopicsTest, ValidateOnlyAnswersButWritesNothing) {
  TestCluster cluster;
  cluster.add_brokers(1);
  auto request = TestCluster::creation("t", 3, 1);
  request.validate_only = true;
  const auto response = cluster.create(request);
  EXPECT_EQ(response.topics[0].error_code, 0);
  EXPECT_EQ(response.topics[0].num_partitions, 3);
  EXPECT_TRUE(cluster.last.empty());
}

TEST(ControllerTopicsTest, RefusesWhatApacheRefuses) {
  TestCluster cluster;
  cluster.add_brokers(2);
  cluster.create_assigned("a.b", {{1}});
  const auto code = [&](std::string_view name, std::int32_t partitions, std::int16_t factor,
                        auto change) {
    auto request = TestCluster::creation(name, partitions, factor);
    change(request.topics[0]);
    const auto response = cluster.create(request);
    EXPECT_TRUE(cluster.last.empty());
    EXPECT_FALSE(response.topics[0].error_message.is_null());
    return code_of(response.topics[0].error_code);
  };
  const auto plain = [](auto&) {};
  EXPECT_EQ(code("a.b", 1, 1, plain), ErrorCode::kTopicAlreadyExists);
  EXPECT_EQ(code("a_b", 1, 1, plain), ErrorCode::kInvalidTopicException);
  EXPECT_EQ(code("", 1, 1, plain), ErrorCode::kInvalidTopicException);
  EXPECT_EQ(code("..", 1, 1, plain), ErrorCode::kInvalidTopicException);
  EXPECT_EQ(code("a/b", 1, 1, plain), ErrorCode::kInvalidTopicException);
  EXPECT_EQ(code(std::string(250, 'x'), 1, 1, plain), ErrorCode::kInvalidTopicException);
  EXPECT_EQ(code("__cluster_metadata", 1, 1, plain), ErrorCode::kInvalidRequest);
  EXPECT_EQ(code("t", 0, 1, plain), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(code("t", -2, 1, plain), ErrorCode::kInvalidPartitions);
  EXPECT_EQ(code("t", 1, 0, plain), ErrorCode::kInvalidReplicationFactor);
  EXPECT_EQ(code("t", 1, 3, plain), ErrorCode::kInvalidReplicationFactor);
  EXPECT_EQ(code("t", 10'001, 1, plain), ErrorCode::kPolicyViolation);
  EXPECT_EQ(code("t", 2'147'483'647, 1, plain), ErrorCode::kPolicyViolation);
  const auto config = [](const char* key, wire::Text value) {
    return [key, value](auto& topic) {
      auto& entry = topic.configs.emplace_back();
      entry.name = key;
      entry.value = value;
    };
  };
  EXPECT_EQ(code("t", 1, 1, config("retention.ms", wire::Text::null())), ErrorCode::kInvalidConfig);
  EXPECT_EQ(code("t", 1, 1, config("retention.ms", "soon")), ErrorCode::kInvalidConfig);
  EXPECT_EQ(code("t", 1, 1, config("no.such.key", "1")), ErrorCode::kInvalidConfig);
  const auto assign = [](std::vector<std::pair<std::int32_t, std::vector<std::int32_t>>> all) {
    return [all](auto& topic) {
      for (const auto& [index, ids] : all) {
        auto& assignment = topic.assignments.emplace_back();
        assignment.partition_index = index;
        assignment.broker_ids = ids;
      }
    };
  };
  EXPECT_EQ(code("t", -1, 1, assign({{0, {1}}})), ErrorCode::kInvalidRequest);
  EXPECT_EQ(code("t", 1, -1, assign({{0, {1}}})), ErrorCode::kInvalidRequest);
  EXPECT_EQ(code("t", -1, -1, assign({{0, {1}}, {0, {2}}})), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(code("t", -1, -1, assign({{0, {1}}, {2, {2}}})), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(code("t", -1, -1, assign({{0, {1, 1}}})), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(code("t", -1, -1, assign({{0, {9}}})), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(code("t", -1, -1, assign({{0, {}}})), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(code("t", -1, -1, assign({{0, {1}}, {1, {1, 2}}})),
            ErrorCode::kInvalidReplicaAssignment);
}

TEST(ControllerTopicsTest, FencedBrokersTakeReplicasButNotLeadership) {
  TestCluster cluster;
  cluster.add_brokers(1);
  cluster.write(
      cluster.machine->decide_broker_registration(cluster.registration(2), cluster.context(4)));
  const auto response = cluster.create(TestCluster::creation("t", 1, 2));
  ASSERT_EQ(response.topics[0].error_code, 0);
  const image::PartitionState& state = cluster.partition(response.topics[0].topic_id);
  EXPECT_EQ(state.replicas.to_vector(), nodes({1, 2}));
  EXPECT_EQ(state.isr.to_vector(), nodes({1}));
  TestCluster fenced;
  fenced.write(
      fenced.machine->decide_broker_registration(fenced.registration(1), fenced.context(4)));
  EXPECT_EQ(code_of(fenced.create(TestCluster::creation("t", 1, 1)).topics[0].error_code),
            ErrorCode::kInvalidReplicationFactor);
}

TEST(ControllerTopicsTest, NamesThatStandTwiceAreServedNeither) {
  TestCluster cluster;
  cluster.add_brokers(1);
  auto request = TestCluster::creation("t", 1, 1);
  request.topics.push_back(request.topics.front());
  request.topics.push_back(TestCluster::creation("u", 1, 1).topics.front());
  const auto response = cluster.create(request);
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].name, "u");
  EXPECT_EQ(response.topics[0].error_code, 0);
  EXPECT_EQ(code_of(response.topics[1].error_code), ErrorCode::kInvalidRequest);
  EXPECT_EQ(cluster.machine->image().topic("t"), nullptr);
}

TEST(ControllerTopicsTest, NoDefaultForBrokersWhoseDirectoriesAreAllCordoned) {
  TestCluster cluster;
  cluster.add_brokers(2);
  auto heartbeat = cluster.heartbeat_of(1);
  heartbeat.cordoned_log_dirs = std::vector<Uuid>{TestCluster::dir(1)};
  cluster.heartbeat(heartbeat);
  for (int i = 0; i < 5; ++i) {
    const auto response = cluster.create(TestCluster::creation("t" + std::to_string(i), 1, 1));
    EXPECT_EQ(cluster.partition(response.topics[0].topic_id).leader, NodeId(2));
  }
}

TEST(ControllerTopicsTest, AddsPartitions) {
  TestCluster cluster;
  cluster.add_brokers(2);
  const TopicId id = cluster.create_assigned("t", {{1, 2}});
  wire::CreatePartitionsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  topic.count = 3;
  topic.assignments = std::nullopt;
  const auto run = [&] {
    const auto response =
        cluster.write(cluster.machine->decide_create_partitions(request, cluster.context(3)));
    return code_of(response.results.at(0).error_code);
  };
  EXPECT_EQ(run(), ErrorCode::kNone);
  EXPECT_EQ(cluster.names_of_last(), (Names{"PartitionRecord", "PartitionRecord"}));
  EXPECT_EQ(cluster.partition(id, 2).replicas.size(), 2u);
  EXPECT_EQ(run(), ErrorCode::kInvalidPartitions);
  topic.count = 2;
  EXPECT_EQ(run(), ErrorCode::kInvalidPartitions);
  topic.count = 2'147'483'647;
  EXPECT_EQ(run(), ErrorCode::kPolicyViolation);
  topic.count = 4;
  topic.assignments.emplace();
  EXPECT_EQ(run(), ErrorCode::kInvalidReplicaAssignment);
  topic.assignments->emplace_back().broker_ids = {1};
  EXPECT_EQ(run(), ErrorCode::kInvalidReplicaAssignment);
  topic.assignments->front().broker_ids = {2, 1};
  request.validate_only = true;
  EXPECT_EQ(run(), ErrorCode::kNone);
  EXPECT_TRUE(cluster.last.empty());
  request.validate_only = false;
  EXPECT_EQ(run(), ErrorCode::kNone);
  EXPECT_EQ(cluster.partition(id, 3).leader, NodeId(2));
  topic.name = "nobody";
  EXPECT_EQ(run(), ErrorCode::kUnknownTopicOrPartition);
  cluster.check();
}

TEST(ControllerTopicsTest, DeletesByNameAndById) {
  TestCluster cluster;
  cluster.add_brokers(1);
  const TopicId a = cluster.create_assigned("a.a", {{1}}, "retention.ms", "5");
  const TopicId b = cluster.create_assigned("b", {{1}});
  const TopicId c = cluster.create_assigned("c", {{1}});
  wire::DeleteTopicsRequest request;
  request.topics.emplace_back().name = "a.a";
  request.topics.emplace_back().topic_id = b;
  request.topics.emplace_back().name = "nobody";
  request.topics.emplace_back().topic_id = Uuid(1, 2);
  request.topics.emplace_back();
  auto& both = request.topics.emplace_back();
  both.name = "c";
  both.topic_id = c;
  const auto response =
      cluster.write(cluster.machine->decide_delete_topics(request, cluster.context(6)));
  std::map<ErrorCode, int> codes;
  for (const auto& result : response.responses) ++codes[code_of(result.error_code)];
  EXPECT_EQ(codes, (std::map<ErrorCode, int>{{ErrorCode::kNone, 2},
                                             {ErrorCode::kUnknownTopicOrPartition, 1},
                                             {ErrorCode::kUnknownTopicId, 1},
                                             {ErrorCode::kInvalidRequest, 2}}));
  EXPECT_EQ(cluster.names_of_last(), (Names{"RemoveTopicRecord", "RemoveTopicRecord"}));
  EXPECT_EQ(cluster.machine->image().topic(a), nullptr);
  EXPECT_TRUE(cluster.machine->image().topic_config("a.a").empty());
  EXPECT_NE(cluster.machine->image().topic(c), nullptr);
  // The name it collided with is free again.
  EXPECT_EQ(cluster.create(TestCluster::creation("a_a", 1, 1)).topics[0].error_code, 0);
  cluster.check();
}

TEST(ControllerTopicsTest, RefusesToDeleteWhatIsNamedTwiceOrWhenDeletionIsOff) {
  TestCluster cluster;
  cluster.add_brokers(1);
  const TopicId id = cluster.create_assigned("a", {{1}});
  wire::DeleteTopicsRequest request;
  request.topics.emplace_back().name = "a";
  request.topics.emplace_back().topic_id = id;
  cluster.write(cluster.machine->decide_delete_topics(request, cluster.context(6)));
  EXPECT_TRUE(cluster.last.empty());
  cluster.settings.delete_topic_enable = false;
  cluster.start();
  wire::DeleteTopicsRequest names;
  names.topic_names.emplace_back("a");
  for (const auto& [version, code] :
       {std::pair<std::int16_t, ErrorCode>(1, ErrorCode::kInvalidRequest),
        {5, ErrorCode::kTopicDeletionDisabled}}) {
    const auto response =
        cluster.write(cluster.machine->decide_delete_topics(names, cluster.context(version)));
    EXPECT_EQ(code_of(response.responses.at(0).error_code), code);
    EXPECT_TRUE(cluster.last.empty());
  }
}

TEST(TopicNameTest, KnowsTheInternalTopics) {
  EXPECT_TRUE(is_internal_topic("__consumer_offsets"));
  EXPECT_TRUE(is_internal_topic("__transaction_state"));
  EXPECT_TRUE(is_internal_topic("__share_group_state"));
  EXPECT_FALSE(is_internal_topic("__x"));
  EXPECT_FALSE(reason_topic_name_is_invalid(std::string(249, 'x')).has_value());
}

TEST(PlacementTest, SpreadsLeadersAndRacks) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    std::vector<UsableBroker> brokers;
    for (std::int32_t id = 0; id < 6; ++id) {
      brokers.emplace_back(NodeId(id), std::string(1, static_cast<char>('a' + id / 2)), false);
    }
    Dice dice(seed);
    const auto placed = place_replicas(brokers, 60, 3, dice);
    ASSERT_TRUE(placed.ok());
    std::map<NodeId, int> leaders;
    for (const auto& replicas : *placed) {
      ++leaders[replicas.front()];
      std::set<int> racks;
      for (NodeId id : replicas) racks.insert(id.value() / 2);
      ASSERT_EQ(racks.size(), 3u) << "seed " << seed;
    }
    for (const auto& [id, times] : leaders) ASSERT_EQ(times, 10) << "seed " << seed;
    ASSERT_EQ(leaders.size(), 6u);
  }
}

TEST(PlacementTest, EndsWithDistinctReplicasWhateverIsFenced) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Dice dice(seed);
    std::vector<UsableBroker> brokers;
    const auto count = static_cast<std::int32_t>(1 + dice.below(7));
    for (std::int32_t id = 0; id < count; ++id) {
      std::optional<std::string> rack;
      if (dice.below(3) != 0) rack = std::to_string(dice.below(3));
      brokers.emplace_back(NodeId(id), rack, id != 0 && dice.below(2) == 0);
    }
    const auto factor = static_cast<std::int32_t>(1 + dice.below(static_cast<std::size_t>(count)));
    const auto placed = place_replicas(brokers, 40, factor, dice);
    ASSERT_TRUE(placed.ok()) << "seed " << seed;
    for (const auto& replicas : *placed) {
      ASSERT_EQ(std::set<NodeId>(replicas.begin(), replicas.end()).size(),
                static_cast<std::size_t>(factor))
          << "seed " << seed;
      ASSERT_FALSE(brokers[static_cast<std::size_t>(replicas[0].value())].fenced);
    }
  }
}

}  // namespace
}  // namespace moldau::controller
