// SPDX-License-Identifier: Apache-2.0
// KIP-1101
#include "machine/group/topic_hash.h"

#include <gtest/gtest.h>

#include "machine/image/delta.h"
#include "machine/image/record_list.h"

namespace moldau::group {
namespace {

/// Brokers 0 and 1 with racks, 2 without; topics of 1, 3 and 5 partitions.
image::MetadataImage hashed_image() {
  image::RecordList list;
  const std::optional<std::string> racks[] = {"r1", "\u00e4-rack", std::nullopt};
  for (std::int32_t id = 0; id < 3; ++id) {
    image::BrokerRegistration broker;
    broker.id = NodeId(id);
    broker.epoch = BrokerEpoch(id + 10);
    broker.rack = racks[id];
    broker.fenced = false;
    list.register_broker(broker);
  }
  const std::string names[] = {"a", "orders", "x.y_z"};
  for (std::int32_t t = 0; t < 3; ++t) {
    const TopicId id(7 + t, -1 - t);
    list.topic(names[t], id);
    for (std::int32_t p = 0; p < 1 + 2 * t; ++p) {
      image::PartitionState state;
      std::vector<NodeId> replicas = {NodeId((p + 1) % 3), NodeId(p % 3)};
      if (t == 0) replicas = {NodeId(0)};
      state.replicas = image::ReplicaList(replicas);
      state.isr = state.replicas;
      state.leader = replicas.front();
      state.directories.assign(replicas.size(), DirectoryId(5, 5));
      list.partition(id, PartitionId(p), state);
    }
  }
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) EXPECT_TRUE(delta.replay(record).ok());
  return delta.publish(image::Provenance(Offset(1), LeaderEpoch(1), Timestamp(1)));
}

// The numbers are what Utils of Apache Kafka 4.3.1 computes for the same image.
TEST(TopicHashTest, EqualsApaches) {
  const image::MetadataImage image = hashed_image();
  EXPECT_EQ(topic_hash(*image.topic("a"), image), 1910879751827606662);
  EXPECT_EQ(topic_hash(*image.topic("orders"), image), -3438784010148625188);
  EXPECT_EQ(topic_hash(*image.topic("x.y_z"), image), -6536567531877070816);
  TopicHashes hashes;
  const std::vector<std::string> all = {"x.y_z", "a", "missing", "orders"};
  EXPECT_EQ(hashes.of_group(all, image), -7878759907775414277);
  EXPECT_EQ(hashes.of_group(std::vector<std::string>{"orders"}, image), 490675742605986890);
  EXPECT_EQ(hashes.of_group(std::vector<std::string>{"missing"}, image), 0);
}

// What a real node wrote for a topic of its own.
TEST(TopicHashTest, EqualsARecordedValue) {
  image::RecordList list;
  image::BrokerRegistration broker;
  broker.id = NodeId(1);
  broker.rack = "r1";
  list.register_broker(broker);
  const TopicId id = *Uuid::parse("cDhodFHZTmqRH6cSYU1MFQ");
  list.topic("refdata-demo", id);
  for (std::int32_t p = 0; p < 3; ++p) {
    image::PartitionState state;
    state.replicas = image::ReplicaList(std::vector<NodeId>{NodeId(1)});
    state.isr = state.replicas;
    state.leader = NodeId(1);
    state.directories.assign(1, DirectoryId(5, 5));
    list.partition(id, PartitionId(p), state);
  }
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) EXPECT_TRUE(delta.replay(record).ok());
  const auto image = delta.publish(image::Provenance(Offset(1), LeaderEpoch(1), Timestamp(1)));
  EXPECT_EQ(topic_hash(*image.topic("refdata-demo"), image), 7789494980543207701);
  TopicHashes hashes;
  EXPECT_EQ(hashes.of_group(std::vector<std::string>{"refdata-demo"}, image), 3074606853502249581);
}

TEST(TopicHashTest, ForgetsATopicThatChanged) {
  const image::MetadataImage image = hashed_image();
  TopicHashes hashes;
  const std::vector<std::string> topics = {"orders"};
  EXPECT_EQ(hashes.of_group(topics, image), 490675742605986890);
  image::RecordList list;
  image::PartitionState state;
  state.replicas = image::ReplicaList(std::vector<NodeId>{NodeId(0)});
  state.isr = state.replicas;
  state.leader = NodeId(0);
  state.directories.assign(1, DirectoryId(5, 5));
  list.partition(TopicId(8, -2), PartitionId(3), state);
  image::MetadataDelta delta{image};
  for (const auto& record : list.records()) EXPECT_TRUE(delta.replay(record).ok());
  const auto grown = delta.publish(image::Provenance(Offset(2), LeaderEpoch(1), Timestamp(1)));
  hashes.forget("orders");
  EXPECT_NE(hashes.of_group(topics, grown), 490675742605986890);
}

}  // namespace
}  // namespace moldau::group
