// SPDX-License-Identifier: Apache-2.0
// KIP-1071
#include <gtest/gtest.h>

#include <random>

#include "machine/group/group_machine_state.h"
#include "machine/group/test_streams.h"

namespace moldau::group {
namespace {

using Tasks = std::map<std::string, std::vector<std::int32_t>>;

std::vector<int> codes(const StreamsHeartbeat& beat) {
  std::vector<int> out;
  for (const auto& status : *beat.response.status) out.push_back(status.status_code);
  return out;
}

StreamsThread thread_of(const std::string& member, const std::string& process) {
  StreamsThread out;
  out.member = member;
  out.process = process;
  return out;
}

TEST(StreamsGroupTest, WaitsForTopicsAndThenGivesAllTasks) {
  StreamsCoordinator c;
  StreamsThread a = thread_of("a", "p");
  const StreamsHeartbeat missing = c.send(a.request(c.topology));
  EXPECT_EQ(codes(missing), (std::vector<int>{1}));
  EXPECT_EQ(missing.response.status->front().status_detail, "Source topics lines are missing.");
  EXPECT_TRUE(missing.missing_topics.empty());
  a.take(missing.response);
  EXPECT_EQ(c.group_state(), "NotReady");

  c.show({{"lines", 3}});
  const StreamsHeartbeat internal = c.send(a.request(c.topology));
  EXPECT_EQ(codes(internal), (std::vector<int>{3}));
  ASSERT_EQ(internal.missing_topics.size(), 2U);
  const ConfiguredStreamsTopic& changelog = internal.missing_topics.at("counts-changelog");
  EXPECT_EQ(changelog.partitions, 3);
  EXPECT_EQ(changelog.configs.at("cleanup.policy"), "compact");
  EXPECT_EQ(creatable_topic(changelog).replication_factor, -1);
  a.take(internal.response);

  c.show_all();
  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  EXPECT_EQ(tasks_of(a.active), (Tasks{{"0", {0, 1, 2}}, {"1", {0, 1, 2}}}));
  EXPECT_EQ(c.group_state(), "Stable");
  c.show({{"lines", 3}, {"words-repartition", 4}, {"counts-changelog", 3}});
  EXPECT_EQ(codes(c.send(a.request(c.topology))), (std::vector<int>{2}));
}

TEST(StreamsGroupTest, HandsTasksOverOnlyWhenTheyAreGivenBack) {
  StreamsCoordinator c;
  c.show_all();
  StreamsThread a = thread_of("a", "p");
  StreamsThread b = thread_of("b", "q");
  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  EXPECT_EQ(c.beat(b), ErrorCode::kNone);
  EXPECT_TRUE(b.active.empty()) << "a still has them all";
  const StreamsThread before = a;
  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  EXPECT_LT(tasks_of(a.active).size() + tasks_of(a.active)["0"].size(),
            tasks_of(before.active).size() + tasks_of(before.active)["0"].size());
  EXPECT_EQ(c.group_state(), "Reconciling");
  EXPECT_EQ(c.beat(b), ErrorCode::kNone);
  EXPECT_TRUE(b.active.empty());
  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(c.beat(b), ErrorCode::kNone);
  EXPECT_EQ(tasks_of(b.active).size() + tasks_of(a.active).size(), 4U);
  EXPECT_EQ(c.group_state(), "Stable");
}

TEST(StreamsGroupTest, FencesWhoDoesNotGiveBackInTime) {
  StreamsCoordinator c;
  c.show_all();
  StreamsThread a = thread_of("a", "p");
  StreamsThread b = thread_of("b", "q");
  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  EXPECT_EQ(c.beat(b), ErrorCode::kNone);
  StreamsThread slow = a;
  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  for (int i = 0; i < 8; ++i) {
    c.pass(Millis(5'000));
    (void)c.beat(b);
    (void)c.send(slow.request(c.topology));
  }
  EXPECT_EQ(c.beat(slow), ErrorCode::kUnknownMemberId);
  EXPECT_EQ(c.beat(b), ErrorCode::kNone);
  EXPECT_EQ(tasks_of(b.active), (Tasks{{"0", {0, 1, 2}}, {"1", {0, 1, 2}}}));
}

TEST(StreamsGroupTest, FencesSilentMembersAndEmptiesTheGroup) {
  StreamsCoordinator c;
  c.show_all();
  StreamsThread a = thread_of("a", "p");
  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  c.pass(Millis(44'000));
  EXPECT_EQ(c.group_state(), "Stable");
  c.pass(Millis(2'000));
  EXPECT_EQ(c.group_state(), "Empty");
  EXPECT_EQ(c.beat(a), ErrorCode::kUnknownMemberId);
}

TEST(StreamsGroupTest, DelaysTheFirstAssignmentOfAnEmptyGroup) {
  StreamsCoordinator c(3'000);
  c.show_all();
  StreamsThread a = thread_of("a", "p");
  StreamsThread b = thread_of("b", "q");
  const StreamsHeartbeat first = c.send(a.request(c.topology));
  EXPECT_EQ(codes(first), (std::vector<int>{5}));
  EXPECT_EQ(first.response.member_epoch, 1);
  a.take(first.response);
  EXPECT_EQ(c.beat(b), ErrorCode::kNone);
  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  EXPECT_TRUE(a.active.empty() && b.active.empty());
  c.pass(Millis(3'000));
  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  EXPECT_EQ(c.beat(b), ErrorCode::kNone);
  EXPECT_EQ(tasks_of(a.active).size(), 2U);
  EXPECT_EQ(tasks_of(b.active).size(), 2U);
}

TEST(StreamsGroupTest, PutsStandbysIntoOtherProcesses) {
  StreamsCoordinator c(0, 1);
  c.show_all();
  StreamsThread a = thread_of("a", "p");
  StreamsThread b = thread_of("b", "q");
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(c.beat(a), ErrorCode::kNone);
    EXPECT_EQ(c.beat(b), ErrorCode::kNone);
  }
  EXPECT_EQ(tasks_of(a.active)["1"], tasks_of(b.standby)["1"]);
  EXPECT_EQ(tasks_of(b.active)["1"], tasks_of(a.standby)["1"]);
  EXPECT_FALSE(tasks_of(a.standby).contains("0")) << "it has no state";
}

TEST(StreamsGroupTest, TellsWhoHasWhichPartitions) {
  StreamsCoordinator c;
  c.show_all();
  StreamsThread a = thread_of("a", "host-a");
  a.has_endpoint = true;
  const StreamsHeartbeat first = c.send(a.request(c.topology));
  ASSERT_TRUE(first.response.partitions_by_user_endpoint);
  ASSERT_EQ(first.response.partitions_by_user_endpoint->size(), 1U);
  const auto& at = first.response.partitions_by_user_endpoint->front();
  EXPECT_EQ(at.user_endpoint.host, "host-a");
  ASSERT_EQ(at.active_partitions.size(), 2U);
  EXPECT_EQ(at.active_partitions[0].topic, "lines");
  EXPECT_EQ(at.active_partitions[0].partitions, (std::vector<std::int32_t>{0, 1, 2}));
}

TEST(StreamsGroupTest, ShutsTheApplicationDown) {
  StreamsCoordinator c;
  c.show_all();
  StreamsThread a = thread_of("a", "p");
  StreamsThread b = thread_of("b", "q");
  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  EXPECT_EQ(c.beat(b), ErrorCode::kNone);
  StreamsRequest request = a.request(c.topology);
  request.shutdown_application = true;
  EXPECT_EQ(codes(c.send(request)), (std::vector<int>{4}));
  EXPECT_EQ(codes(c.send(b.request(c.topology))), (std::vector<int>{4}));
  EXPECT_EQ(c.leave(a), ErrorCode::kNone);
  EXPECT_EQ(c.leave(b), ErrorCode::kNone);
  EXPECT_EQ(c.leave(b), ErrorCode::kUnknownMemberId);
  StreamsThread again = thread_of("c", "p");
  EXPECT_EQ(codes(c.send(again.request(c.topology))), (std::vector<int>{}));
}

TEST(StreamsGroupTest, RefusesWhatMakesNoSense) {
  StreamsCoordinator c;
  c.show_all();
  StreamsThread a = thread_of("a", "p");
  const auto refused = [&](const StreamsRequest& request) {
    return static_cast<ErrorCode>(c.send(request).response.error_code);
  };
  const StreamsRequest join = a.request(c.topology);
  const auto changed = [&](auto change) {
    StreamsRequest request = join;
    change(request);
    return refused(request);
  };
  EXPECT_EQ(changed([](auto& r) { r.topology.reset(); }), ErrorCode::kInvalidRequest);
  EXPECT_EQ(changed([](auto& r) { r.rebalance_timeout_ms = -1; }), ErrorCode::kInvalidRequest);
  EXPECT_EQ(changed([](auto& r) { r.active_tasks.reset(); }), ErrorCode::kInvalidRequest);
  EXPECT_EQ(changed([](auto& r) { r.instance_id = "i"; }), ErrorCode::kInvalidRequest);
  EXPECT_EQ(changed([](auto& r) { r.member_epoch = -3; }), ErrorCode::kInvalidRequest);
  EXPECT_EQ(changed([](auto& r) { r.member_epoch = -2; }), ErrorCode::kInvalidRequest);
  EXPECT_EQ(changed([](auto& r) { r.group_id = " "; }), ErrorCode::kInvalidRequest);
  EXPECT_EQ(changed([](auto& r) { r.topology->epoch = -1; }), ErrorCode::kUnknownServerError);
  EXPECT_EQ(changed([](auto& r) {
              auto& group = r.topology->subtopologies[1].copartition_groups.emplace_back();
              group.repartition_source_topics = {1};
            }),
            ErrorCode::kUnknownServerError);
  EXPECT_EQ(changed([](auto& r) {
              r.topology->subtopologies[1].state_changelog_topics[0].partitions = 3;
            }),
            ErrorCode::kStreamsInvalidTopology);
  EXPECT_EQ(
      changed([](auto& r) { r.topology->subtopologies.erase(r.topology->subtopologies.begin()); }),
      ErrorCode::kStreamsInvalidTopology);
  EXPECT_TRUE(c.log.empty()) << "nothing was written";

  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  StreamsThread stranger = thread_of("s", "p");
  stranger.epoch = 3;
  EXPECT_EQ(c.beat(stranger), ErrorCode::kUnknownMemberId);
  StreamsThread ahead = a;
  ++ahead.epoch;
  EXPECT_EQ(c.beat(ahead), ErrorCode::kFencedMemberEpoch);
  StreamsThread wrong = a;
  wrong.active[0].partitions = {7};
  EXPECT_EQ(c.beat(wrong), ErrorCode::kInvalidRequest);
  EXPECT_EQ(changed([](auto& r) { r.topology->epoch = 1; }), ErrorCode::kInvalidRequest);
}

TEST(StreamsGroupTest, JudgesCommitsByEpochAndTask) {
  StreamsCoordinator c;
  c.show_all();
  StreamsThread a = thread_of("a", "p");
  StreamsThread b = thread_of("b", "q");
  EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  const std::int32_t old_epoch = a.epoch;
  EXPECT_EQ(c.beat(b), ErrorCode::kNone);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(c.beat(a), ErrorCode::kNone);
  ASSERT_GT(a.epoch, old_epoch);
  const auto check = [&](std::int32_t epoch, std::int32_t partition) {
    wire::OffsetCommitRequest request;
    request.group_id = "app";
    request.member_id = "a";
    request.generation_id_or_member_epoch = epoch;
    auto& topic = request.topics.emplace_back();
    topic.name = "lines";
    auto& one = topic.partitions.emplace_back();
    one.partition_index = partition;
    one.committed_offset = 5;
    const auto& response = c.get<wire::OffsetCommitResponse>(
        c.take(c.machine.commit_offsets(c.context(), c.caller(9), request)));
    return static_cast<ErrorCode>(response.topics.at(0).partitions.at(0).error_code);
  };
  const std::int32_t own = tasks_of(a.active).at("0").at(0);
  EXPECT_EQ(check(a.epoch, own), ErrorCode::kNone);
  EXPECT_EQ(check(a.epoch + 1, own), ErrorCode::kStaleMemberEpoch);
}

TEST(StreamsGroupTest, LetsALaggingMemberCommitForTasksThatItHadThen) {
  StreamsGroup group("app");
  StreamsTopology topology;
  StreamsSubtopology& part = topology.subtopologies["0"];
  part.id = "0";
  part.source_topics = {"lines"};
  group.replay_topology(topology);
  StreamsMember member;
  member.id = "a";
  member.epoch = 9;
  member.assigned.active["0"] = {{0, 5}, {1, 9}};
  member.pending_revocation.active["0"] = {{2, 5}};
  group.replay_member(member);
  const auto check = [&](std::int32_t epoch, std::string_view topic, std::int32_t partition) {
    const Committer committer("a", std::nullopt, epoch, false, 9);
    EXPECT_EQ(group.check_offset_commit(committer), ErrorCode::kNone);
    return group.check_partition_commit(committer, topic, TopicId(), PartitionId(partition));
  };
  EXPECT_EQ(check(9, "lines", 3), ErrorCode::kNone) << "it is in its epoch";
  EXPECT_EQ(check(6, "lines", 0), ErrorCode::kNone);
  EXPECT_EQ(check(6, "lines", 2), ErrorCode::kNone);
  EXPECT_EQ(check(4, "lines", 0), ErrorCode::kStaleMemberEpoch);
  EXPECT_EQ(check(6, "lines", 1), ErrorCode::kStaleMemberEpoch);
  EXPECT_EQ(check(6, "lines", 3), ErrorCode::kStaleMemberEpoch);
  EXPECT_EQ(check(6, "other", 0), ErrorCode::kStaleMemberEpoch);
  const Committer old("a", std::nullopt, 9, false, 8);
  EXPECT_EQ(group.check_offset_commit(old), ErrorCode::kUnsupportedVersion);
  const Committer stranger("b", std::nullopt, 9, false, 9);
  EXPECT_EQ(group.check_offset_commit(stranger), ErrorCode::kUnknownMemberId);
}

}  // namespace
}  // namespace moldau::group
