// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "machine/controller/test_cluster.h"

// KIP-631 (registration, heartbeats), KIP-841 (fenced replicas and the ISR), KIP-858
// (directories), KIP-868 (bootstrap), KIP-966 (unclean shutdown), KIP-1066 (cordoned directories)

namespace moldau::controller {
namespace {

using Names = std::vector<std::string>;

TEST(ControllerActivationTest, WritesTheBootstrapRecordsInATransaction) {
  TestCluster cluster;
  EXPECT_EQ(cluster.names_of_last(),
            (Names{"BeginTransactionRecord", "FeatureLevelRecord", "FeatureLevelRecord",
                   "FeatureLevelRecord", "FeatureLevelRecord", "FeatureLevelRecord",
                   "FeatureLevelRecord", "ConfigRecord", "EndTransactionRecord"}));
  EXPECT_EQ(cluster.last[1].as<wire::FeatureLevelRecord>()->name, "metadata.version");
  EXPECT_EQ(cluster.last[2].as<wire::FeatureLevelRecord>()->name,
            "eligible.leader.replicas.version");
  EXPECT_EQ(cluster.last[7].as<wire::ConfigRecord>()->name, "min.insync.replicas");
  EXPECT_EQ(cluster.last[7].as<wire::ConfigRecord>()->value, "1");
  cluster.check();
  cluster.start();
  EXPECT_TRUE(cluster.machine->decide_activation(image::MetadataImage()).records.empty());
}

TEST(ControllerActivationTest, WritesOneBatchWhereThereAreNoTransactions) {
  TestCluster cluster(12);
  EXPECT_EQ(cluster.names_of_last(), Names{"FeatureLevelRecord"});
  cluster.check();
}

TEST(ControllerActivationTest, AbortsTheTransactionOfAPredecessorAndBeginsAnew) {
  TestCluster donor;
  image::RecordList begun;
  begun.begin_transaction("Bootstrap records");
  begun.feature_level("metadata.version", 30);
  image::ImageLoader log;
  ASSERT_TRUE(log.replay(begun.records(), Offset(0), LeaderEpoch(1), Timestamp(0)).ok());
  ControllerMachine machine(donor.settings, log.fork(), donor.now);
  const auto decision = machine.decide_activation(donor.machine->image());
  ASSERT_GT(decision.records.size(), 3u);
  EXPECT_NE(decision.records.records()[0].as<wire::AbortTransactionRecord>(), nullptr);
  EXPECT_NE(decision.records.records()[1].as<wire::BeginTransactionRecord>(), nullptr);
  ASSERT_TRUE(machine.replay(decision.records.records(), Offset(2), donor.now).ok());
  EXPECT_TRUE(machine.image().same_content(donor.machine->image()));
}

TEST(ControllerBrokerTest, RegistersFencedAndUnfencesOnceCaughtUp) {
  TestCluster cluster;
  const std::int64_t epoch = cluster.next_offset.value();
  const auto response = cluster.write(
      cluster.machine->decide_broker_registration(cluster.registration(1), cluster.context(4)));
  EXPECT_EQ(response.error_code, 0);
  EXPECT_EQ(response.broker_epoch, epoch);
  EXPECT_EQ(cluster.last.back().version, 4);
  EXPECT_TRUE(cluster.machine->image().broker(NodeId(1))->fenced);

  auto heartbeat = cluster.heartbeat_of(1);
  heartbeat.current_metadata_offset = epoch - 1;
  auto reply = cluster.heartbeat(heartbeat);
  EXPECT_FALSE(reply.is_caught_up);
  EXPECT_TRUE(reply.is_fenced);
  heartbeat.current_metadata_offset = epoch;
  heartbeat.want_fence = true;
  reply = cluster.heartbeat(heartbeat);
  EXPECT_TRUE(reply.is_caught_up);
  EXPECT_TRUE(reply.is_fenced);
  heartbeat.want_fence = false;
  heartbeat.cordoned_log_dirs.emplace();
  reply = cluster.heartbeat(heartbeat);
  EXPECT_FALSE(reply.is_fenced);
  EXPECT_EQ(cluster.names_of_last(),
            (Names{"BrokerRegistrationChangeRecord", "BrokerRegistrationChangeRecord"}));
  EXPECT_EQ(cluster.last[0].version, 0);
  EXPECT_EQ(cluster.last[1].version, 3);
  cluster.heartbeat(heartbeat);
  EXPECT_TRUE(cluster.last.empty());
  cluster.check();
}

TEST(ControllerBrokerTest, RefusesRegistrationsAsApacheDoes) {
  TestCluster cluster;
  cluster.add_broker(1);
  const auto code = [&](auto change) {
    auto request = cluster.registration(2);
    change(request);
    const auto decision = cluster.machine->decide_broker_registration(request, cluster.context(4));
    EXPECT_TRUE(decision.records.empty());
    return code_of(decision.response.error_code);
  };
  using Request = wire::BrokerRegistrationRequest;
  EXPECT_EQ(code([](Request& r) { r.cluster_id = "other"; }), ErrorCode::kInconsistentClusterId);
  EXPECT_EQ(code([](Request& r) {
              r.broker_id = 1;
              r.incarnation_id = Uuid(9, 9);
            }),
            ErrorCode::kDuplicateBrokerRegistration);
  EXPECT_EQ(code([](Request& r) { r.is_migrating_zk_broker = true; }),
            ErrorCode::kBrokerIdNotRegistered);
  EXPECT_EQ(code([](Request& r) { r.log_dirs.clear(); }), ErrorCode::kInvalidRegistration);
  EXPECT_EQ(code([](Request& r) { r.log_dirs = {kDirectoryLost}; }),
            ErrorCode::kInvalidRegistration);
  EXPECT_EQ(code([](Request& r) { r.log_dirs.push_back(r.log_dirs.front()); }),
            ErrorCode::kInvalidRegistration);
  EXPECT_EQ(code([](Request& r) { r.log_dirs = {TestCluster::dir(1)}; }),
            ErrorCode::kInvalidRegistration);
  for (std::size_t i = 0; i < image::supported_features().size(); ++i) {
    const bool metadata_version = image::supported_features()[i].name == "metadata.version";
    EXPECT_EQ(code([&](Request& r) {
                r.features.erase(r.features.begin() + static_cast<std::ptrdiff_t>(i));
              }),
              metadata_version ? ErrorCode::kInvalidRegistration : ErrorCode::kUnsupportedVersion);
  }
  EXPECT_EQ(code([](Request& r) { r.features[0].max_supported_version = 29; }),
            ErrorCode::kUnsupportedVersion);
}

TEST(ControllerBrokerTest, AnIncarnationOfItsOwnProcessNeedNotWaitForTheOldSession) {
  TestCluster cluster;
  cluster.add_broker(1);
  const auto restarted = cluster.registration(1, 2);
  cluster.start();
  EXPECT_EQ(code_of(cluster.machine->decide_broker_registration(restarted, cluster.context(4))
                        .response.error_code),
            ErrorCode::kDuplicateBrokerRegistration);
  cluster.settings.own_incarnation_id = restarted.incarnation_id;
  cluster.start();
  EXPECT_EQ(
      cluster.write(cluster.machine->decide_broker_registration(restarted, cluster.context(4)))
          .error_code,
      0);
  EXPECT_TRUE(cluster.machine->image().broker(NodeId(1))->fenced);
}

TEST(ControllerBrokerTest, ANewIncarnationLeavesEveryIsrBeforeItRegisters) {
  TestCluster cluster(30, false);
  cluster.add_brokers(2);
  const TopicId id = cluster.create_assigned("t", {{1, 2}});
  auto heartbeat = cluster.heartbeat_of(1);
  heartbeat.want_fence = true;
  // Fenced, but its partition's only way out is through the ISR of broker 2.
  cluster.heartbeat(heartbeat);
  EXPECT_EQ(cluster.names_of_last(),
            (Names{"PartitionChangeRecord", "BrokerRegistrationChangeRecord"}));
  EXPECT_EQ(cluster.partition(id).leader, NodeId(2));
  EXPECT_EQ(cluster.partition(id).isr.to_vector(), nodes({2}));
  cluster.check();
}

TEST(ControllerBrokerTest, TheLastIsrMemberStaysWithoutElrAndTheLeaderIsNone) {
  TestCluster cluster(30, false);
  cluster.add_brokers(1);
  const TopicId id = cluster.create_assigned("t", {{1}});
  cluster.expire(1, {});
  EXPECT_EQ(cluster.partition(id).leader, image::kNoLeader);
  EXPECT_EQ(cluster.partition(id).isr.to_vector(), nodes({1}));
  cluster.heartbeat(1);
  EXPECT_EQ(cluster.names_of_last(),
            (Names{"BrokerRegistrationChangeRecord", "PartitionChangeRecord"}));
  EXPECT_EQ(cluster.partition(id).leader, NodeId(1));
  EXPECT_EQ(cluster.partition(id).leader_epoch, LeaderEpoch(2));
  cluster.check();
}

TEST(ControllerBrokerTest, AnUncleanShutdownTakesABrokerOutOfTheElr) {
  for (const bool clean : {true, false}) {
    TestCluster cluster;
    cluster.add_brokers(1);
    const TopicId id = cluster.create_assigned("t", {{1}});
    const std::int64_t epoch = cluster.machine->image().broker(NodeId(1))->epoch.value();
    cluster.expire(1, {});
    EXPECT_EQ(cluster.partition(id).elr.to_vector(), nodes({1}));
    EXPECT_TRUE(cluster.partition(id).isr.empty());
    EXPECT_EQ(cluster.partition(id).last_known_elr.to_vector(), nodes({1}));
    auto request = cluster.registration(1, 2);
    request.previous_broker_epoch = clean ? epoch : -1;
    cluster.write(cluster.machine->decide_broker_registration(request, cluster.context(4)));
    EXPECT_EQ(cluster.partition(id).elr.empty(), !clean);
    cluster.heartbeat(1);
    // Clean: elected from the ELR. Unclean: the last known leader may lead again, but recovers.
    EXPECT_EQ(cluster.partition(id).leader, NodeId(1));
    EXPECT_EQ(cluster.partition(id).recovery_state == image::LeaderRecoveryState::kRecovering,
              !clean);
    EXPECT_TRUE(cluster.partition(id).last_known_elr.empty());
    EXPECT_TRUE(cluster.partition(id).elr.empty());
    cluster.check();
  }
}

TEST(ControllerBrokerTest, FencesStaleSessionsOneAtATime) {
  TestCluster cluster;
  cluster.add_brokers(3);
  const TopicId id = cluster.create_assigned("t", {{1, 2, 3}});
  cluster.now = cluster.now + Millis(5000);
  cluster.heartbeat(3);
  EXPECT_FALSE(cluster.machine->next_tick() > cluster.now + Millis(4001));
  cluster.now = cluster.now + Millis(4001);
  cluster.tick();
  EXPECT_TRUE(cluster.machine->image().broker(NodeId(1))->fenced);
  EXPECT_TRUE(cluster.machine->image().broker(NodeId(2))->fenced);
  EXPECT_FALSE(cluster.machine->image().broker(NodeId(3))->fenced);
  EXPECT_EQ(cluster.partition(id).leader, NodeId(3));
  EXPECT_EQ(cluster.partition(id).isr.to_vector(), nodes({3}));
  cluster.check();
}

TEST(ControllerBrokerTest, AFollowingControllerBeginsWithFullSessions) {
  TestCluster cluster;
  cluster.add_brokers(1);
  cluster.now = cluster.now + Millis(8999);
  cluster.start();
  cluster.now = cluster.now + Millis(8999);
  cluster.tick();
  EXPECT_FALSE(cluster.machine->image().broker(NodeId(1))->fenced);
  cluster.now = cluster.now + Millis(2);
  cluster.tick();
  EXPECT_TRUE(cluster.machine->image().broker(NodeId(1))->fenced);
}

TEST(ControllerBrokerTest, ControlledShutdownMovesLeadersThenWaitsForTheOthers) {
  TestCluster cluster;
  cluster.add_brokers(2);
  const TopicId id = cluster.create_assigned("t", {{1, 2}});
  cluster.heartbeat(2);
  auto stopping = cluster.heartbeat_of(1);
  stopping.want_shut_down = true;
  auto reply = cluster.heartbeat(stopping);
  EXPECT_FALSE(reply.should_shut_down);
  EXPECT_FALSE(reply.is_fenced);
  EXPECT_EQ(cluster.names_of_last(),
            (Names{"BrokerRegistrationChangeRecord", "PartitionChangeRecord"}));
  EXPECT_EQ(cluster.partition(id).leader, NodeId(2));
  // Broker 2 has not seen the move yet.
  EXPECT_FALSE(cluster.heartbeat(stopping).should_shut_down);
  cluster.heartbeat(2);
  reply = cluster.heartbeat(stopping);
  EXPECT_TRUE(reply.should_shut_down);
  EXPECT_TRUE(reply.is_fenced);
  EXPECT_EQ(cluster.names_of_last(), Names{"BrokerRegistrationChangeRecord"});
  // Its session ended with it: a restart may register at once.
  EXPECT_EQ(cluster
                .write(cluster.machine->decide_broker_registration(cluster.registration(1, 2),
                                                                   cluster.context(4)))
                .error_code,
            0);
  EXPECT_FALSE(cluster.machine->image().broker(NodeId(1))->in_controlled_shutdown);
  cluster.check();
}

TEST(ControllerBrokerTest, ABrokerThatLeadsNothingMayStopAtOnce) {
  TestCluster cluster;
  cluster.add_brokers(1);
  auto stopping = cluster.heartbeat_of(1);
  stopping.want_shut_down = true;
  EXPECT_TRUE(cluster.heartbeat(stopping).should_shut_down);
  EXPECT_TRUE(cluster.machine->image().broker(NodeId(1))->fenced);
}

TEST(ControllerBrokerTest, AWrongEpochIsStale) {
  TestCluster cluster;
  cluster.add_brokers(1);
  auto heartbeat = cluster.heartbeat_of(1);
  --heartbeat.broker_epoch;
  EXPECT_EQ(code_of(cluster.heartbeat(heartbeat).error_code), ErrorCode::kStaleBrokerEpoch);
  heartbeat.broker_id = 9;
  EXPECT_EQ(code_of(cluster.heartbeat(heartbeat).error_code), ErrorCode::kStaleBrokerEpoch);
}

TEST(ControllerBrokerTest, OfflineDirectoriesLoseTheirLeaders) {
  TestCluster cluster;
  auto request = cluster.registration(1);
  const DirectoryId second = Uuid(7000, 1);
  request.log_dirs.push_back(second);
  cluster.write(cluster.machine->decide_broker_registration(request, cluster.context(4)));
  cluster.heartbeat(1);
  cluster.add_broker(2);
  const TopicId id = cluster.create_assigned("t", {{1, 2}, {1, 2}});
  EXPECT_EQ(cluster.partition(id).directories.front(), kDirectoryUnassigned);
  EXPECT_EQ(cluster.partition(id).directories.back(), TestCluster::dir(2));
  wire::AssignReplicasToDirsRequest assign;
  assign.broker_id = 1;
  assign.broker_epoch = cluster.machine->image().broker(NodeId(1))->epoch.value();
  auto& dir = assign.directories.emplace_back();
  dir.id = second;
  auto& topic = dir.topics.emplace_back();
  topic.topic_id = id;
  topic.partitions.emplace_back().partition_index = 0;
  topic.partitions.emplace_back().partition_index = 7;
  const auto assigned = cluster.write(cluster.machine->decide_assign_replicas_to_dirs(assign));
  EXPECT_EQ(assigned.directories[0].topics[0].partitions[0].error_code, 0);
  EXPECT_EQ(code_of(assigned.directories[0].topics[0].partitions[1].error_code),
            ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(cluster.last.size(), 1u);
  EXPECT_EQ(cluster.partition(id).directory_of(NodeId(1)), second);
  // Again: nothing new.
  cluster.write(cluster.machine->decide_assign_replicas_to_dirs(assign));
  EXPECT_TRUE(cluster.last.empty());

  auto heartbeat = cluster.heartbeat_of(1);
  heartbeat.offline_log_dirs = {second};
  cluster.heartbeat(heartbeat);
  EXPECT_EQ(cluster.names_of_last(),
            (Names{"PartitionChangeRecord", "BrokerRegistrationChangeRecord"}));
  EXPECT_EQ(cluster.partition(id, 0).leader, NodeId(2));
  EXPECT_EQ(cluster.partition(id, 1).leader, NodeId(1));
  EXPECT_EQ(cluster.machine->image().broker(NodeId(1))->log_dirs.size(), 1u);
  cluster.check();
}

TEST(ControllerBrokerTest, UnregisteringRemovesFromIsrAndElr) {
  TestCluster cluster;
  cluster.add_brokers(2);
  const TopicId id = cluster.create_assigned("t", {{1, 2}});
  wire::UnregisterBrokerRequest request;
  request.broker_id = 1;
  EXPECT_EQ(cluster.write(cluster.machine->decide_unregister_broker(request)).error_code, 0);
  EXPECT_EQ(cluster.machine->image().broker(NodeId(1)), nullptr);
  EXPECT_EQ(cluster.partition(id).leader, NodeId(2));
  EXPECT_TRUE(cluster.partition(id).elr.empty());
  EXPECT_EQ(code_of(cluster.write(cluster.machine->decide_unregister_broker(request)).error_code),
            ErrorCode::kBrokerIdNotRegistered);
  cluster.check();
}

TEST(ControllerBrokerTest, ControllersRegisterFrom37On) {
  wire::ControllerRegistrationRequest request;
  request.controller_id = 100;
  request.incarnation_id = Uuid(1, 1);
  TestCluster cluster;
  EXPECT_EQ(cluster.write(cluster.machine->decide_controller_registration(request)).error_code, 0);
  EXPECT_TRUE(cluster.machine->image().controllers().contains(NodeId(100)));
  TestCluster old(14);
  EXPECT_EQ(code_of(old.write(old.machine->decide_controller_registration(request)).error_code),
            ErrorCode::kUnsupportedVersion);
}

TEST(ControllerBrokerTest, IdleLogsGetNoOpRecords) {
  TestCluster cluster;
  cluster.now = cluster.now + Millis(499);
  EXPECT_FALSE(cluster.machine->tick(cluster.context()).has_value());
  EXPECT_EQ(cluster.machine->next_tick(), cluster.now + Millis(1));
  cluster.now = cluster.now + Millis(1);
  cluster.tick();
  EXPECT_EQ(cluster.names_of_last(), Names{"NoOpRecord"});
  EXPECT_EQ(cluster.machine->next_tick(), cluster.now + Millis(500));
}

TEST(ControllerProducerIdsTest, GivesOutBlocksOfAThousand) {
  TestCluster cluster;
  cluster.add_brokers(1);
  wire::AllocateProducerIdsRequest request;
  request.broker_id = 1;
  request.broker_epoch = cluster.machine->image().broker(NodeId(1))->epoch.value();
  for (std::int64_t first : {0, 1000, 2000}) {
    const auto response = cluster.write(cluster.machine->decide_allocate_producer_ids(request));
    EXPECT_EQ(response.producer_id_start, first);
    EXPECT_EQ(response.producer_id_len, 1000);
    cluster.start();
  }
  ++request.broker_epoch;
  EXPECT_EQ(
      code_of(cluster.write(cluster.machine->decide_allocate_producer_ids(request)).error_code),
      ErrorCode::kStaleBrokerEpoch);
}

}  // namespace
}  // namespace moldau::controller
