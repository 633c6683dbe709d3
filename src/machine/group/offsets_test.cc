// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "machine/group/test_offsets.h"

// KIP-447 (transactional commits by member), KIP-496 (OffsetDelete), KIP-848 (topic ids later)

namespace moldau::group {
namespace {

constexpr auto kUnstable = static_cast<std::int16_t>(ErrorCode::kUnstableOffsetCommit);

TEST(OffsetCommitTest, ASimpleGroupNeedsNoMembers) {
  TestCoordinator coordinator;
  Commit c;
  c.metadata = "m";
  EXPECT_EQ(commit(coordinator, c), ErrorCode::kNone);
  EXPECT_EQ(fetch(coordinator).committed_offset, 5);
  EXPECT_EQ(fetch(coordinator).metadata, "m");
  EXPECT_EQ(fetch(coordinator).committed_leader_epoch, -1);
  EXPECT_EQ(coordinator.state(), "Empty");
  EXPECT_EQ(coordinator.describe().protocol_type, "");
  EXPECT_EQ(coordinator.log.size(), 1u) << "the group has no record of its own";
  EXPECT_EQ(coordinator.machine.counts().offsets, 1);
}

TEST(OffsetCommitTest, IsJudgedByTheGroup) {
  struct Case {
    const char* what;
    const char* group;
    std::int32_t generation;
    bool known_member;
    const char* member;
    std::optional<std::string> instance;
    std::int16_t version;
    ErrorCode error;
  };
  const Case cases[] = {
      {"member of this generation", "g", 1, true, "", {}, 9, ErrorCode::kNone},
      {"older generation", "g", 0, true, "", {}, 9, ErrorCode::kIllegalGeneration},
      {"unknown member", "g", 1, false, "x", {}, 9, ErrorCode::kUnknownMemberId},
      {"nobody", "g", -1, false, "", {}, 9, ErrorCode::kUnknownMemberId},
      {"unknown instance", "g", 1, true, "", "i", 9, ErrorCode::kUnknownMemberId},
      {"no group, new client", "h", 1, false, "x", {}, 9, ErrorCode::kGroupIdNotFound},
      {"no group, old client", "h", 1, false, "x", {}, 8, ErrorCode::kIllegalGeneration},
  };
  TestCoordinator coordinator;
  const auto ids = coordinator.stable_group(1);
  for (const Case& c : cases) {
    Commit request;
    request.group = c.group;
    request.generation = c.generation;
    request.member = c.known_member ? ids[0] : c.member;
    request.instance = c.instance;
    request.version = c.version;
    EXPECT_EQ(commit(coordinator, request), c.error) << c.what;
  }
}

TEST(OffsetCommitTest, TakesPartInTheRebalance) {
  TestCoordinator coordinator;
  const auto ids = coordinator.stable_group(2);
  Commit c;
  c.member = ids[0];
  c.generation = 1;
  coordinator.join_twice(Joiner{});
  ASSERT_EQ(coordinator.state(), "PreparingRebalance");
  EXPECT_EQ(commit(coordinator, c), ErrorCode::kNone) << "of the generation that ends";
  for (const std::string& id : ids) {
    Joiner again;
    again.member = id;
    coordinator.join(again);
  }
  ASSERT_EQ(coordinator.state(), "CompletingRebalance");
  EXPECT_EQ(commit(coordinator, c), ErrorCode::kIllegalGeneration);
  c.generation = 2;
  EXPECT_EQ(commit(coordinator, c), ErrorCode::kRebalanceInProgress);
  EXPECT_EQ(commit_in_transaction(coordinator, 1, c), ErrorCode::kNone) << "the state is not asked";
}

TEST(OffsetCommitTest, KeepsTheSessionAlive) {
  TestCoordinator coordinator;
  const auto ids = coordinator.stable_group(1);
  Commit c;
  c.member = ids[0];
  c.generation = 1;
  for (int i = 0; i < 5; ++i) {
    coordinator.pass(Millis(8'000));
    EXPECT_EQ(commit(coordinator, c), ErrorCode::kNone);
  }
}

TEST(OffsetCommitTest, RefusesLongMetadataAndUnknownTopics) {
  GroupSettings settings;
  settings.offset_metadata_max = 4;
  TestCoordinator coordinator(settings);
  Commit c;
  c.metadata = "12345";
  EXPECT_EQ(commit(coordinator, c), ErrorCode::kOffsetMetadataTooLarge);
  EXPECT_TRUE(coordinator.log.empty());
  c.metadata = "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4";
  EXPECT_EQ(commit(coordinator, c), ErrorCode::kNone) << "four characters";
  c.metadata = "\xF0\x9F\x98\x80\xF0\x9F\x98\x80x";
  EXPECT_EQ(commit(coordinator, c), ErrorCode::kOffsetMetadataTooLarge) << "five units of UTF-16";
  c.metadata = "";
  c.topic = "";
  c.version = 10;
  c.topic_id = TopicId(9, 9);
  EXPECT_EQ(commit(coordinator, c), ErrorCode::kUnknownTopicId);
  c.partition = -1;
  c.topic_id = kOrders;
  EXPECT_EQ(commit(coordinator, c), ErrorCode::kUnknownTopicOrPartition);
}

TEST(OffsetCommitTest, RefusesStringsThatARecordCannotHold) {
  GroupSettings settings;
  settings.offset_metadata_max = 1'000'000;
  TestCoordinator coordinator(settings);
  const std::string too_long(32'768, 'x');
  Commit group;
  group.group = too_long;
  EXPECT_EQ(commit(coordinator, group), ErrorCode::kInvalidGroupId);
  EXPECT_EQ(commit_in_transaction(coordinator, 1, group), ErrorCode::kInvalidGroupId);
  Commit topic;
  topic.topic = too_long;
  EXPECT_EQ(commit(coordinator, topic), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(commit_in_transaction(coordinator, 1, topic), ErrorCode::kUnknownTopicOrPartition);
  Commit metadata;
  metadata.metadata = too_long;
  EXPECT_EQ(commit(coordinator, metadata), ErrorCode::kOffsetMetadataTooLarge);
  EXPECT_TRUE(coordinator.log.empty());
}

TEST(OffsetCommitTest, ARequestTooLargeForTheLogChangesNothing) {
  GroupSettings settings;
  settings.batch_bytes_max = 2'000;
  TestCoordinator coordinator(settings);
  Commit c;
  c.metadata = std::string(2'000, 'x');
  EXPECT_EQ(commit(coordinator, c), ErrorCode::kUnknownServerError);
  EXPECT_EQ(commit_in_transaction(coordinator, 1, c), ErrorCode::kUnknownServerError);
  EXPECT_TRUE(coordinator.log.empty());
  EXPECT_EQ(coordinator.machine.counts().groups, 0);
}

TEST(OffsetFetchTest, KnowsTopicsById) {
  TestCoordinator coordinator;
  Commit c;
  c.topic = "";
  c.topic_id = kOrders;
  c.version = 10;
  ASSERT_EQ(commit(coordinator, c), ErrorCode::kNone);
  EXPECT_EQ(fetch(coordinator, "orders").committed_offset, 5);
  EXPECT_EQ(fetch(coordinator, "", 0, false, "g", kOrders).committed_offset, 5);
  EXPECT_EQ(fetch(coordinator, "", 0, false, "g", TopicId(9, 9)).error_code,
            static_cast<int>(ErrorCode::kUnknownTopicId));
  EXPECT_EQ(fetch(coordinator, "orders", 0, false, "g", TopicId(9, 9)).committed_offset, -1)
      << "another topic of that name";
  const auto all = fetch_all(coordinator.machine, coordinator.image);
  ASSERT_EQ(all.topics.size(), 1u);
  EXPECT_EQ(all.topics[0].topic_id, kOrders);
  EXPECT_EQ(all.topics[0].name, "orders");
}

TEST(OffsetFetchTest, SaysMinusOneForWhatIsNotCommitted) {
  TestCoordinator coordinator;
  EXPECT_EQ(fetch(coordinator).committed_offset, -1);
  EXPECT_EQ(fetch(coordinator).error_code, 0);
  EXPECT_EQ(fetch(coordinator).metadata, "");
  EXPECT_TRUE(fetch_all(coordinator.machine, coordinator.image).topics.empty());
  commit(coordinator, Commit{});
  EXPECT_EQ(fetch(coordinator, "orders", 1).committed_offset, -1);
  EXPECT_EQ(fetch(coordinator, "others", 0).committed_offset, -1);
}

TEST(OffsetTransactionTest, TakesEffectAtItsEnd) {
  for (const bool commits : {true, false}) {
    TestCoordinator coordinator;
    commit(coordinator, Commit{});
    Commit next;
    next.offset = 9;
    ASSERT_EQ(commit_in_transaction(coordinator, 42, next), ErrorCode::kNone);
    EXPECT_EQ(coordinator.log.back().producer_id, ProducerId(42));
    EXPECT_EQ(coordinator.log.back().producer_epoch, ProducerEpoch(3));
    EXPECT_EQ(fetch(coordinator).committed_offset, 5);
    EXPECT_EQ(fetch(coordinator, "orders", 0, true).error_code, kUnstable);
    EXPECT_EQ(fetch(coordinator, "orders", 0, true).committed_offset, -1);
    EXPECT_EQ(fetch(coordinator, "orders", 1, true).error_code, 0);
    const auto all = fetch_all(coordinator.machine, coordinator.image, "g", true);
    EXPECT_EQ(all.topics.at(0).partitions.at(0).error_code, kUnstable);

    coordinator.machine.end_transaction(ProducerId(43), !commits);
    EXPECT_EQ(fetch(coordinator, "orders", 0, true).error_code, kUnstable) << "another's marker";
    coordinator.machine.end_transaction(ProducerId(42), commits);
    EXPECT_EQ(fetch(coordinator, "orders", 0, true).committed_offset, commits ? 9 : 5);
    EXPECT_EQ(coordinator.machine.counts().open_transactions, 0);
  }
}

TEST(OffsetTransactionTest, ALaterPlainCommitWins) {
  TestCoordinator coordinator;
  Commit in_transaction;
  in_transaction.offset = 9;
  commit_in_transaction(coordinator, 42, in_transaction);
  commit(coordinator, Commit{});
  coordinator.machine.end_transaction(ProducerId(42), true);
  EXPECT_EQ(fetch(coordinator).committed_offset, 5);
}

TEST(OffsetTransactionTest, IsJudgedByTheGroup) {
  TestCoordinator coordinator;
  Commit c;
  c.generation = 1;
  c.member = "m";
  EXPECT_EQ(commit_in_transaction(coordinator, 1, c), ErrorCode::kIllegalGeneration);
  const auto ids = coordinator.stable_group(1);
  EXPECT_EQ(commit_in_transaction(coordinator, 1, c), ErrorCode::kUnknownMemberId);
  c.member = ids[0];
  c.generation = 2;
  EXPECT_EQ(commit_in_transaction(coordinator, 1, c), ErrorCode::kIllegalGeneration);
  c.instance = "i";
  EXPECT_EQ(commit_in_transaction(coordinator, 1, c), ErrorCode::kUnknownMemberId);
  Commit old_client;
  EXPECT_EQ(commit_in_transaction(coordinator, 1, old_client), ErrorCode::kNone)
      << "before version 3 members were not named";
  Commit no_group;
  no_group.group = "";
  EXPECT_EQ(commit_in_transaction(coordinator, 1, no_group), ErrorCode::kInvalidGroupId);
}

TEST(OffsetDeleteTest, SparesWhatTheGroupIsSubscribedTo) {
  TestCoordinator coordinator;
  const auto ids = coordinator.stable_group(1);
  Commit c;
  c.member = ids[0];
  c.generation = 1;
  commit(coordinator, c);
  c.topic = "others";
  commit(coordinator, c);
  const auto kept = delete_offset(coordinator, "g", "orders");
  EXPECT_EQ(kept.error_code, 0);
  EXPECT_EQ(kept.topics.at(0).partitions.at(0).error_code,
            static_cast<int>(ErrorCode::kGroupSubscribedToTopic));
  const auto gone = delete_offset(coordinator, "g", "others");
  EXPECT_EQ(gone.topics.at(0).partitions.at(0).error_code, 0);
  EXPECT_EQ(fetch(coordinator, "orders").committed_offset, 5);
  EXPECT_EQ(fetch(coordinator, "others").committed_offset, -1);
}

TEST(OffsetDeleteTest, RefusesGroupsItCannotJudge) {
  TestCoordinator coordinator;
  EXPECT_EQ(delete_offset(coordinator, "g", "orders").error_code,
            static_cast<int>(ErrorCode::kGroupIdNotFound));
  EXPECT_EQ(delete_offset(coordinator, "", "orders").error_code,
            static_cast<int>(ErrorCode::kInvalidGroupId));
  Joiner connect;
  connect.type = "connect";
  connect.version = 3;
  coordinator.join(connect);
  EXPECT_EQ(delete_offset(coordinator, "g", "orders").error_code,
            static_cast<int>(ErrorCode::kNonEmptyGroup));
}

TEST(OffsetDeleteTest, MetadataThatIsNoSubscriptionMakesEveryTopicSubscribed) {
  TestCoordinator coordinator;
  Joiner joiner;
  joiner.protocols = {{"range", "x"}};
  const AnswerId id = coordinator.join_twice(joiner);
  coordinator.pass(Millis(3'000));
  coordinator.sync(coordinator.joined(id).member_id.view(), 1);
  ASSERT_EQ(coordinator.state(), "Stable");
  EXPECT_EQ(delete_offset(coordinator, "g", "any").topics.at(0).partitions.at(0).error_code,
            static_cast<int>(ErrorCode::kGroupSubscribedToTopic));
}

TEST(DeleteGroupsTest, RemovesGroupAndOffsetsIfNobodyIsInIt) {
  TestCoordinator coordinator;
  EXPECT_EQ(delete_group(coordinator), ErrorCode::kGroupIdNotFound);
  const auto ids = coordinator.stable_group(1);
  Commit c;
  c.member = ids[0];
  c.generation = 1;
  commit(coordinator, c);
  c.partition = 1;
  commit_in_transaction(coordinator, 42, c);
  EXPECT_EQ(delete_group(coordinator), ErrorCode::kNonEmptyGroup);
  coordinator.leave({{ids[0], std::nullopt}});
  EXPECT_EQ(delete_group(coordinator), ErrorCode::kNone);
  const auto& batch = coordinator.log.back();
  EXPECT_EQ(batch.records.size(), 3u) << "a committed offset, a pending one, the group";
  for (const auto& record : batch.records) EXPECT_FALSE(record.value.has_value());
  EXPECT_EQ(coordinator.machine.counts().groups, 0);
  EXPECT_EQ(coordinator.machine.counts().offsets, 0);
  EXPECT_EQ(coordinator.machine.counts().open_transactions, 0);
  coordinator.machine.end_transaction(ProducerId(42), true);
  EXPECT_TRUE(fetch_all(coordinator.machine, coordinator.image).topics.empty());
}

TEST(ReadsTest, ListsByStateAndType) {
  TestCoordinator coordinator;
  coordinator.stable_group(1);
  Commit simple;
  simple.group = "s";
  commit(coordinator, simple);
  const auto list = [&](std::vector<std::string> states, std::vector<std::string> types) {
    wire::ListGroupsRequest request;
    for (const std::string& state : states) request.states_filter.emplace_back(state);
    for (const std::string& type : types) request.types_filter.emplace_back(type);
    std::string out;
    for (const auto& group : coordinator.machine.list(request)) {
      out += group.group_id.str() + ":" + group.group_state.str() + ":" +
             group.protocol_type.str() + ":" + group.group_type.str() + " ";
    }
    return out;
  };
  const std::string g = "g:Stable:consumer:classic ";
  const std::string s = "s:Empty::classic ";
  EXPECT_EQ(list({}, {}), g + s);
  EXPECT_EQ(list({" stable "}, {}), g);
  EXPECT_EQ(list({"EMPTY", "Dead"}, {"Classic"}), s);
  EXPECT_EQ(list({}, {"consumer"}), "");
  EXPECT_EQ(list({}, {"nonsense"}), "");
}

TEST(ReadsTest, DescribesAStableGroupWithItsMetadata) {
  TestCoordinator coordinator;
  const auto ids = coordinator.stable_group(1);
  const auto group = coordinator.describe();
  EXPECT_EQ(group.protocol_data, "range");
  ASSERT_EQ(group.members.size(), 1u);
  EXPECT_EQ(group.members[0].client_id, "client");
  EXPECT_EQ(group.members[0].client_host, "/127.0.0.1");
  EXPECT_EQ(as_text(group.members[0].member_metadata.view()), subscription({"orders"}));
  EXPECT_EQ(as_text(group.members[0].member_assignment.view()), "a-" + ids[0]);
  coordinator.join_twice(Joiner{});
  EXPECT_EQ(coordinator.describe().protocol_data, "");
  EXPECT_EQ(coordinator.describe().members[0].member_metadata.size(), 0u);
}

TEST(ReadsTest, DescribesAnUnknownGroupAsDead) {
  TestCoordinator coordinator;
  const auto old = coordinator.machine.describe("x", 5);
  EXPECT_EQ(old.group_state, "Dead");
  EXPECT_EQ(old.error_code, 0);
  const auto fresh = coordinator.machine.describe("x", 6);
  EXPECT_EQ(fresh.group_state, "Dead");
  EXPECT_EQ(fresh.error_code, static_cast<int>(ErrorCode::kGroupIdNotFound));
  EXPECT_EQ(fresh.error_message, "Group x not found.");
}

}  // namespace
}  // namespace moldau::group
