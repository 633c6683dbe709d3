// SPDX-License-Identifier: Apache-2.0
// Files and records of the quorum. KIP-595, KIP-630, KIP-853
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "machine/raft/control_records.h"
#include "machine/raft/quorum_state_file.h"
#include "machine/raft/snapshot_file.h"

namespace moldau::raft {
namespace {

TEST(QuorumStateFileTest, WritesWhatApacheWrites) {
  ElectionState state;
  state.leader_id = NodeId(1);
  state.epoch = LeaderEpoch(5);
  // Read from a node of 4.3.1.
  EXPECT_EQ(serialize_quorum_state(state, 1, VoterSet()),
            "{\"leaderId\":1,\"leaderEpoch\":5,\"votedId\":-1,\"votedDirectoryId\":"
            "\"AAAAAAAAAAAAAAAAAAAAAA\",\"data_version\":1}");
  VoterSet voters;
  voters.put(Voter(ReplicaKey(NodeId(2), Uuid()), {}));
  voters.put(Voter(ReplicaKey(NodeId(1), Uuid()), {}));
  EXPECT_EQ(serialize_quorum_state(state, 0, voters),
            "{\"clusterId\":\"\",\"leaderId\":1,\"leaderEpoch\":5,\"votedId\":-1,"
            "\"appliedOffset\":0,\"currentVoters\":[{\"voterId\":1},{\"voterId\":2}],"
            "\"data_version\":0}");
}

TEST(QuorumStateFileTest, ReadsBothVersions) {
  ElectionState state;
  state.epoch = LeaderEpoch(7);
  state.voted = ReplicaKey(NodeId(3), Uuid(8, 9));
  EXPECT_EQ(*parse_quorum_state(serialize_quorum_state(state, 1, VoterSet())), state);
  state.voted.directory = Uuid();  // version 0 knows none
  EXPECT_EQ(*parse_quorum_state(serialize_quorum_state(state, 0, VoterSet())), state);
}

TEST(QuorumStateFileTest, RefusesWhatItCannotBeSureOf) {
  for (const char* text :
       {"", "{}", "{", "null", "{\"leaderId\":1}", "{\"data_version\":2,\"leaderEpoch\":1}",
        "{\"data_version\":1,\"leaderEpoch\":-1}", "{\"data_version\":1,\"leaderEpoch\":1x}",
        "{\"data_version\":1,\"leaderEpoch\":99999999999}",
        "{\"data_version\":1,\"leaderEpoch\":1} x",
        "{\"data_version\":1,\"leaderEpoch\":1,\"leaderEpoch\":2}",
        "{\"data_version\":1,\"leaderEpoch\":1,\"votedDirectoryId\":\"short\"}"})
    EXPECT_FALSE(parse_quorum_state(text).ok()) << text;
}

TEST(ControlRecordsTest, SurviveARoundTrip) {
  LeaderChange change;
  change.leader_id = NodeId(4);
  change.voters = {ReplicaKey(NodeId(4), Uuid()), ReplicaKey(NodeId(5), Uuid())};
  change.granting_voters = {ReplicaKey(NodeId(4), Uuid())};
  VoterSet set;
  set.put(Voter(ReplicaKey(NodeId(4), Uuid(1, 2)), {Endpoint("C", "h", 65535)}));
  KraftVersion version;
  version.level = 1;
  const std::vector<ControlRecord> records = {change, version, KraftVoters(set)};
  const Slice batch = build_control_batch(records, Offset(9), LeaderEpoch(2), Timestamp(3));
  const auto view = record::BatchView::parse(batch.view());
  EXPECT_TRUE(view->is_control());
  EXPECT_EQ(view->next_offset(), Offset(12));
  EXPECT_EQ(*parse_control_batch(*view), records);
}

TEST(SnapshotFileTest, ReadsWhatApacheWrote) {
  std::ifstream in("tests/golden/format/two_controllers.voters.checkpoint", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto parsed = parse_snapshot(as_view(bytes));
  ASSERT_TRUE(parsed.ok()) << parsed.error().text();
  EXPECT_EQ(parsed->prologue.kraft_version, std::int16_t{1});
  ASSERT_EQ(parsed->prologue.voters->size(), 2U);
  EXPECT_EQ(parsed->prologue.voters->find(NodeId(3))->endpoints.at(0),
            Endpoint("CONTROLLER", "h3", 9093));
}

TEST(SnapshotFileTest, RefusesEveryCutAndEveryFlippedBit) {
  SnapshotPrologue prologue;
  prologue.kraft_version = std::int16_t{1};
  SnapshotWriter writer(LeaderEpoch(1), prologue, Timestamp(5));
  writer.append(as_view("one"));
  writer.append(as_view("two"));
  std::string bytes;
  for (const Slice& part : writer.finish()) bytes.append(as_text(part.view()));
  ASSERT_EQ(parse_snapshot(as_view(bytes))->records.size(), 2U);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(parse_snapshot(as_view(bytes).first(size)).ok()) << size;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    // Offsets and leader epochs stand outside of the checksums; nothing else changes unseen.
    const auto parsed = parse_snapshot(as_view(damaged));
    if (!parsed.ok()) continue;
    ASSERT_EQ(parsed->records.size(), 2U) << at;
    EXPECT_EQ(as_text(parsed->records[1]), "two") << at;
  }
}

TEST(SnapshotFileTest, NamesAreTwentyAndTenDigits) {
  const OffsetAndEpoch id(Offset(208), LeaderEpoch(1));
  EXPECT_EQ(snapshot_name(id), "00000000000000000208-0000000001.checkpoint");
  EXPECT_EQ(parse_snapshot_name("00000000000000000208-0000000001.checkpoint"), id);
  for (const char* name :
       {"208-1.checkpoint", "00000000000000000208-0000000001.checkpoint.part",
        "0000000000000000020x-0000000001.checkpoint", "-0000000000000000208-0000000001.checkpoint",
        "99999999999999999999-0000000001.checkpoint"})
    EXPECT_FALSE(parse_snapshot_name(name).has_value()) << name;
}

}  // namespace
}  // namespace moldau::raft
