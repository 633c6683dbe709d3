// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "machine/group/test_group_fixture.h"

// KIP-345 (static members), KIP-814 (skip assignment)

namespace moldau::group {
namespace {

Joiner static_joiner(std::string instance, std::int16_t version = 9) {
  Joiner joiner;
  joiner.instance = std::move(instance);
  joiner.version = version;
  return joiner;
}

/// A stable group of the static members "one" (leader) and "two"; their ids.
std::vector<std::string> stable_static_group(TestCoordinator& coordinator) {
  const AnswerId a = coordinator.join(static_joiner("one"));
  const AnswerId b = coordinator.join(static_joiner("two"));
  coordinator.pass(Millis(6'500));
  std::vector<std::string> ids = {coordinator.joined(a).member_id.str(),
                                  coordinator.joined(b).member_id.str()};
  EXPECT_EQ(ids[0].substr(0, 4), "one-");
  coordinator.sync(ids[1], 1);
  coordinator.sync(ids[0], 1, {{ids[0], "A"}, {ids[1], "B"}});
  EXPECT_EQ(coordinator.state(), "Stable");
  return ids;
}

TEST(ClassicStaticTest, ReplacesTheIdOfAMemberWithoutARebalance) {
  for (const std::int16_t version : {8, 9}) {
    for (const bool leader : {true, false}) {
      TestCoordinator coordinator;
      const auto ids = stable_static_group(coordinator);
      const std::size_t batches = coordinator.log.size();
      const AnswerId id = coordinator.join(static_joiner(leader ? "one" : "two", version));
      const auto& response = coordinator.joined(id);
      EXPECT_EQ(response.error_code, 0);
      EXPECT_EQ(response.generation_id, 1);
      EXPECT_NE(response.member_id, ids[leader ? 0 : 1]);
      EXPECT_EQ(response.skip_assignment, leader && version == 9);
      EXPECT_EQ(response.members.size(), leader && version == 9 ? 2u : 0u);
      const bool new_leader = leader && version == 9;
      EXPECT_EQ(response.leader, new_leader ? response.member_id.str() : ids[0]);
      EXPECT_EQ(coordinator.log.size(), batches + 1) << "the new id is in the log";
      EXPECT_EQ(coordinator.state(), "Stable");

      const std::string& old_id = ids[leader ? 0 : 1];
      const std::string instance = leader ? "one" : "two";
      EXPECT_EQ(coordinator.heartbeat(old_id, 1, instance), ErrorCode::kFencedInstanceId);
      EXPECT_EQ(coordinator.heartbeat(old_id, 1), ErrorCode::kUnknownMemberId);
      EXPECT_EQ(coordinator.heartbeat(response.member_id.view(), 1, instance), ErrorCode::kNone);
      const AnswerId sync = coordinator.sync(response.member_id.view(), 1, {}, instance);
      EXPECT_EQ(as_text(coordinator.synced(sync).assignment.view()), leader ? "A" : "B");
    }
  }
}

TEST(ClassicStaticTest, RebalancesIfTheReplacementChangesTheProtocol) {
  TestCoordinator coordinator;
  Joiner one = static_joiner("one");
  one.protocols = {{"range", "m"}, {"sticky", "m"}};
  const AnswerId first = coordinator.join(one);
  coordinator.pass(Millis(6'500));
  const std::string member = coordinator.joined(first).member_id.str();
  coordinator.sync(member, 1, {{member, "A"}});
  ASSERT_EQ(coordinator.state(), "Stable");
  one.protocols = {{"sticky", "m"}, {"range", "m"}};
  const AnswerId id = coordinator.join(one);
  EXPECT_EQ(coordinator.joined(id).generation_id, 2) << "it was alone, so all have joined";
  EXPECT_EQ(coordinator.joined(id).protocol_name, "sticky");
}

TEST(ClassicStaticTest, FencesRequestsThatWaitUnderTheOldId) {
  TestCoordinator coordinator;
  const auto ids = stable_static_group(coordinator);
  Joiner again = static_joiner("one");
  again.member = ids[0];
  const AnswerId waiting = coordinator.join(again);
  ASSERT_FALSE(coordinator.has(waiting));
  const AnswerId fresh = coordinator.join(static_joiner("one"));
  EXPECT_EQ(coordinator.error_of_join(waiting), ErrorCode::kFencedInstanceId);
  EXPECT_FALSE(coordinator.has(fresh));

  Joiner two = static_joiner("two");
  two.member = ids[1];
  coordinator.join(two);
  const std::string one = coordinator.joined(fresh).member_id.str();
  EXPECT_EQ(coordinator.joined(fresh).generation_id, 2);
  const AnswerId sync = coordinator.sync(ids[1], 2, {}, "two");
  ASSERT_FALSE(coordinator.has(sync));
  // A replacement while assignments are awaited begins the rebalance anew.
  coordinator.join(static_joiner("two"));
  EXPECT_EQ(coordinator.error_of_sync(sync), ErrorCode::kFencedInstanceId);
  EXPECT_EQ(coordinator.state(), "PreparingRebalance");
}

TEST(ClassicStaticTest, KeepsStaticMembersThatDoNotJoinAgainUntilTheirSessionEnds) {
  TestCoordinator coordinator;
  const auto ids = stable_static_group(coordinator);
  Joiner again = static_joiner("one");
  again.member = ids[0];
  again.rebalance_ms = 2'000;
  Joiner other = static_joiner("two");
  other.member = ids[1];
  other.rebalance_ms = 2'000;
  const AnswerId id = coordinator.join(again);
  coordinator.join(other);
  ASSERT_TRUE(coordinator.has(id));
  coordinator.sync(ids[0], 2, {{ids[0], "A"}, {ids[1], "B"}}, "one");
  coordinator.sync(ids[1], 2, {}, "two");
  const AnswerId third = coordinator.join(again);
  coordinator.pass(Millis(2'001));
  EXPECT_EQ(coordinator.joined(third).generation_id, 3);
  EXPECT_EQ(coordinator.joined(third).members.size(), 2u) << "the static member is still one";
  coordinator.pass(Millis(10'000));
  EXPECT_EQ(coordinator.describe().members.size(), 0u);
}

TEST(ClassicStaticTest, ChecksTheInstanceOfEveryRequest) {
  TestCoordinator coordinator;
  const auto ids = stable_static_group(coordinator);
  EXPECT_EQ(coordinator.heartbeat(ids[0], 1, "two"), ErrorCode::kFencedInstanceId);
  EXPECT_EQ(coordinator.heartbeat(ids[0], 1, "three"), ErrorCode::kUnknownMemberId);
  EXPECT_EQ(coordinator.error_of_sync(coordinator.sync(ids[0], 1, {}, "two")),
            ErrorCode::kFencedInstanceId);
  Joiner joiner = static_joiner("two");
  joiner.member = ids[0];
  EXPECT_EQ(coordinator.error_of_join(coordinator.join(joiner)), ErrorCode::kFencedInstanceId);
}

TEST(ClassicStaticTest, AnAdministratorRemovesMembersByInstance) {
  TestCoordinator coordinator;
  const auto ids = stable_static_group(coordinator);
  const AnswerId id = coordinator.leave({{"", "one"}, {"", "three"}, {"", std::nullopt}});
  const auto& response = coordinator.get<wire::LeaveGroupResponse>(id);
  EXPECT_EQ(response.error_code, 0);
  ASSERT_EQ(response.members.size(), 3u);
  EXPECT_EQ(response.members[0].error_code, 0);
  EXPECT_EQ(response.members[1].error_code, static_cast<int>(ErrorCode::kUnknownMemberId));
  EXPECT_EQ(response.members[2].error_code, static_cast<int>(ErrorCode::kUnknownMemberId));
  EXPECT_EQ(coordinator.state(), "PreparingRebalance");
  EXPECT_EQ(coordinator.heartbeat(ids[0], 1), ErrorCode::kUnknownMemberId);
}

TEST(ClassicStaticTest, AMemberThatIsAwaitedAfterReplacementMustSyncOrGo) {
  TestCoordinator coordinator;
  const AnswerId a = coordinator.join(static_joiner("one"));
  const AnswerId b = coordinator.join(static_joiner("two"));
  coordinator.pass(Millis(6'500));
  const std::string one = coordinator.joined(a).member_id.str();
  coordinator.sync(one, 1, {{one, "A"}, {coordinator.joined(b).member_id.str(), "B"}}, "one");
  ASSERT_EQ(coordinator.state(), "Stable");
  const AnswerId fresh = coordinator.join(static_joiner("two"));
  const std::string two = coordinator.joined(fresh).member_id.str();
  EXPECT_EQ(coordinator.error_of_sync(coordinator.sync(two, 1, {}, "two")), ErrorCode::kNone);
  for (int i = 0; i < 9; ++i) {
    coordinator.pass(Millis(8'000));
    EXPECT_EQ(coordinator.heartbeat(one, 1, "one"), ErrorCode::kNone);
    EXPECT_EQ(coordinator.heartbeat(two, 1, "two"), ErrorCode::kNone);
  }
}

}  // namespace
}  // namespace moldau::group
