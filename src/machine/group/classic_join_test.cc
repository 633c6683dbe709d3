// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "machine/group/test_group_fixture.h"

// KIP-62 (timeouts), KIP-134 (initial delay), KIP-389 (group.max.size), KIP-394 (member id
// required)

namespace moldau::group {
namespace {

TEST(ClassicJoinTest, RefusesWhatIsWrongWithTheRequest) {
  struct Case {
    const char* what;
    Joiner joiner;
    ErrorCode error;
  };
  Joiner no_group;
  no_group.group = "";
  Joiner short_session;
  short_session.session_ms = 5'999;
  Joiner long_session;
  long_session.session_ms = 1'800'001;
  Joiner unknown;
  unknown.member = "who";
  Joiner no_protocols;
  no_protocols.protocols.clear();
  no_protocols.group = "no-protocols";
  Joiner no_type;
  no_type.type = "";
  no_type.group = "no-type";
  const Case cases[] = {
      {"no group", no_group, ErrorCode::kInvalidGroupId},
      {"session too short", short_session, ErrorCode::kInvalidSessionTimeout},
      {"session too long", long_session, ErrorCode::kInvalidSessionTimeout},
      {"member of no group", unknown, ErrorCode::kUnknownMemberId},
      {"no protocols", no_protocols, ErrorCode::kInconsistentGroupProtocol},
      {"no protocol type", no_type, ErrorCode::kInconsistentGroupProtocol},
  };
  for (const Case& c : cases) {
    TestCoordinator coordinator;
    const AnswerId id = coordinator.join(c.joiner);
    EXPECT_EQ(coordinator.error_of_join(id), c.error) << c.what;
    EXPECT_EQ(coordinator.joined(id).member_id, c.joiner.member) << c.what;
  }
}

TEST(ClassicJoinTest, GivesTheMemberItsIdFirstFromVersion4) {
  TestCoordinator coordinator;
  Joiner joiner;
  joiner.version = 4;
  const AnswerId first = coordinator.join(joiner);
  EXPECT_EQ(coordinator.error_of_join(first), ErrorCode::kMemberIdRequired);
  const std::string id = coordinator.joined(first).member_id.str();
  EXPECT_EQ(id.substr(0, 7), "client-");
  EXPECT_EQ(id.size(), 7u + 36u);
  EXPECT_EQ(coordinator.state(), "Empty");
  ASSERT_EQ(coordinator.log.size(), 1u) << "the new group is in the log";

  Joiner older;
  older.group = "old";
  older.version = 3;
  EXPECT_FALSE(coordinator.has(coordinator.join(older))) << "waits for others";
  EXPECT_EQ(coordinator.state("old"), "PreparingRebalance");
}

TEST(ClassicJoinTest, ForgetsAnIdThatNobodyJoinsWith) {
  TestCoordinator coordinator;
  Joiner joiner;
  joiner.member = coordinator.joined(coordinator.join(joiner)).member_id.str();
  coordinator.pass(Millis(10'001));
  EXPECT_EQ(coordinator.error_of_join(coordinator.join(joiner)), ErrorCode::kUnknownMemberId);
}

TEST(ClassicJoinTest, WaitsTheInitialDelayOnce) {
  TestCoordinator coordinator;
  const AnswerId only = coordinator.join_twice(Joiner{});
  coordinator.pass(Millis(2'999));
  EXPECT_FALSE(coordinator.has(only));
  coordinator.pass(Millis(2));
  EXPECT_EQ(coordinator.error_of_join(only), ErrorCode::kNone);
  const auto& response = coordinator.joined(only);
  EXPECT_EQ(response.generation_id, 1);
  EXPECT_EQ(response.leader, response.member_id);
  EXPECT_EQ(response.protocol_type, "consumer");
  EXPECT_EQ(response.protocol_name, "range");
  EXPECT_EQ(response.members.size(), 1u);
  EXPECT_EQ(coordinator.state(), "CompletingRebalance");
}

TEST(ClassicJoinTest, ExtendsTheInitialDelayWhileMembersArriveUpToTheRebalanceTimeout) {
  TestCoordinator coordinator;
  Joiner joiner;
  joiner.rebalance_ms = 7'000;
  const AnswerId first = coordinator.join_twice(joiner);
  coordinator.pass(Millis(2'000));
  coordinator.join_twice(joiner);
  coordinator.pass(Millis(2'000));
  EXPECT_FALSE(coordinator.has(first)) << "extended at 3 s until 6 s";
  coordinator.join_twice(joiner);
  coordinator.pass(Millis(2'500));
  EXPECT_FALSE(coordinator.has(first)) << "extended at 6 s by what is left, until 7 s";
  coordinator.join_twice(joiner);
  coordinator.pass(Millis(600));
  ASSERT_TRUE(coordinator.has(first)) << "the rebalance timeout ends it";
  EXPECT_EQ(coordinator.joined(first).members.size(), 4u);
}

TEST(ClassicJoinTest, OnlyTheLeaderLearnsTheMembers) {
  TestCoordinator coordinator;
  const AnswerId a = coordinator.join_twice(Joiner{});
  const AnswerId b = coordinator.join_twice(Joiner{});
  coordinator.pass(Millis(6'500));
  EXPECT_EQ(coordinator.joined(a).members.size(), 2u);
  EXPECT_TRUE(coordinator.joined(b).members.empty());
  EXPECT_EQ(coordinator.joined(b).leader, coordinator.joined(a).member_id);
}

TEST(ClassicJoinTest, SelectsTheProtocolWithMostVotesOfThoseAllCanDo) {
  struct Case {
    const char* what;
    std::vector<std::vector<std::string>> preferences;
    const char* selected;
  };
  const Case cases[] = {
      {"most votes", {{"a", "b"}, {"b", "a"}, {"b", "a"}}, "b"},
      {"only what all can do", {{"a", "b"}, {"a", "b"}, {"b"}}, "b"},
      {"a name that comes twice counts once", {{"a", "a", "b"}, {"a", "b"}}, "a"},
      {"a tie, as Java's map has it", {{"roundrobin", "range"}, {"range", "roundrobin"}}, "range"},
      {"the same", {{"sticky", "range"}, {"range", "sticky"}}, "sticky"},
  };
  for (const Case& c : cases) {
    TestCoordinator coordinator;
    AnswerId last;
    for (const auto& names : c.preferences) {
      Joiner joiner;
      joiner.protocols.clear();
      for (const std::string& name : names) joiner.protocols.emplace_back(name, "m");
      last = coordinator.join_twice(joiner);
    }
    coordinator.pass(Millis(6'500));
    const std::string selected = coordinator.joined(last).protocol_name.str();
    EXPECT_EQ(selected, c.selected) << c.what;
  }
}

TEST(ClassicJoinTest, RefusesMembersThatHaveNoProtocolInCommon) {
  TestCoordinator coordinator;
  coordinator.stable_group(1);
  Joiner other;
  other.protocols = {{"sticky", "m"}};
  EXPECT_EQ(coordinator.error_of_join(coordinator.join(other)),
            ErrorCode::kInconsistentGroupProtocol);
  Joiner connect;
  connect.type = "connect";
  EXPECT_EQ(coordinator.error_of_join(coordinator.join(connect)),
            ErrorCode::kInconsistentGroupProtocol);
}

TEST(ClassicJoinTest, HoldsNoMoreThanTheGroupsMaximum) {
  GroupSettings settings;
  settings.group_size_max = 2;
  TestCoordinator coordinator(settings);
  coordinator.stable_group(2);
  Joiner third;
  third.version = 3;
  const AnswerId refused = coordinator.join(third);
  EXPECT_EQ(coordinator.error_of_join(refused), ErrorCode::kGroupMaxSizeReached);
  EXPECT_EQ(coordinator.joined(refused).member_id, "");
  EXPECT_EQ(coordinator.describe().members.size(), 2u);
}

TEST(ClassicJoinTest, RefusesStringsThatARecordCannotHold) {
  TestCoordinator coordinator;
  const std::string too_long(32'768, 'x');
  Joiner group;
  group.group = too_long;
  EXPECT_EQ(coordinator.error_of_join(coordinator.join(group)), ErrorCode::kInvalidGroupId);
  Joiner instance;
  instance.instance = too_long.substr(36);
  EXPECT_EQ(coordinator.error_of_join(coordinator.join(instance)), ErrorCode::kInvalidRequest);
  Joiner protocol;
  protocol.protocols = {{too_long, "m"}};
  EXPECT_EQ(coordinator.error_of_join(coordinator.join(protocol)), ErrorCode::kInvalidRequest);
  const GroupCaller caller(AnswerId(99), 3, std::string_view(too_long).substr(36), "/h");
  const auto effects = coordinator.machine.join(coordinator.context(), caller, Joiner{}.request());
  EXPECT_EQ(std::get<wire::JoinGroupResponse>(effects.answers.at(0).response).error_code,
            static_cast<int>(ErrorCode::kInvalidRequest));
  EXPECT_TRUE(coordinator.log.empty());
  EXPECT_EQ(coordinator.machine.counts().groups, 0);

  instance.instance = too_long.substr(38);
  const AnswerId id = coordinator.join(instance);
  coordinator.pass(Millis(3'000));
  coordinator.sync(coordinator.joined(id).member_id.view(), 1, {}, instance.instance);
  EXPECT_EQ(coordinator.state(), "Stable");
  EXPECT_EQ(coordinator.successor().describe("g", 6), coordinator.describe());
}

TEST(ClassicJoinTest, BoundsIdsThatAreGivenOut) {
  GroupSettings settings;
  settings.pending_members_max = 2;
  TestCoordinator coordinator(settings);
  coordinator.join(Joiner{});
  coordinator.join(Joiner{});
  EXPECT_EQ(coordinator.error_of_join(coordinator.join(Joiner{})), ErrorCode::kGroupMaxSizeReached);
}

TEST(ClassicJoinTest, GivesAMemberOfAStableGroupItsGenerationAgain) {
  TestCoordinator coordinator;
  const auto members = coordinator.stable_group(2);
  Joiner again;
  again.member = members[1];
  const AnswerId id = coordinator.join(again);
  EXPECT_EQ(coordinator.error_of_join(id), ErrorCode::kNone);
  EXPECT_EQ(coordinator.joined(id).generation_id, 1);
  EXPECT_EQ(coordinator.state(), "Stable");
}

TEST(ClassicJoinTest, RebalancesWhenTheLeaderOrAChangedMemberJoinsAgain) {
  for (const bool leader : {true, false}) {
    TestCoordinator coordinator;
    const auto members = coordinator.stable_group(2);
    Joiner again;
    again.member = members[leader ? 0 : 1];
    if (!leader) again.protocols = {{"range", subscription({"others"})}};
    const AnswerId id = coordinator.join(again);
    EXPECT_FALSE(coordinator.has(id));
    EXPECT_EQ(coordinator.state(), "PreparingRebalance");
    EXPECT_EQ(coordinator.heartbeat(members[leader ? 1 : 0], 1), ErrorCode::kRebalanceInProgress);
    Joiner other;
    other.member = members[leader ? 1 : 0];
    coordinator.join(other);
    EXPECT_EQ(coordinator.joined(id).generation_id, 2);
    EXPECT_EQ(coordinator.joined(id).leader, members[0]);
  }
}

TEST(ClassicJoinTest, RemovesWhoDoesNotJoinAgainInTime) {
  TestCoordinator coordinator;
  const auto members = coordinator.stable_group(3);
  Joiner again;
  again.member = members[1];
  again.protocols = {{"range", subscription({"others"})}};
  const AnswerId id = coordinator.join(again);
  for (int i = 0; i < 7; ++i) {
    coordinator.pass(Millis(8'000));
    coordinator.heartbeat(members[0], 1);
  }
  EXPECT_FALSE(coordinator.has(id)) << "the first member lives, and has not joined";
  coordinator.pass(Millis(5'000));
  EXPECT_EQ(coordinator.joined(id).generation_id, 2);
  EXPECT_EQ(coordinator.joined(id).leader, members[1]) << "a leader that has joined";
  EXPECT_EQ(coordinator.describe().members.size(), 1u);
}

TEST(ClassicJoinTest, AnswersTheOlderOfTwoJoinsOfOneMember) {
  TestCoordinator coordinator;
  const auto members = coordinator.stable_group(2);
  Joiner again;
  again.member = members[0];
  const AnswerId older = coordinator.join(again);
  const AnswerId newer = coordinator.join(again);
  EXPECT_EQ(coordinator.error_of_join(older), ErrorCode::kRebalanceInProgress);
  EXPECT_FALSE(coordinator.has(newer));
}

TEST(ClassicJoinTest, RepeatsTheAnswerWhileAssignmentsAreAwaited) {
  TestCoordinator coordinator;
  const AnswerId first = coordinator.join_twice(Joiner{});
  coordinator.pass(Millis(3'000));
  Joiner again;
  again.member = coordinator.joined(first).member_id.str();
  const AnswerId second = coordinator.join(again);
  EXPECT_EQ(coordinator.joined(second).generation_id, 1);
  EXPECT_EQ(coordinator.joined(second).members.size(), 1u);
}

TEST(ClassicJoinTest, TakesVersion0sSessionForTheRebalanceTimeout) {
  TestCoordinator coordinator;
  Joiner joiner;
  joiner.version = 0;
  joiner.rebalance_ms = -1;
  const AnswerId id = coordinator.join(joiner);
  coordinator.pass(Millis(3'000));
  coordinator.sync(coordinator.joined(id).member_id.str(), 1, {});
  const auto& record = coordinator.log.back().records.back();
  ASSERT_TRUE(record.value.has_value());
  const std::string bytes(as_text(ByteView(*record.value)));
  // rebalanceTimeout and sessionTimeout, both 10,000.
  EXPECT_NE(bytes.find(std::string("\0\0\x27\x10\0\0\x27\x10", 8)), std::string::npos);
}

}  // namespace
}  // namespace moldau::group
