// SPDX-License-Identifier: Apache-2.0
#include "machine/image/image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "machine/image/delta.h"
#include "machine/image/loader.h"
#include "machine/image/record_list.h"

// KIP-631 (records and image), KIP-858 (directories), KIP-868 (transactions), KIP-966 (ELR)

namespace moldau::image {
namespace {

const TopicId kTopic(7, 1);
const DirectoryId kDir1(100, 1);

PartitionState partition_of(std::initializer_list<NodeId> replicas) {
  PartitionState state;
  state.replicas = ReplicaList(replicas);
  state.isr = state.replicas;
  state.directories.assign(replicas.size(), kDir1);
  state.leader = state.replicas.front();
  return state;
}

BrokerRegistration broker_of(std::int32_t id) {
  BrokerRegistration broker;
  broker.id = NodeId(id);
  broker.epoch = BrokerEpoch(10 * id);
  broker.incarnation_id = Uuid(id, 5);
  Endpoint& endpoint = broker.listeners.emplace_back();
  endpoint.listener = "PLAINTEXT";
  endpoint.host = "localhost";
  endpoint.port = 9092;
  broker.log_dirs = {kDir1};
  return broker;
}

void replay_all(MetadataDelta& delta, const RecordList& list) {
  for (const MetadataRecord& record : list.records()) {
    // Through the bytes: what is replayed must be what the log would hold.
    const auto bytes = serialize_record(record);
    ASSERT_EQ(bytes.size(), record_size(record));
    const auto parsed = parse_record(bytes);
    ASSERT_TRUE(parsed.ok()) << parsed.error().text();
    const auto done = delta.replay(*parsed);
    ASSERT_TRUE(done.ok()) << record_name(record) << ": " << done.error().text();
  }
}

RecordList one_of_everything() {
  RecordList list;
  list.feature_level(kMetadataVersionFeature, 30);
  list.feature_level(kElrFeature, 1);
  list.register_broker(broker_of(1));
  BrokerRegistration second = broker_of(2);
  second.rack = "r";
  second.cordoned_log_dirs.emplace();
  list.register_broker(second);
  ControllerRegistration controller;
  controller.id = NodeId(1);
  controller.incarnation_id = Uuid(1, 5);
  list.register_controller(controller);
  list.topic("orders", kTopic);
  list.partition(kTopic, PartitionId(0), partition_of({NodeId(1), NodeId(2)}));
  PartitionState leaderless = partition_of({NodeId(1), NodeId(2)});
  leaderless.isr = ReplicaList();
  leaderless.elr = ReplicaList{NodeId(1)};
  leaderless.last_known_elr = ReplicaList{NodeId(2)};
  leaderless.leader = kNoLeader;
  list.partition(kTopic, PartitionId(1), leaderless);
  list.config(ConfigResource(ResourceType::kTopic, "orders"), "retention.ms", "1000");
  list.config(ConfigResource(ResourceType::kBroker, ""), "min.insync.replicas", "1");
  QuotaEntity entity;
  entity.parts["user"] = std::nullopt;
  entity.parts["client-id"] = "c";
  list.client_quota(entity, "producer_byte_rate", 1024.5);
  list.producer_ids(NodeId(1), BrokerEpoch(10), ProducerId(3000));
  Acl acl;
  acl.principal = "User:a";
  list.acl(Uuid(3, 3), acl);
  ScramCredential credential;
  credential.salt = {std::byte{1}, std::byte{2}};
  credential.iterations = 4096;
  list.scram(ScramKey(1, "alice"), credential);
  DelegationToken token;
  token.owner = "User:a";
  token.renewers = {"User:b"};
  list.delegation_token("t1", token);
  return list;
}

MetadataImage image_of(const RecordList& list) {
  MetadataDelta delta{MetadataImage()};
  replay_all(delta, list);
  return delta.publish(Provenance());
}

std::map<Acl, std::uint32_t, AclLess> counted(const MetadataImage& image) {
  std::map<Acl, std::uint32_t, AclLess> counts;
  for (const auto& [id, acl] : image.acls()) ++counts[acl];
  return counts;
}

TEST(MetadataImageTest, TheIndexOfAclsFollowsTheirRecords) {
  std::uint64_t state = 11;
  const auto below = [&state](std::uint64_t end) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % end;
  };
  std::vector<MetadataImage> kept(1);
  for (int step = 0; step < 300; ++step) {
    RecordList list;
    Acl acl;
    acl.resource_name = std::to_string(below(5));
    acl.principal = "User:" + std::to_string(below(3));
    const Uuid id(1, 1 + below(40));
    if (kept.back().acls().contains(id) && below(3) > 0) {
      list.remove_acl(id);
    } else {
      list.acl(id, acl);
    }
    MetadataDelta delta(kept.back());
    replay_all(delta, list);
    kept.push_back(delta.publish(Provenance()));
  }
  for (const MetadataImage& image : kept) {
    const auto expected = counted(image);
    const auto& found = image.acl_index().map();
    ASSERT_TRUE(std::equal(found.begin(), found.end(), expected.begin(), expected.end()));
    EXPECT_EQ(found.size(), expected.size());
  }
}

TEST(MetadataImageTest, WritesRecordsThatMakeAnEqualImage) {
  const MetadataImage image = image_of(one_of_everything());
  const RecordList written = write_records(image);
  EXPECT_EQ(record_name(written.records().front()), "FeatureLevelRecord");
  EXPECT_TRUE(image.same_content(image_of(written)));
  EXPECT_EQ(written.size(), one_of_everything().size());
  EXPECT_FALSE(image.same_content(MetadataImage()));
  EXPECT_TRUE(MetadataImage().is_empty());
  EXPECT_FALSE(image.is_empty());
}

TEST(MetadataImageTest, WritesEachRecordInTheVersionOfTheMetadataVersion) {
  MetadataDelta delta{MetadataImage()};
  RecordList list(MetadataVersion(14));
  list.feature_level(kMetadataVersionFeature, 14);
  BrokerRegistration broker = broker_of(1);
  broker.log_dirs.clear();
  list.register_broker(broker);
  list.topic("t", kTopic);
  PartitionState state = partition_of({NodeId(1)});
  state.directories = {kDirectoryMigrating};
  list.partition(kTopic, PartitionId(0), state);
  replay_all(delta, list);
  const MetadataImage image = delta.publish(Provenance());
  for (const MetadataRecord& record : write_records(image).records()) {
    if (record.as<wire::RegisterBrokerRecord>() != nullptr) {
      EXPECT_EQ(record.version, 2);
    } else if (record.as<wire::PartitionRecord>() != nullptr) {
      EXPECT_EQ(record.version, 0);
    }
  }
  EXPECT_EQ(image.partition(kTopic, PartitionId(0))->directories.front(), kDirectoryMigrating);
}

TEST(MetadataDeltaTest, LeavesTheBaseAsItWas) {
  const MetadataImage before = image_of(one_of_everything());
  MetadataDelta delta(before);
  RecordList list;
  PartitionChange change;
  change.leader = NodeId(2);
  change.isr = std::vector<NodeId>{NodeId(2)};
  list.partition_change(kTopic, PartitionId(0), change);
  list.config(ConfigResource(ResourceType::kTopic, "orders"), "retention.ms", std::nullopt);
  replay_all(delta, list);
  const PartitionState& old_state = *before.partition(kTopic, PartitionId(0));
  const PartitionState& new_state = *delta.image().partition(kTopic, PartitionId(0));
  EXPECT_EQ(old_state.leader, NodeId(1));
  EXPECT_EQ(new_state.leader, NodeId(2));
  EXPECT_EQ(new_state.leader_epoch, LeaderEpoch(1));
  EXPECT_EQ(new_state.partition_epoch, PartitionEpoch(1));
  EXPECT_EQ(before.topic_config("orders").size(), 1u);
  EXPECT_TRUE(delta.image().topic_config("orders").empty());
  ASSERT_EQ(delta.changes().topics.size(), 1u);
  EXPECT_FALSE(delta.changes().topics.at(kTopic).created);
  EXPECT_EQ(delta.changes().topics.at(kTopic).partitions.size(), 1u);
}

TEST(MetadataDeltaTest, NamingTheSameLeaderAgainBumpsTheLeaderEpoch) {
  MetadataDelta delta(image_of(one_of_everything()));
  RecordList list;
  PartitionChange change;
  change.leader = NodeId(1);
  list.partition_change(kTopic, PartitionId(0), change);
  PartitionChange isr_only;
  isr_only.isr = std::vector<NodeId>{NodeId(1)};
  list.partition_change(kTopic, PartitionId(0), isr_only);
  replay_all(delta, list);
  const PartitionState& state = *delta.image().partition(kTopic, PartitionId(0));
  EXPECT_EQ(state.leader_epoch, LeaderEpoch(1));
  EXPECT_EQ(state.partition_epoch, PartitionEpoch(2));
}

TEST(MetadataDeltaTest, RemovingATopicRemovesItsConfigs) {
  MetadataDelta delta(image_of(one_of_everything()));
  RecordList list;
  list.remove_topic(kTopic);
  replay_all(delta, list);
  EXPECT_EQ(delta.image().topic("orders"), nullptr);
  EXPECT_TRUE(delta.image().topic_config("orders").empty());
  EXPECT_EQ(delta.changes().deleted_topics.count(kTopic), 1u);
  EXPECT_TRUE(delta.changes().topics.empty());
}

TEST(MetadataDeltaTest, ClearElrRecordEmptiesBothListsAndBumpsThePartitionEpoch) {
  for (const char* name : {"orders", ""}) {
    MetadataDelta delta(image_of(one_of_everything()));
    RecordList list;
    list.clear_elr(name);
    replay_all(delta, list);
    const PartitionState& cleared = *delta.image().partition(kTopic, PartitionId(1));
    EXPECT_TRUE(cleared.elr.empty());
    EXPECT_TRUE(cleared.last_known_elr.empty());
    EXPECT_EQ(cleared.partition_epoch, PartitionEpoch(1));
    EXPECT_EQ(delta.image().partition(kTopic, PartitionId(0))->partition_epoch, PartitionEpoch(0));
  }
}

TEST(MetadataDeltaTest, RefusesWhatContradictsTheImage) {
  const auto refuses = [](auto make) {
    MetadataDelta delta(image_of(one_of_everything()));
    RecordList list;
    make(list);
    const auto done = delta.replay(list.records().back());
    return done.code() == ErrorCode::kInvalidRecordState &&
           delta.image().same_content(delta.base()) && delta.changes().empty();
  };
  EXPECT_TRUE(refuses([](RecordList& l) { l.topic("orders", Uuid(8, 8)); }));
  EXPECT_TRUE(refuses([](RecordList& l) { l.topic("other", kTopic); }));
  EXPECT_TRUE(refuses([](RecordList& l) { l.remove_topic(Uuid(8, 8)); }));
  EXPECT_TRUE(refuses(
      [](RecordList& l) { l.partition(Uuid(8, 8), PartitionId(0), partition_of({NodeId(1)})); }));
  EXPECT_TRUE(refuses([](RecordList& l) {
    PartitionState state = partition_of({NodeId(1)});
    state.leader = NodeId(3);
    l.partition(kTopic, PartitionId(5), state);
  }));
  EXPECT_TRUE(refuses(
      [](RecordList& l) { l.partition_change(kTopic, PartitionId(9), PartitionChange()); }));
  EXPECT_TRUE(refuses([](RecordList& l) { l.fence_broker(NodeId(1), BrokerEpoch(3), true); }));
  EXPECT_TRUE(refuses([](RecordList& l) { l.unregister_broker(NodeId(9), BrokerEpoch(3)); }));
  EXPECT_TRUE(refuses([](RecordList& l) { l.feature_level(kMetadataVersionFeature, 99); }));
  EXPECT_TRUE(refuses([](RecordList& l) { l.clear_elr("nobody"); }));
}

TEST(MetadataDeltaTest, ASnapshotReplacesWhatItDoesNotMention) {
  const MetadataImage before = image_of(one_of_everything());
  MetadataDelta delta = MetadataDelta::of_snapshot(before);
  RecordList list;
  list.feature_level(kMetadataVersionFeature, 30);
  list.register_broker(broker_of(2));
  list.topic("new", Uuid(9, 9));
  list.partition(Uuid(9, 9), PartitionId(0), partition_of({NodeId(2)}));
  replay_all(delta, list);
  delta.finish_snapshot();
  const MetadataChanges& changes = delta.changes();
  EXPECT_EQ(changes.deleted_topics, std::set<TopicId>{kTopic});
  EXPECT_TRUE(changes.topics.at(Uuid(9, 9)).created);
  EXPECT_EQ(changes.brokers, (std::set<NodeId>{NodeId(1), NodeId(2)}));
  EXPECT_EQ(changes.features, std::set<std::string>{std::string(kElrFeature)});
  EXPECT_EQ(changes.configs.size(), 2u);
  EXPECT_TRUE(changes.producer_ids);
  EXPECT_FALSE(changes.metadata_version);
}

TEST(ImageLoaderTest, ShowsNothingOfATransactionBeforeItsEnd) {
  ImageLoader loader;
  RecordList list;
  list.feature_level(kMetadataVersionFeature, 30);
  list.begin_transaction("t");
  list.topic("orders", kTopic);
  ASSERT_TRUE(loader.replay(list.records(), Offset(0), LeaderEpoch(1), Timestamp(0)).ok());
  EXPECT_EQ(loader.transaction_start(), Offset(1));
  EXPECT_FALSE(loader.publish().has_value());
  EXPECT_NE(loader.latest().topic("orders"), nullptr);
  RecordList end;
  end.end_transaction();
  ASSERT_TRUE(loader.replay(end.records(), Offset(3), LeaderEpoch(1), Timestamp(0)).ok());
  const auto published = loader.publish();
  ASSERT_TRUE(published.has_value());
  EXPECT_NE(published->image->topic("orders"), nullptr);
  EXPECT_EQ(published->image->provenance().offset, Offset(3));
  EXPECT_FALSE(loader.publish().has_value());
}

TEST(ImageLoaderTest, AnAbortedTransactionLeavesNoTrace) {
  ImageLoader loader;
  RecordList list;
  list.topic("before", Uuid(9, 9));
  list.begin_transaction("t");
  list.topic("orders", kTopic);
  list.partition(kTopic, PartitionId(0), partition_of({NodeId(1)}));
  list.abort_transaction("Controller failover");
  list.topic("after", Uuid(9, 10));
  ASSERT_TRUE(loader.replay(list.records(), Offset(0), LeaderEpoch(1), Timestamp(0)).ok());
  const auto published = loader.publish();
  ASSERT_TRUE(published.has_value());
  EXPECT_EQ(published->image->topics().size(), 2u);
  EXPECT_EQ(published->image->topic("orders"), nullptr);
  EXPECT_EQ(published->changes.topics.size(), 2u);
}

TEST(ImageLoaderTest, RefusesTransactionsThatDoNotNest) {
  RecordList begin;
  begin.begin_transaction("a");
  begin.begin_transaction("b");
  EXPECT_FALSE(ImageLoader().replay(begin.records(), Offset(0), LeaderEpoch(1), Timestamp(0)).ok());
  RecordList end;
  end.end_transaction();
  EXPECT_FALSE(ImageLoader().replay(end.records(), Offset(0), LeaderEpoch(1), Timestamp(0)).ok());
}

TEST(ImageLoaderTest, AForkDoesNotSeeWhatComesLater) {
  ImageLoader loader;
  RecordList first;
  first.topic("orders", kTopic);
  first.partition(kTopic, PartitionId(0), partition_of({NodeId(1)}));
  ASSERT_TRUE(loader.replay(first.records(), Offset(0), LeaderEpoch(1), Timestamp(0)).ok());
  ImageLoader fork = loader.fork();
  RecordList more;
  PartitionChange change;
  change.leader = kNoLeader;
  more.partition_change(kTopic, PartitionId(0), change);
  ASSERT_TRUE(loader.replay(more.records(), Offset(2), LeaderEpoch(1), Timestamp(0)).ok());
  EXPECT_EQ(fork.latest().partition(kTopic, PartitionId(0))->leader, NodeId(1));
  EXPECT_EQ(loader.latest().partition(kTopic, PartitionId(0))->leader, kNoLeader);
  ASSERT_TRUE(fork.replay(more.records(), Offset(2), LeaderEpoch(1), Timestamp(0)).ok());
  ASSERT_TRUE(fork.replay(more.records(), Offset(3), LeaderEpoch(1), Timestamp(0)).ok());
  EXPECT_EQ(fork.latest().partition(kTopic, PartitionId(0))->leader_epoch, LeaderEpoch(2));
  EXPECT_EQ(loader.latest().partition(kTopic, PartitionId(0))->leader_epoch, LeaderEpoch(1));
}

TEST(MetadataRecordTest, RefusesUnknownFramesTypesVersionsAndLeftovers) {
  RecordList list;
  list.no_op();
  auto bytes = serialize_record(list.records().front());
  ASSERT_TRUE(parse_record(bytes).ok());
  EXPECT_EQ(bytes[0], std::byte{1});
  EXPECT_EQ(bytes[1], std::byte{20});
  auto left_over = bytes;
  left_over.push_back(std::byte{0});
  EXPECT_FALSE(parse_record(left_over).ok());
  for (std::size_t i = 0; i < 3; ++i) {
    auto bad = bytes;
    bad[i] = std::byte{99};
    EXPECT_FALSE(parse_record(bad).ok()) << i;
  }
  EXPECT_FALSE(parse_record(ByteView(bytes).first(2)).ok());
  EXPECT_FALSE(parse_record({}).ok());
}

TEST(PartitionStateTest, APartitionStaysSmall) {
  EXPECT_LE(sizeof(PartitionState), 144u);
}

}  // namespace
}  // namespace moldau::image
