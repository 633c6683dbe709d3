// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "machine/group/classic_group.h"
#include "machine/group/test_group_fixture.h"

// KIP-559 (protocol in SyncGroup), KIP-62 (sessions)

namespace moldau::group {
namespace {

/// A group of two that awaits the leader's assignment; the leader is first.
std::vector<std::string> completing_group(TestCoordinator& coordinator) {
  const AnswerId a = coordinator.join_twice(Joiner{});
  const AnswerId b = coordinator.join_twice(Joiner{});
  coordinator.pass(Millis(6'500));
  EXPECT_EQ(coordinator.state(), "CompletingRebalance");
  return {coordinator.joined(a).member_id.str(), coordinator.joined(b).member_id.str()};
}

TEST(ClassicSyncTest, GivesEveryMemberWhatTheLeaderAssigned) {
  TestCoordinator coordinator;
  const auto ids = completing_group(coordinator);
  const AnswerId follower = coordinator.sync(ids[1], 1);
  EXPECT_FALSE(coordinator.has(follower));
  const std::size_t batches = coordinator.log.size();
  const AnswerId leader = coordinator.sync(ids[0], 1, {{ids[0], "A"}, {"stranger", "X"}});
  EXPECT_EQ(coordinator.log.size(), batches + 1);
  EXPECT_EQ(as_text(coordinator.synced(leader).assignment.view()), "A");
  EXPECT_EQ(coordinator.synced(leader).protocol_name, "range");
  EXPECT_EQ(coordinator.synced(leader).protocol_type, "consumer");
  EXPECT_EQ(coordinator.synced(follower).assignment.size(), 0u) << "it was left out";
  EXPECT_EQ(coordinator.state(), "Stable");
  EXPECT_EQ(coordinator.machine.counts().completed_rebalances, 1);
}

TEST(ClassicSyncTest, RefusesWhatIsWrongWithTheRequest) {
  struct Case {
    const char* what;
    std::int16_t version;
    const char* group;
    const char* member;
    std::int32_t generation;
    std::optional<std::string> type;
    std::optional<std::string> name;
    ErrorCode error;
  };
  const Case cases[] = {
      {"group", 5, "", "", 1, "consumer", "range", ErrorCode::kInvalidGroupId},
      {"no such group", 5, "h", "", 1, "consumer", "range", ErrorCode::kUnknownMemberId},
      {"no such member", 5, "g", "x", 1, "consumer", "range", ErrorCode::kUnknownMemberId},
      {"generation", 5, "g", "", 2, "consumer", "range", ErrorCode::kIllegalGeneration},
      {"other type", 5, "g", "", 1, "connect", "range", ErrorCode::kInconsistentGroupProtocol},
      {"other name", 5, "g", "", 1, "consumer", "b", ErrorCode::kInconsistentGroupProtocol},
      {"no type in 5", 5, "g", "", 1, {}, "range", ErrorCode::kInconsistentGroupProtocol},
      {"no name in 5", 5, "g", "", 1, "consumer", {}, ErrorCode::kInconsistentGroupProtocol},
      {"none in 4", 4, "g", "", 1, {}, {}, ErrorCode::kNone},
  };
  TestCoordinator coordinator;
  const auto ids = coordinator.stable_group(2);
  for (const Case& c : cases) {
    wire::SyncGroupRequest request;
    request.group_id = c.group;
    request.member_id = *c.member == '\0' ? std::string_view(ids[1]) : std::string_view(c.member);
    request.generation_id = c.generation;
    request.protocol_type = c.type ? wire::Text(*c.type) : wire::Text::null();
    request.protocol_name = c.name ? wire::Text(*c.name) : wire::Text::null();
    const AnswerId id = coordinator.take(
        coordinator.machine.sync(coordinator.context(), coordinator.caller(c.version), request));
    EXPECT_EQ(coordinator.error_of_sync(id), c.error) << c.what;
  }
}

TEST(ClassicSyncTest, TellsThoseWhoWaitWhenTheRebalanceBeginsAnew) {
  TestCoordinator coordinator;
  const auto ids = completing_group(coordinator);
  const AnswerId waiting = coordinator.sync(ids[1], 1);
  coordinator.join_twice(Joiner{});
  EXPECT_EQ(coordinator.error_of_sync(waiting), ErrorCode::kRebalanceInProgress);
  EXPECT_EQ(coordinator.error_of_sync(coordinator.sync(ids[0], 1)),
            ErrorCode::kRebalanceInProgress);
}

TEST(ClassicSyncTest, RemovesWhoDoesNotSyncInTime) {
  TestCoordinator coordinator;
  const auto ids = completing_group(coordinator);
  coordinator.sync(ids[0], 1, {{ids[0], "A"}, {ids[1], "B"}});
  ASSERT_EQ(coordinator.state(), "Stable");
  for (int i = 0; i < 7; ++i) {
    coordinator.pass(Millis(8'000));
    coordinator.heartbeat(ids[0], 1);
    coordinator.heartbeat(ids[1], 1);
  }
  EXPECT_EQ(coordinator.state(), "Stable");
  coordinator.pass(Millis(5'000));
  EXPECT_EQ(coordinator.state(), "PreparingRebalance") << "the rebalance timeout has passed";
  EXPECT_EQ(coordinator.heartbeat(ids[1], 1), ErrorCode::kUnknownMemberId);
}

TEST(ClassicSyncTest, AnAssignmentTooLargeForTheLogIsNotTaken) {
  GroupSettings settings;
  settings.batch_bytes_max = 4'000;
  TestCoordinator coordinator(settings);
  const auto ids = completing_group(coordinator);
  const AnswerId follower = coordinator.sync(ids[1], 1);
  const std::size_t batches = coordinator.log.size();
  const AnswerId id = coordinator.sync(ids[0], 1, {{ids[0], std::string(4'000, 'x')}});
  EXPECT_EQ(coordinator.error_of_sync(id), ErrorCode::kUnknownServerError);
  EXPECT_EQ(coordinator.error_of_sync(follower), ErrorCode::kUnknownServerError);
  EXPECT_EQ(coordinator.log.size(), batches);
  EXPECT_EQ(coordinator.state(), "PreparingRebalance");
}

TEST(ClassicSyncTest, AnswersTheOlderOfTwoSyncsOfOneMember) {
  TestCoordinator coordinator;
  const auto ids = completing_group(coordinator);
  const AnswerId older = coordinator.sync(ids[1], 1);
  const AnswerId newer = coordinator.sync(ids[1], 1);
  EXPECT_EQ(coordinator.error_of_sync(older), ErrorCode::kRebalanceInProgress);
  EXPECT_FALSE(coordinator.has(newer));
}

TEST(ClassicHeartbeatTest, AnswersByTheStateOfTheGroup) {
  TestCoordinator coordinator;
  EXPECT_EQ(coordinator.heartbeat("m", 1), ErrorCode::kUnknownMemberId);
  const auto ids = completing_group(coordinator);
  EXPECT_EQ(coordinator.heartbeat(ids[0], 1), ErrorCode::kNone);
  EXPECT_EQ(coordinator.heartbeat(ids[0], 0), ErrorCode::kIllegalGeneration);
  EXPECT_EQ(coordinator.heartbeat("m", 1), ErrorCode::kUnknownMemberId);
  coordinator.sync(ids[0], 1, {});
  EXPECT_EQ(coordinator.heartbeat(ids[0], 1), ErrorCode::kNone);
  coordinator.leave({{ids[1], std::nullopt}});
  EXPECT_EQ(coordinator.heartbeat(ids[0], 1), ErrorCode::kRebalanceInProgress);
}

TEST(ClassicHeartbeatTest, AMemberWithoutHeartbeatsIsRemoved) {
  TestCoordinator coordinator;
  const auto ids = coordinator.stable_group(2);
  coordinator.pass(Millis(9'999));
  coordinator.heartbeat(ids[0], 1);
  coordinator.pass(Millis(2));
  EXPECT_EQ(coordinator.state(), "PreparingRebalance");
  EXPECT_EQ(coordinator.heartbeat(ids[1], 1), ErrorCode::kUnknownMemberId);
  EXPECT_EQ(coordinator.heartbeat(ids[0], 1), ErrorCode::kRebalanceInProgress);
  Joiner again;
  again.member = ids[0];
  EXPECT_EQ(coordinator.joined(coordinator.join(again)).generation_id, 2);
}

TEST(ClassicHeartbeatTest, AGroupThatAllHaveLeftBecomesEmptyInTheNextGeneration) {
  TestCoordinator coordinator;
  coordinator.stable_group(2);
  coordinator.pass(Millis(20'000));
  EXPECT_EQ(coordinator.state(), "Empty");
  EXPECT_EQ(coordinator.describe().protocol_type, "consumer");
  EXPECT_EQ(coordinator.machine.counts().expired_members, 2);
  GroupMachine successor = coordinator.successor();
  EXPECT_EQ(successor.describe("g", 6), coordinator.describe());
  const AnswerId next = coordinator.join_twice(Joiner{});
  coordinator.pass(Millis(3'000));
  EXPECT_EQ(coordinator.joined(next).generation_id, 3);
}

TEST(ClassicHeartbeatTest, ANewMemberIsGivenUpAfterFiveMinutesInItsJoin) {
  TestCoordinator coordinator;
  const auto ids = coordinator.stable_group(1);
  Joiner slow;
  slow.version = 3;
  slow.rebalance_ms = 3'600'000;
  const AnswerId id = coordinator.join(slow);
  for (int i = 0; i < 37; ++i) {
    coordinator.pass(Millis(8'000));
    coordinator.heartbeat(ids[0], 1);
  }
  EXPECT_FALSE(coordinator.has(id));
  coordinator.pass(Millis(5'000));
  EXPECT_EQ(coordinator.error_of_join(id), ErrorCode::kUnknownMemberId);
}

TEST(ClassicLeaveTest, RebalancesTheRest) {
  TestCoordinator coordinator;
  const auto ids = coordinator.stable_group(3);
  const AnswerId id = coordinator.leave({{ids[0], std::nullopt}, {"x", std::nullopt}});
  const auto& response = coordinator.get<wire::LeaveGroupResponse>(id);
  EXPECT_EQ(response.members[0].error_code, 0);
  EXPECT_EQ(response.members[1].error_code, static_cast<int>(ErrorCode::kUnknownMemberId));
  EXPECT_EQ(coordinator.state(), "PreparingRebalance");
  std::vector<AnswerId> joins;
  for (std::size_t i = 1; i < 3; ++i) {
    Joiner again;
    again.member = ids[i];
    joins.push_back(coordinator.join(again));
  }
  EXPECT_EQ(coordinator.joined(joins[0]).generation_id, 2);
  EXPECT_EQ(coordinator.joined(joins[0]).leader, std::min(ids[1], ids[2]));
}

TEST(ClassicLeaveTest, OldVersionsHaveOneMemberAndOneError) {
  TestCoordinator coordinator;
  const auto ids = coordinator.stable_group(1);
  wire::LeaveGroupRequest request;
  request.group_id = "g";
  const auto leave = [&](std::string_view group, std::string_view member) {
    request.group_id = group;
    request.member_id = member;
    const AnswerId id = coordinator.take(
        coordinator.machine.leave(coordinator.context(), coordinator.caller(2), request));
    return static_cast<ErrorCode>(coordinator.get<wire::LeaveGroupResponse>(id).error_code);
  };
  EXPECT_EQ(leave("", ids[0]), ErrorCode::kInvalidGroupId);
  EXPECT_EQ(leave("h", ids[0]), ErrorCode::kUnknownMemberId);
  EXPECT_EQ(leave("g", "x"), ErrorCode::kUnknownMemberId);
  EXPECT_EQ(leave("g", ids[0]), ErrorCode::kNone);
  EXPECT_EQ(coordinator.state(), "Empty");
}

TEST(ClassicLeaveTest, APendingMemberLeaves) {
  TestCoordinator coordinator;
  Joiner joiner;
  joiner.member = coordinator.joined(coordinator.join(joiner)).member_id.str();
  const AnswerId id = coordinator.leave({{joiner.member, std::nullopt}});
  EXPECT_EQ(coordinator.get<wire::LeaveGroupResponse>(id).members[0].error_code, 0);
  EXPECT_EQ(coordinator.error_of_join(coordinator.join(joiner)), ErrorCode::kUnknownMemberId);
}

TEST(ClassicLeaveTest, WhoWasToldItsIdStaysPendingWhenAllOthersHaveLeft) {
  TestCoordinator coordinator;
  const auto ids = coordinator.stable_group(1);
  Joiner joiner;
  joiner.member = coordinator.joined(coordinator.join(joiner)).member_id.str();
  coordinator.leave({{ids[0], std::nullopt}});
  coordinator.pass(Millis(1));
  ASSERT_EQ(coordinator.state(), "Empty");
  const AnswerId id = coordinator.join(joiner);
  coordinator.pass(Millis(6'500));
  EXPECT_EQ(coordinator.joined(id).member_id.view(), joiner.member);
  EXPECT_EQ(coordinator.joined(id).generation_id, 3);
}

/// Nodes have many groups that are no more than offsets.
TEST(ClassicGroupTest, IsSmallWithoutMembers) {
  EXPECT_LE(sizeof(ClassicGroup), 112U);
}

TEST(ClassicLeaveTest, AnswersWhatTheLeavingMemberWaitsFor) {
  TestCoordinator coordinator;
  const auto ids = completing_group(coordinator);
  const AnswerId waiting = coordinator.sync(ids[1], 1);
  coordinator.leave({{ids[1], std::nullopt}});
  EXPECT_EQ(coordinator.error_of_sync(waiting), ErrorCode::kUnknownMemberId);
}

}  // namespace
}  // namespace moldau::group
