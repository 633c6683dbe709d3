// SPDX-License-Identifier: Apache-2.0
#include "log/log_directory.h"

#include <gtest/gtest.h>

#include "log/test_memory_disk.h"

namespace moldau::log {
namespace {

const TopicPartition kA{"a", PartitionId(0)};
const TopicPartition kDashed{"with-dash.and.dot", PartitionId(12)};

struct LogDirectoryTest : testing::Test {
  MemoryDisk disk;
  LogDirectoryTest() {
    MetaProperties meta;
    meta.version = 1;
    meta.cluster_id = "kVKQyQkSS3iGGtYZDpNnPA";
    meta.node_id = NodeId(1);
    meta.directory_id = Uuid(77, 88);
    disk.put_file("data/meta.properties", meta.serialize("Sat Nov 21 10:00:00 UTC 2026"));
  }
  std::unique_ptr<LogDirectory> open() {
    auto directory = LogDirectory::open(disk, "data");
    EXPECT_TRUE(directory.ok()) << directory.error().text();
    return std::move(directory).value();
  }
};

TEST_F(LogDirectoryTest, RemembersACleanShutdownOnce) {
  {
    auto directory = open();
    EXPECT_FALSE(directory->was_clean());
    EXPECT_EQ(directory->previous_broker_epoch(), BrokerEpoch(-1));
    ASSERT_TRUE(directory->close_cleanly(BrokerEpoch(17)).ok());
    EXPECT_EQ(disk.content("data/.kafka_cleanshutdown"), "{\"version\":0,\"brokerEpoch\":17}");
    EXPECT_FALSE(disk.has("data/.lock"));
  }
  EXPECT_TRUE(open()->was_clean());
  EXPECT_FALSE(open()->was_clean()) << "the mark went with the start before";
}

TEST_F(LogDirectoryTest, IsRefusedWhileAnotherProcessHoldsIt) {
  auto directory = open();
  EXPECT_EQ(LogDirectory::open(disk, "data").code(), ErrorCode::kInvalidConfig);
  EXPECT_EQ(LogDirectory::open(disk, "elsewhere").code(), ErrorCode::kInvalidConfig);
}

TEST_F(LogDirectoryTest, KeepsCheckpoints) {
  {
    auto directory = open();
    std::vector<ReplicaCheckpoint> rows(2);
    rows[0] = {kA, Offset(5), Offset(2), true, Offset(4)};
    rows[1] = {kDashed, Offset(50), Offset(0), false, Offset(49)};
    ASSERT_TRUE(directory->write_recovery_points(rows).ok());
    ASSERT_TRUE(directory->write_log_start_offsets(rows).ok());
    ASSERT_TRUE(directory->write_high_watermarks(rows).ok());
    ASSERT_TRUE(directory->set_cleaner_offset(kA, Offset(3)).ok());
    EXPECT_EQ(disk.content("data/recovery-point-offset-checkpoint"),
              "0\n2\na 0 5\nwith-dash.and.dot 12 50\n");
    EXPECT_EQ(disk.content("data/log-start-offset-checkpoint"), "0\n1\na 0 2\n");
  }
  auto directory = open();
  EXPECT_EQ(directory->find_recovery_point(kDashed), Offset(50));
  EXPECT_EQ(directory->find_log_start_offset(kA), Offset(2));
  EXPECT_FALSE(directory->find_log_start_offset(kDashed));
  EXPECT_EQ(directory->find_high_watermark(kA), Offset(4));
  EXPECT_EQ(directory->cleaner_offsets().offsets.at(kA), Offset(3));
  EXPECT_TRUE(directory->warnings().empty());
}

TEST_F(LogDirectoryTest, KeepsTheRowsOfReplicasThatAreNotOpenYet) {
  disk.put_file("data/a-0/partition.metadata", serialize_partition_metadata(TopicId(1, 2)));
  disk.put_file("data/recovery-point-offset-checkpoint", "0\n2\na 0 5\ngone 1 50\n");
  disk.put_file("data/log-start-offset-checkpoint", "0\n2\na 0 2\ngone 1 40\n");
  auto directory = open();
  EXPECT_TRUE(directory->forget_missing());
  EXPECT_FALSE(directory->forget_missing());
  EXPECT_FALSE(directory->find_log_start_offset({"gone", PartitionId(1)}));
  ASSERT_TRUE(directory->write_log_start_offsets(directory->unsettled()).ok());
  EXPECT_EQ(disk.content("data/log-start-offset-checkpoint"), "0\n1\na 0 2\n");
  ASSERT_TRUE(directory->write_recovery_points(directory->unsettled()).ok());
  EXPECT_EQ(disk.content("data/recovery-point-offset-checkpoint"), "0\n1\na 0 5\n");
  // Once it is open the host's row counts.
  std::vector<ReplicaCheckpoint> rows = directory->unsettled();
  rows.push_back({kA, Offset(9), Offset(0), false, Offset(9)});
  ASSERT_TRUE(directory->write_log_start_offsets(rows).ok());
  EXPECT_EQ(disk.content("data/log-start-offset-checkpoint"), "0\n0\n");
  directory->settle(kA);
  EXPECT_TRUE(directory->unsettled().empty());
}

TEST_F(LogDirectoryTest, ForgetsAReplicaThatIsGone) {
  disk.put_file("data/a-0/partition.metadata", serialize_partition_metadata(TopicId(1, 2)));
  disk.put_file("data/log-start-offset-checkpoint", "0\n1\na 0 2\n");
  auto directory = open();
  ASSERT_EQ(directory->replicas().size(), 1U);
  directory->forget(kA);
  EXPECT_TRUE(directory->replicas().empty());
  EXPECT_FALSE(directory->find_log_start_offset(kA));
}

TEST_F(LogDirectoryTest, TakesADamagedCheckpointAsEmptyAndSaysSo) {
  const std::string good = "0\n2\na 0 5\nb 1 50\n";
  for (std::size_t n = 0; n < good.size(); ++n) {
    std::string bad = good;
    bad[n] = '\x7f';
    disk.put_file("data/recovery-point-offset-checkpoint", bad);
    // A flipped byte in a name makes it another name; all else is noticed.
    if (open()->warnings().empty()) {
      EXPECT_TRUE(bad[n - 1] == '\n') << n;
    }
    disk.put_file("data/recovery-point-offset-checkpoint", good.substr(0, n));
    // An empty file is one that has never been written.
    EXPECT_EQ(open()->warnings().empty(), n == 0) << n;
  }
}

TEST_F(LogDirectoryTest, ListsReplicasOfAllKinds) {
  const Uuid unique(0x0123456789abcdef, 0x0123456789abcdef);
  disk.put_file("data/" + directory_name(kDashed) + "/partition.metadata",
                serialize_partition_metadata(Uuid(5, 6)));
  disk.put_file("data/" + directory_name(kA, ReplicaKind::kFuture, unique) + "/x", "");
  disk.put_file("data/" + directory_name(kA, ReplicaKind::kDeleted, unique) + "/x", "");
  disk.put_file("data/" + directory_name(kA, ReplicaKind::kStray, unique) + "/x", "");
  disk.put_file("data/remote-log-index-cache/x", "");
  auto directory = open();
  ASSERT_EQ(directory->replicas().size(), 4U);
  EXPECT_EQ(directory->replicas()[0].kind, ReplicaKind::kDeleted);
  EXPECT_EQ(directory->replicas()[0].name, "a-0.0123456789abcdef0123456789abcdef-delete");
  EXPECT_EQ(directory->replicas()[1].kind, ReplicaKind::kFuture);
  EXPECT_EQ(directory->replicas()[2].kind, ReplicaKind::kStray);
  EXPECT_EQ(directory->replicas()[3].topic_partition, kDashed);
  EXPECT_EQ(directory->replicas()[3].topic_id, Uuid(5, 6));
}

TEST(DirectoryNameTest, FitsAFileName) {
  const TopicPartition longest{std::string(249, 't'), PartitionId(2147483647)};
  EXPECT_EQ(directory_name(longest, ReplicaKind::kDeleted, Uuid(1, 2)).size(), 255U);
  EXPECT_FALSE(parse_directory_name("nodash"));
  EXPECT_FALSE(parse_directory_name("-3"));
  EXPECT_FALSE(parse_directory_name("a-x"));
  EXPECT_FALSE(parse_directory_name("a/b-1"));
  EXPECT_EQ(parse_directory_name("a-delete-3")->topic_partition.topic, "a-delete");
}

TEST(MetaPropertiesTest, ReadsWhatJavaWrites) {
  const auto meta = MetaProperties::parse(
      "#\n#Sat Nov 21 09:17:00 UTC 2026\nnode.id=7\ndirectory.id=q9wyt_bd1aGr1CeTEhQe1A\n"
      "version=1\ncluster.id=4L6g3nShT-eMCtK--X86sw\n");
  ASSERT_TRUE(meta.ok()) << meta.error().text();
  EXPECT_EQ(meta->node_id, NodeId(7));
  EXPECT_EQ(meta->directory_id.text(), "q9wyt_bd1aGr1CeTEhQe1A");
  EXPECT_EQ(meta->cluster_id, "4L6g3nShT-eMCtK--X86sw");
  for (const char* bad : {"version=2\n", "version=1\nnode.id=1\n", "version=1\ncluster.id=x\n",
                          "version=1\ncluster.id=x\nnode.id=-1\n",
                          "version=1\ncluster.id=x\nnode.id=1\ndirectory.id=zz\n"})
    EXPECT_FALSE(MetaProperties::parse(bad).ok()) << bad;
}

TEST(CleanShutdownTest, ReadsOldAndNewMarks) {
  EXPECT_EQ(*parse_clean_shutdown(""), BrokerEpoch(-1));
  EXPECT_EQ(*parse_clean_shutdown("{\"version\": 0, \"brokerEpoch\" : 9 }\n"), BrokerEpoch(9));
  EXPECT_FALSE(parse_clean_shutdown("{\"version\":0}").ok());
  EXPECT_FALSE(parse_clean_shutdown("garbage").ok());
}

}  // namespace
}  // namespace moldau::log
