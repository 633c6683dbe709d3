// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "machine/controller/test_cluster.h"

// KIP-455 (reassignment), KIP-460 (ElectLeaders), KIP-497 (AlterPartition), KIP-704 (recovery),
// KIP-841 (eligible replicas), KIP-860 (replication factor), KIP-903 (epochs), KIP-966 (ELR)

namespace moldau::controller {
namespace {

using Names = std::vector<std::string>;

std::vector<NodeId> ids(const image::ReplicaList& list) {
  return list.to_vector();
}

TEST(ControllerIsrTest, ALeaderAltersItsIsr) {
  TestCluster cluster;
  cluster.add_brokers(3);
  const TopicId id = cluster.create_assigned("t", {{1, 2, 3}});
  const auto result = cluster.alter_isr(cluster.isr_change(id, {1, 2}));
  EXPECT_EQ(result.error_code, 0);
  EXPECT_EQ(result.isr, (std::vector<std::int32_t>{1, 2}));
  EXPECT_EQ(result.partition_epoch, 1);
  EXPECT_EQ(result.leader_epoch, 0);
  EXPECT_EQ(cluster.last.size(), 1u);
  EXPECT_EQ(cluster.last[0].version, 2);
  EXPECT_EQ(ids(cluster.partition(id).isr), nodes({1, 2}));
  cluster.check();
}

TEST(ControllerIsrTest, BeforeVersion36AShrinkBumpsTheLeaderEpoch) {
  TestCluster cluster(11);
  cluster.add_brokers(2);
  const TopicId id = cluster.create_assigned("t", {{1, 2}});
  EXPECT_EQ(cluster.alter_isr(cluster.isr_change(id, {1})).leader_epoch, 1);
  EXPECT_EQ(cluster.alter_isr(cluster.isr_change(id, {1, 2})).leader_epoch, 1);
}

TEST(ControllerIsrTest, RefusesInTheOrderOfApache) {
  TestCluster cluster;
  cluster.add_brokers(3);
  const TopicId id = cluster.create_assigned("t", {{1, 2}});
  const auto code = [&](auto change) {
    auto request = cluster.isr_change(id, {1});
    change(request, request.topics[0].partitions[0]);
    const auto decision = cluster.machine->decide_alter_partition(request, cluster.context(3));
    EXPECT_TRUE(decision.records.empty());
    if (decision.response.error_code != 0) return code_of(decision.response.error_code);
    return code_of(decision.response.topics[0].partitions[0].error_code);
  };
  EXPECT_EQ(code([](auto& r, auto&) { ++r.broker_epoch; }), ErrorCode::kStaleBrokerEpoch);
  EXPECT_EQ(code([](auto& r, auto&) { r.topics[0].topic_id = Uuid(1, 1); }),
            ErrorCode::kUnknownTopicId);
  EXPECT_EQ(code([](auto&, auto& p) { p.partition_index = 4; }),
            ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(code([](auto&, auto& p) { ++p.leader_epoch; }), ErrorCode::kNotController);
  EXPECT_EQ(code([](auto&, auto& p) { ++p.partition_epoch; }), ErrorCode::kNotController);
  EXPECT_EQ(code([](auto&, auto& p) { --p.leader_epoch; }), ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(code([](auto&, auto& p) { --p.partition_epoch; }), ErrorCode::kInvalidUpdateVersion);
  EXPECT_EQ(code([&](auto& r, auto&) {
              r.broker_id = 2;
              r.broker_epoch = cluster.machine->image().broker(NodeId(2))->epoch.value();
            }),
            ErrorCode::kInvalidRequest);
  EXPECT_EQ(code([](auto&, auto& p) { p.new_isr_with_epochs[0].broker_id = 2; }),
            ErrorCode::kInvalidRequest);
  EXPECT_EQ(code([](auto&, auto& p) { p.new_isr_with_epochs.emplace_back().broker_id = 3; }),
            ErrorCode::kInvalidRequest);
  EXPECT_EQ(code([](auto&, auto& p) { p.leader_recovery_state = 1; }), ErrorCode::kInvalidRequest);
  EXPECT_EQ(code([](auto&, auto& p) {
              auto& member = p.new_isr_with_epochs.emplace_back();
              member.broker_id = 2;
              member.broker_epoch = 0;
            }),
            ErrorCode::kIneligibleReplica);
  EXPECT_EQ(cluster
                .write(cluster.machine->decide_alter_partition(wire::AlterPartitionRequest(),
                                                               cluster.context(3)))
                .error_code,
            0);
}

TEST(ControllerElrTest, ReplicasThatLeaveBelowMinIsrStayEligible) {
  TestCluster cluster;
  cluster.add_brokers(3);
  const TopicId id = cluster.create_assigned("t", {{1, 2, 3}}, "min.insync.replicas", "3");
  cluster.expire(3, {1, 2});
  EXPECT_EQ(ids(cluster.partition(id).isr), nodes({1, 2}));
  EXPECT_EQ(ids(cluster.partition(id).elr), nodes({3}));
  cluster.expire(2, {1});
  EXPECT_EQ(ids(cluster.partition(id).elr), nodes({2, 3}));
  cluster.expire(1, {});
  EXPECT_TRUE(cluster.partition(id).isr.empty());
  EXPECT_EQ(ids(cluster.partition(id).elr), nodes({1, 2, 3}));
  EXPECT_EQ(ids(cluster.partition(id).last_known_elr), nodes({1}));
  EXPECT_EQ(cluster.partition(id).leader, image::kNoLeader);
  // The first that comes back leads alone; the others stay eligible.
  cluster.heartbeat(3);
  EXPECT_EQ(cluster.partition(id).leader, NodeId(3));
  EXPECT_EQ(ids(cluster.partition(id).isr), nodes({3}));
  EXPECT_EQ(ids(cluster.partition(id).elr), nodes({1, 2}));
  EXPECT_EQ(cluster.partition(id).recovery_state, image::LeaderRecoveryState::kRecovered);
  cluster.heartbeat(1);
  cluster.heartbeat(2);
  EXPECT_EQ(cluster.alter_isr(cluster.isr_change(id, {3, 1, 2})).error_code, 0);
  EXPECT_TRUE(cluster.partition(id).elr.empty());
  cluster.check();
}

TEST(ControllerElrTest, AChangedMinIsrClearsTheElr) {
  TestCluster cluster;
  cluster.add_brokers(2);
  const TopicId id = cluster.create_assigned("t", {{1, 2}}, "min.insync.replicas", "2");
  cluster.expire(2, {1});
  ASSERT_EQ(ids(cluster.partition(id).elr), nodes({2}));
  wire::IncrementalAlterConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = 2;
  resource.resource_name = "t";
  auto& entry = resource.configs.emplace_back();
  entry.name = "min.insync.replicas";
  entry.value = "1";
  const auto response = cluster.write(cluster.machine->decide_incremental_alter_configs(request));
  EXPECT_EQ(response.responses[0].error_code, 0);
  EXPECT_EQ(cluster.names_of_last(), (Names{"ConfigRecord", "ClearElrRecord"}));
  EXPECT_TRUE(cluster.partition(id).elr.empty());
  cluster.check();
}

TEST(ControllerElectionTest, UncleanElectionsOnlyWhereTheTopicAllowsThem) {
  for (const char* enabled : {"true", "False", "TRUE"}) {
    TestCluster cluster(30, false);
    cluster.add_brokers(2);
    const TopicId id =
        cluster.create_assigned("t", {{1, 2}}, "unclean.leader.election.enable", enabled);
    cluster.alter_isr(cluster.isr_change(id, {1}));
    cluster.expire(1, {2});
    const image::PartitionState& state = cluster.partition(id);
    if (enabled[0] != 'F') {
      EXPECT_EQ(state.leader, NodeId(2));
      EXPECT_EQ(ids(state.isr), nodes({2}));
      EXPECT_EQ(state.recovery_state, image::LeaderRecoveryState::kRecovering);
      // The leader says when it has recovered.
      EXPECT_EQ(cluster.alter_isr(cluster.isr_change(id, {2})).leader_recovery_state, 0);
    } else {
      EXPECT_EQ(state.leader, image::kNoLeader);
      EXPECT_EQ(ids(state.isr), nodes({1}));
    }
    cluster.check();
  }
}

wire::ElectLeadersRequest election(std::int8_t type, bool all = false) {
  wire::ElectLeadersRequest request;
  request.election_type = type;
  if (all) {
    request.topic_partitions = std::nullopt;
    return request;
  }
  auto& topic = request.topic_partitions->emplace_back();
  topic.topic = "t";
  topic.partitions = {0};
  return request;
}

TEST(ControllerElectionTest, OperatorsElectPreferredAndUncleanLeaders) {
  TestCluster cluster(30, false);
  cluster.add_brokers(2);
  const TopicId id = cluster.create_assigned("t", {{1, 2}});
  const auto elect = [&](const wire::ElectLeadersRequest& request) {
    const auto response =
        cluster.write(cluster.machine->decide_elect_leaders(request, cluster.context(2)));
    const auto& results = response.replica_election_results;
    return results.empty() || results[0].partition_result.empty()
               ? code_of(response.error_code)
               : code_of(results[0].partition_result[0].error_code);
  };
  EXPECT_EQ(elect(election(0)), ErrorCode::kElectionNotNeeded);
  EXPECT_EQ(elect(election(0, true)), ErrorCode::kNone);
  EXPECT_EQ(elect(election(1)), ErrorCode::kElectionNotNeeded);
  EXPECT_EQ(elect(election(7)), ErrorCode::kInvalidRequest);
  auto stopping = cluster.heartbeat_of(1);
  stopping.want_fence = true;
  cluster.heartbeat(stopping);
  ASSERT_EQ(cluster.partition(id).leader, NodeId(2));
  EXPECT_EQ(elect(election(0)), ErrorCode::kPreferredLeaderNotAvailable);
  cluster.heartbeat(1);
  EXPECT_EQ(elect(election(0)), ErrorCode::kPreferredLeaderNotAvailable);
  cluster.alter_isr(cluster.isr_change(id, {2, 1}));
  EXPECT_EQ(elect(election(0)), ErrorCode::kNone);
  EXPECT_EQ(cluster.partition(id).leader, NodeId(1));
  cluster.alter_isr(cluster.isr_change(id, {1}));
  cluster.expire(1, {2});
  ASSERT_EQ(cluster.partition(id).leader, image::kNoLeader);
  EXPECT_EQ(elect(election(1, true)), ErrorCode::kNone);
  EXPECT_EQ(cluster.partition(id).leader, NodeId(2));
  EXPECT_EQ(cluster.partition(id).recovery_state, image::LeaderRecoveryState::kRecovering);
  auto unknown = election(0);
  unknown.topic_partitions->front().topic = "nobody";
  EXPECT_EQ(elect(unknown), ErrorCode::kUnknownTopicOrPartition);
  cluster.check();
}

TEST(ControllerElectionTest, LeadersMoveBackToThePreferredReplicaInTime) {
  TestCluster cluster;
  cluster.add_brokers(2);
  const TopicId id = cluster.create_assigned("t", {{1, 2}});
  auto stopping = cluster.heartbeat_of(1);
  stopping.want_fence = true;
  cluster.heartbeat(stopping);
  cluster.heartbeat(1);
  cluster.alter_isr(cluster.isr_change(id, {2, 1}));
  ASSERT_EQ(cluster.partition(id).leader, NodeId(2));
  for (int second = 0; second < 310; ++second) {
    cluster.now = cluster.now + Millis(1000);
    cluster.heartbeat(1);
    cluster.heartbeat(2);
    cluster.tick();
  }
  EXPECT_EQ(cluster.partition(id).leader, NodeId(1));
  cluster.check();
}

wire::AlterPartitionReassignmentsRequest reassignment(
    std::optional<std::vector<std::int32_t>> replicas) {
  wire::AlterPartitionReassignmentsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = 0;
  partition.replicas = std::move(replicas);
  return request;
}

ErrorCode reassign(TestCluster& cluster, const wire::AlterPartitionReassignmentsRequest& request) {
  const auto response =
      cluster.write(cluster.machine->decide_alter_partition_reassignments(request));
  EXPECT_EQ(response.error_code, 0);
  return code_of(response.responses[0].partitions[0].error_code);
}

TEST(ControllerReassignmentTest, MovesAPartitionOnceTheNewReplicasAreInSync) {
  TestCluster cluster;
  cluster.add_brokers(4);
  const TopicId id = cluster.create_assigned("t", {{1, 2}});
  EXPECT_EQ(reassign(cluster, reassignment({{3, 4}})), ErrorCode::kNone);
  const image::PartitionState moving = cluster.partition(id);
  EXPECT_EQ(ids(moving.replicas), nodes({3, 4, 1, 2}));
  EXPECT_EQ(ids(moving.removing_replicas), nodes({1, 2}));
  EXPECT_EQ(ids(moving.adding_replicas), nodes({3, 4}));
  EXPECT_EQ(moving.directories.size(), 4u);
  EXPECT_EQ(moving.directory_of(NodeId(3)), TestCluster::dir(3));
  EXPECT_EQ(moving.leader, NodeId(1));

  wire::ListPartitionReassignmentsRequest list;
  auto listed = cluster.machine->list_partition_reassignments(list);
  ASSERT_EQ(listed.topics.size(), 1u);
  EXPECT_EQ(listed.topics[0].partitions[0].adding_replicas, (std::vector<std::int32_t>{3, 4}));

  EXPECT_EQ(cluster.alter_isr(cluster.isr_change(id, {1, 2, 3})).error_code, 0);
  EXPECT_TRUE(cluster.partition(id).is_reassigning());
  const auto result = cluster.alter_isr(cluster.isr_change(id, {1, 2, 3, 4}));
  EXPECT_EQ(code_of(result.error_code), ErrorCode::kNewLeaderElected);
  EXPECT_EQ(result.partition_epoch, 0);
  const image::PartitionState& moved = cluster.partition(id);
  EXPECT_EQ(ids(moved.replicas), nodes({3, 4}));
  EXPECT_EQ(ids(moved.isr), nodes({3, 4}));
  EXPECT_EQ(moved.leader, NodeId(3));
  EXPECT_FALSE(moved.is_reassigning());
  EXPECT_EQ(moved.directories.size(), 2u);
  EXPECT_TRUE(cluster.machine->list_partition_reassignments(list).topics.empty());
  cluster.check();
}

TEST(ControllerReassignmentTest, FewerReplicasAreAtOnceFewerAndBumpTheLeaderEpoch) {
  TestCluster cluster;
  cluster.add_brokers(3);
  const TopicId id = cluster.create_assigned("t", {{1, 2, 3}});
  EXPECT_EQ(reassign(cluster, reassignment({{1, 2}})), ErrorCode::kNone);
  const image::PartitionState& state = cluster.partition(id);
  EXPECT_EQ(ids(state.replicas), nodes({1, 2}));
  EXPECT_EQ(state.leader, NodeId(1));
  EXPECT_EQ(state.leader_epoch, LeaderEpoch(1));
  cluster.check();
}

TEST(ControllerReassignmentTest, CanBeCancelled) {
  TestCluster cluster;
  cluster.add_brokers(3);
  const TopicId id = cluster.create_assigned("t", {{1, 2}});
  EXPECT_EQ(reassign(cluster, reassignment(std::nullopt)), ErrorCode::kNoReassignmentInProgress);
  EXPECT_EQ(reassign(cluster, reassignment({{1, 3}})), ErrorCode::kNone);
  EXPECT_EQ(reassign(cluster, reassignment(std::nullopt)), ErrorCode::kNone);
  const image::PartitionState& state = cluster.partition(id);
  EXPECT_EQ(ids(state.replicas), nodes({1, 2}));
  EXPECT_FALSE(state.is_reassigning());
  cluster.check();
}

TEST(ControllerReassignmentTest, RefusesUnknownBrokersAndForbiddenFactors) {
  TestCluster cluster;
  cluster.add_brokers(3);
  cluster.create_assigned("t", {{1, 2}});
  EXPECT_EQ(reassign(cluster, reassignment({{1, 9}})), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(reassign(cluster, reassignment({{1, 1}})), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(reassign(cluster, reassignment(std::vector<std::int32_t>())),
            ErrorCode::kInvalidReplicaAssignment);
  auto request = reassignment({{1, 2, 3}});
  request.allow_replication_factor_change = false;
  EXPECT_EQ(reassign(cluster, request), ErrorCode::kInvalidReplicationFactor);
  request.topics[0].partitions[0].partition_index = 5;
  EXPECT_EQ(reassign(cluster, request), ErrorCode::kUnknownTopicOrPartition);
  request.topics[0].name = "nobody";
  EXPECT_EQ(reassign(cluster, request), ErrorCode::kUnknownTopicOrPartition);
}

}  // namespace
}  // namespace moldau::controller
