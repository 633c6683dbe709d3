// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "machine/group/test_offsets.h"

// The bytes of `__consumer_offsets` as Apache Kafka 4.3 writes them, and records that nobody should
// have written.

namespace moldau::group {
namespace {

std::string bytes_of(std::string_view hex) {
  std::string out;
  int high = -1;
  for (const char c : hex) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high >= 0) out.push_back(static_cast<char>(high << 4 | digit));
    high = high >= 0 ? -1 : digit;
  }
  return out;
}

std::string key_of(const record::KeyedRecord& record) {
  return std::string(as_text(ByteView(record.key)));
}
std::string value_of(const record::KeyedRecord& record) {
  if (!record.value) return "tombstone";
  return std::string(as_text(ByteView(*record.value)));
}

TEST(GroupRecordsTest, WritesAnOffsetInVersion4) {
  TestCoordinator coordinator;
  coordinator.wall = Timestamp(0x0102030405);
  Commit c;
  c.metadata = "md";
  commit(coordinator, c);
  const auto& record = coordinator.log.back().records.at(0);
  EXPECT_EQ(key_of(record), bytes_of("0001 0001 67 0006 6f7264657273 00000000"));
  EXPECT_EQ(value_of(record), bytes_of("0004 0000000000000005 ffffffff 03 6d64"
                                       "0000000102030405 00"));
}

TEST(GroupRecordsTest, WritesTheTopicIdAsATaggedField) {
  TestCoordinator coordinator;
  coordinator.wall = Timestamp(1);
  Commit c;
  c.version = 10;
  c.topic_id = kOrders;
  commit(coordinator, c);
  EXPECT_EQ(value_of(coordinator.log.back().records.at(0)),
            bytes_of("0004 0000000000000005 ffffffff 01 0000000000000001"
                     "01 00 10 0000000000000007 0000000000000001"));
}

TEST(GroupRecordsTest, WritesAnExplicitExpiryInVersion1) {
  TestCoordinator coordinator;
  coordinator.wall = Timestamp(16);
  Commit c;
  c.version = 4;
  c.retention_ms = 1;
  commit(coordinator, c);
  EXPECT_EQ(value_of(coordinator.log.back().records.at(0)),
            bytes_of("0001 0000000000000005 0000 0000000000000010 0000000000000011"));
}

TEST(GroupRecordsTest, WritesAGroupInVersion3) {
  TestCoordinator coordinator;
  coordinator.wall = Timestamp(1'000);
  Joiner joiner;
  joiner.instance = "i";
  joiner.protocols = {{"range", "S"}};
  const AnswerId id = coordinator.join(joiner);
  ASSERT_EQ(coordinator.log.size(), 1u);
  const auto& fresh = coordinator.log.at(0).records.at(0);
  EXPECT_EQ(key_of(fresh), bytes_of("0002 0001 67"));
  EXPECT_EQ(value_of(fresh), bytes_of("0003 0000 00000000 ffff ffff 00000000000003e8 00000000"))
      << "the group as it was made";

  coordinator.pass(Millis(3'000));
  const std::string member = coordinator.joined(id).member_id.str();
  EXPECT_EQ(coordinator.log.size(), 1u) << "a rebalance is not written";
  coordinator.advance(Millis(500));
  coordinator.sync(member, 1, {{member, "AB"}}, "i");
  const std::string name =
      "0026 692d 30303030303030302d303030302d343030302d303030302d"
      "303030303030303030303032";
  EXPECT_EQ(value_of(coordinator.log.back().records.at(0)),
            bytes_of("0003 0008 636f6e73756d6572 00000001 0005 72616e6765 " + name +
                     "0000000000000fa0 00000001 " + name +
                     "0001 69 0006 636c69656e74"
                     "000a 2f3132372e302e302e31 0000ea60 00002710 00000001 53 00000002 4142"))
      << "with the time at which the rebalance had all joins";

  coordinator.leave({{member, std::nullopt}});
  EXPECT_EQ(value_of(coordinator.log.back().records.at(0)),
            bytes_of("0003 0008 636f6e73756d6572 00000002 ffff ffff 0000000000001194 00000000"));
  EXPECT_EQ(delete_group(coordinator), ErrorCode::kNone);
  EXPECT_EQ(value_of(coordinator.log.back().records.at(0)), "tombstone");
}

TEST(GroupRecordsTest, ReadsWhatOlderVersionsWrote) {
  struct Case {
    const char* key;
    const char* value;
    std::int32_t leader_epoch;
  };
  const Case cases[] = {
      {"0000 0001 67 0001 74 00000000", "0000 0000000000000007 0001 6d 0000000000000001", -1},
      {"0001 0001 67 0001 74 00000000", "0000 0000000000000007 0001 6d 0000000000000001", -1},
      {"0001 0001 67 0001 74 00000000",
       "0001 0000000000000007 0001 6d 0000000000000001 0000000000000009", -1},
      {"0001 0001 67 0001 74 00000000", "0002 0000000000000007 0001 6d 0000000000000001", -1},
      {"0001 0001 67 0001 74 00000000", "0003 0000000000000007 00000004 0001 6d 0000000000000001",
       4},
  };
  for (const Case& c : cases) {
    TestCoordinator coordinator;
    coordinator.machine.replay(as_view(bytes_of(c.key)), as_view(bytes_of(c.value)));
    EXPECT_EQ(fetch(coordinator, "t").committed_offset, 7) << c.value;
    EXPECT_EQ(fetch(coordinator, "t").metadata, "m") << c.value;
    EXPECT_EQ(fetch(coordinator, "t").committed_leader_epoch, c.leader_epoch) << c.value;
  }
  // Before version 1 there was one timeout, before 2 no time of the state.
  TestCoordinator coordinator;
  coordinator.machine.replay(
      as_view(bytes_of("0002 0001 67")),
      as_view(bytes_of("0000 0008 636f6e73756d6572 00000003 0001 72 0001 6d 00000001"
                       "0001 6d 0001 63 0001 68 00002710 00000000 00000001 41")));
  EXPECT_EQ(coordinator.state(), "Stable");
  EXPECT_EQ(coordinator.describe().members.at(0).member_id, "m");
  EXPECT_EQ(coordinator.heartbeat("m", 3), ErrorCode::kNone);
}

TEST(GroupRecordsTest, SkipsAndCountsWhatItCannotRead) {
  struct Case {
    const char* what;
    const char* key;
    const char* value;
    int damaged;
    int unknown;
  };
  const char* const group = "0002 0001 67";
  const Case cases[] = {
      {"no key", "", "0003", 1, 0},
      {"half a type", "00", "0003", 1, 0},
      {"an unknown type", "0063 0001 67", "0003", 0, 1},
      {"a negative type", "ffff 0001 67", "0003", 0, 1},
      {"a cut offset key", "0001 0001 67 0001", "0004", 1, 0},
      {"a key with more behind it", "0002 0001 67 00", "0003", 1, 0},
      {"a negative partition", "0001 0001 67 0001 74 ffffffff",
       "0002 0000000000000007 0001 6d 0000000000000001", 1, 0},
      {"no version", group, "", 1, 0},
      {"an unknown version", group, "0005 0000 00000000 ffff ffff 00000000", 1, 0},
      {"a cut group", group, "0003 0000 00000000", 1, 0},
      {"members without a protocol", group,
       "0000 0001 63 00000003 ffff 0001 6d 00000001"
       "0001 6d 0001 63 0001 68 00002710 00000000 00000000",
       1, 0},
      {"a member that comes twice", group,
       "0000 0001 63 00000003 0001 72 0001 6d 00000002"
       "0001 6d 0001 63 0001 68 00002710 00000000 00000000"
       "0001 6d 0001 63 0001 68 00002710 00000000 00000000",
       1, 0},
      {"two members of one instance", group,
       "0003 0001 63 00000003 0001 72 0001 6d 0000000000000000 00000002"
       "0001 6d 0001 69 0001 63 0001 68 00000001 00002710 00000000 00000000"
       "0001 6e 0001 69 0001 63 0001 68 00000001 00002710 00000000 00000000",
       1, 0},
  };
  for (const Case& c : cases) {
    GroupMachine machine((GroupSettings()));
    machine.replay(as_view(bytes_of(c.key)), as_view(bytes_of(c.value)));
    EXPECT_EQ(machine.counts().damaged_records, c.damaged) << c.what;
    EXPECT_EQ(machine.counts().unknown_records, c.unknown) << c.what;
    EXPECT_EQ(machine.counts().groups, 0) << c.what;
  }
}

TEST(GroupRecordsTest, SkipsStringsThatGrowBeyondWhatARecordHolds) {
  // Each byte that is not UTF-8 is read as three.
  const std::string long_text = bytes_of("3a98") + std::string(15'000, '\xff');
  GroupMachine machine((GroupSettings()));
  const std::string offset = bytes_of("0002 0000000000000007 0001 6d 0000000000000001");
  machine.replay(as_view(bytes_of("0002") + long_text), std::nullopt);
  machine.replay(as_view(bytes_of("0001") + long_text + bytes_of("0001 74 00000000")),
                 as_view(offset));
  machine.replay(as_view(bytes_of("0001 0001 67") + long_text + bytes_of("00000000")),
                 as_view(offset));
  machine.replay(as_view(bytes_of("0002 0001 67")),
                 as_view(bytes_of("0000 0001 63 00000003 0001 72 0001 6d 00000001") + long_text +
                         bytes_of("0001 63 0001 68 00002710 00000000 00000000")));
  EXPECT_EQ(machine.counts().damaged_records, 4);
  EXPECT_EQ(machine.counts().groups, 0);
}

TEST(GroupRecordsTest, ALeaderThatIsNoMemberIsReplaced) {
  TestCoordinator coordinator;
  coordinator.machine.replay(
      as_view(bytes_of("0002 0001 67")),
      as_view(bytes_of("0000 0008 636f6e73756d6572 7fffffff 0001 72 0001 78 00000001"
                       "0001 6d 0001 63 0001 68 00002710 00000000 00000001 41")));
  Joiner joiner;
  joiner.member = "m";
  joiner.protocols = {{"r", ""}};
  const AnswerId id = coordinator.join(joiner);
  EXPECT_EQ(coordinator.joined(id).leader, "m");
  EXPECT_EQ(coordinator.joined(id).generation_id, INT32_MIN) << "wraps as in Java";
}

TEST(GroupRecordsTest, TheLaterRecordReplacesMembersAndInstances) {
  TestCoordinator coordinator;
  const char* const record =
      "0003 0001 63 00000003 0001 72 0001 %s 0000000000000000 00000001"
      "0001 %s 0001 69 0001 63 0001 68 00000001 00002710 00000000 00000000";
  for (const char* member : {"6d", "6e"}) {
    std::string hex(record);
    for (auto at = hex.find("%s"); at != std::string::npos; at = hex.find("%s")) {
      hex.replace(at, 2, member);
    }
    coordinator.machine.replay(as_view(bytes_of("0002 0001 67")), as_view(bytes_of(hex)));
  }
  ASSERT_EQ(coordinator.describe().members.size(), 1u);
  EXPECT_EQ(coordinator.describe().members[0].member_id, "n");
  EXPECT_EQ(coordinator.heartbeat("n", 3, "i"), ErrorCode::kNone);
  EXPECT_EQ(coordinator.heartbeat("m", 3, "i"), ErrorCode::kFencedInstanceId);
  coordinator.machine.replay(as_view(bytes_of("0002 0001 67")), std::nullopt);
  EXPECT_EQ(coordinator.state(), "Dead");
}

}  // namespace
}  // namespace moldau::group
