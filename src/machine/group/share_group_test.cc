// SPDX-License-Identifier: Apache-2.0
#include "machine/group/share_group.h"

#include <gtest/gtest.h>

#include "machine/group/group_machine.h"
#include "machine/image/delta.h"
#include "machine/image/record_list.h"

namespace moldau::group {
namespace {

const TopicId kTopic(7, 1);

image::MetadataImage image_of(int partitions) {
  image::RecordList list;
  list.topic("orders", kTopic);
  for (int index = 0; index < partitions; ++index) {
    image::PartitionState state;
    state.replicas = image::ReplicaList({NodeId(1)});
    state.isr = state.replicas;
    state.directories.assign(1, DirectoryId(100, 1));
    state.leader = NodeId(1);
    list.partition(kTopic, PartitionId(index), state);
  }
  image::MetadataDelta delta{image::MetadataImage()};
  for (const auto& record : list.records()) EXPECT_TRUE(delta.replay(record).ok());
  return delta.publish(image::Provenance());
}

/// A coordinator whose share coordinator does at once what is asked.
struct Fixture {
  Fixture() { take(machine.loaded(context())); }

  GroupContext context() const { return {now, wall, Uuid(1, 2), image}; }
  void pass(std::int64_t ms) {
    now = now + Millis(ms);
    wall = wall + ms;
  }
  std::vector<GroupAnswer> take(GroupEffects effects) {
    for (auto& record : effects.batch.records) log.push_back(std::move(record));
    return std::move(effects.answers);
  }
  wire::ShareGroupHeartbeatResponse beat(const std::string& member, int epoch,
                                         std::vector<std::string> topics = {}) {
    wire::ShareGroupHeartbeatRequest request;
    request.group_id = "g";
    request.member_id = std::string_view(member);
    request.member_epoch = epoch;
    if (!topics.empty()) request.subscribed_topic_names.emplace();
    for (const std::string& topic : topics)
      request.subscribed_topic_names->emplace_back(std::string_view(topic));
    const GroupCaller caller(AnswerId(1), 1, "c", "/h");
    auto answers = take(machine.share_heartbeat(context(), caller, request));
    auto& answer = std::get<ShareHeartbeat>(answers.at(0).response);
    if (!answer.initialize.empty() && initializes) {
      ShareSettlement what;
      what.group_id = "g";
      what.partitions = answer.initialize;
      take(machine.settle_share(context(), AnswerId(2), what));
    }
    begun = std::move(answer.initialize);
    return std::move(answer.response);
  }
  /// The same state, read from the log.
  bool reads_back() const {
    GroupMachine other(settings);
    for (const auto& record : log)
      other.replay(record.key,
                   record.value ? std::optional<ByteView>(*record.value) : std::nullopt);
    return other.describe_share("g", image) == machine.describe_share("g", image) &&
           other.counts().damaged_records == 0;
  }

  GroupSettings settings;
  GroupMachine machine{settings};
  image::MetadataImage image = image_of(4);
  MonoTime now{0};
  Timestamp wall{1'700'000'000'000};
  bool initializes = true;
  std::vector<ShareStart> begun;
  std::vector<record::KeyedRecord> log;
};

std::size_t partitions_of(const wire::ShareGroupHeartbeatResponse& response) {
  std::size_t count = 0;
  if (response.assignment)
    for (const auto& topic : response.assignment->topic_partitions)
      count += topic.partitions.size();
  return count;
}

// KIP-932
TEST(ShareGroupTest, AssignsPartitionsOnceTheyHaveState) {
  Fixture f;
  auto first = f.beat("a", 0, {"orders"});
  ASSERT_EQ(first.error_code, 0) << first.error_message.view();
  EXPECT_EQ(f.begun.size(), 4U);
  EXPECT_EQ(partitions_of(first), 0U) << "nothing has state yet";
  f.pass(5'000);
  const auto second = f.beat("a", first.member_epoch);
  EXPECT_EQ(second.error_code, 0);
  EXPECT_TRUE(f.begun.empty());
  EXPECT_EQ(partitions_of(second), 4U);
  EXPECT_GT(second.member_epoch, first.member_epoch);
  EXPECT_TRUE(f.reads_back());
  f.pass(5'000);
  const auto third = f.beat("a", second.member_epoch);
  EXPECT_FALSE(third.assignment) << "nothing has changed";
  EXPECT_EQ(third.member_epoch, second.member_epoch);
}

TEST(ShareGroupTest, SharesPartitionsAmongMembers) {
  Fixture f;
  auto a = f.beat("a", 0, {"orders"});
  f.pass(5'000);
  a = f.beat("a", a.member_epoch);
  f.pass(5'000);
  const auto b = f.beat("b", 0, {"orders"});
  EXPECT_EQ(partitions_of(b), 2U);
  f.pass(5'000);
  a = f.beat("a", a.member_epoch);
  EXPECT_EQ(partitions_of(a), 2U);
  EXPECT_EQ(f.beat("b", -1).error_code, 0);
  EXPECT_EQ(f.beat("b", b.member_epoch).error_code, to_wire(ErrorCode::kUnknownMemberId));
  f.pass(5'000);
  EXPECT_EQ(partitions_of(f.beat("a", a.member_epoch)), 4U);
  EXPECT_TRUE(f.reads_back());
}

TEST(ShareGroupTest, RemovesSilentMembers) {
  Fixture f;
  (void)f.beat("a", 0, {"orders"});
  f.pass(45'000);
  ASSERT_LE(f.machine.next_deadline(), f.now);
  f.take(f.machine.tick(f.context()));
  EXPECT_EQ(f.machine.describe_share("g", f.image).group_state.view(), "Empty");
  EXPECT_TRUE(f.reads_back());
}

TEST(ShareGroupTest, BeginsStateAgainAfterAWhile) {
  Fixture f;
  f.initializes = false;
  const auto a = f.beat("a", 0, {"orders"});
  EXPECT_EQ(f.begun.size(), 4U);
  f.pass(5'000);
  (void)f.beat("a", a.member_epoch);
  EXPECT_TRUE(f.begun.empty()) << "it is under way";
  f.pass(30'000);
  (void)f.beat("a", a.member_epoch);
  EXPECT_EQ(f.begun.size(), 4U);
}

TEST(ShareGroupTest, RefusesBadHeartbeats) {
  Fixture f;
  EXPECT_EQ(f.beat("", 0, {"orders"}).error_code, to_wire(ErrorCode::kInvalidRequest));
  EXPECT_EQ(f.beat("a", -2, {"orders"}).error_code, to_wire(ErrorCode::kInvalidRequest));
  EXPECT_EQ(f.beat("a", 0).error_code, to_wire(ErrorCode::kInvalidRequest));
  EXPECT_EQ(f.beat("a", 3).error_code, to_wire(ErrorCode::kGroupIdNotFound));
  const auto a = f.beat("a", 0, {"orders"});
  EXPECT_EQ(f.beat("a", a.member_epoch + 5).error_code, to_wire(ErrorCode::kFencedMemberEpoch));
  EXPECT_EQ(f.beat(std::string(40, 'a'), 0, {"orders"}).error_code,
            to_wire(ErrorCode::kInvalidRequest));
}

TEST(ShareGroupTest, ForgetsWhereItWasOfATopic) {
  Fixture f;
  auto a = f.beat("a", 0, {"orders"});
  const GroupCaller caller(AnswerId(1), 0, "c", "/h");
  wire::DeleteShareGroupOffsetsRequest request;
  request.group_id = "g";
  request.topics.emplace_back().topic_name = "orders";
  EXPECT_EQ(f.machine.share_initialized("g").size(), 4U);
  EXPECT_TRUE(f.machine.share_initialized("other").empty());
  auto answers = f.take(f.machine.delete_share_offsets(f.context(), caller, request));
  EXPECT_EQ(std::get<ShareOffsetsDeleted>(answers.at(0).response).response.error_code,
            to_wire(ErrorCode::kNonEmptyGroup));
  (void)f.beat("a", -1);
  answers = f.take(f.machine.delete_share_offsets(f.context(), caller, request));
  EXPECT_EQ(std::get<ShareOffsetsDeleted>(answers.at(0).response).remove.size(), 4U);
  EXPECT_TRUE(f.machine.share_initialized("g").empty());
  EXPECT_TRUE(f.reads_back());
}

TEST(ShareGroupTest, IsMovedWithoutANewEpoch) {
  Fixture f;
  const GroupCaller caller(AnswerId(1), 0, "c", "/h");
  wire::AlterShareGroupOffsetsRequest request;
  request.group_id = "g";
  auto& topic = request.topics.emplace_back();
  topic.topic_name = "orders";
  topic.partitions.emplace_back().start_offset = 5;
  auto& unknown = topic.partitions.emplace_back();
  unknown.partition_index = 9;
  auto answers = f.take(f.machine.alter_share_offsets(f.context(), caller, request));
  const auto& altered = std::get<ShareOffsetsAltered>(answers.at(0).response);
  EXPECT_EQ(altered.state_epoch, 1);
  ASSERT_EQ(altered.initialize.size(), 1U);
  EXPECT_EQ(altered.initialize[0].start_offset, Offset(5));
  EXPECT_EQ(altered.response.responses.at(0).partitions.at(1).error_code,
            to_wire(ErrorCode::kUnknownTopicOrPartition));
  EXPECT_EQ(f.machine.describe_share("g", f.image).group_epoch, 1);
  EXPECT_TRUE(f.reads_back());
}

TEST(ShareGroupTest, ItsStateGoesBeforeItself) {
  Fixture f;
  const GroupCaller caller(AnswerId(1), 0, "c", "/h");
  auto removed = [&] {
    auto answers = f.take(f.machine.begin_share_delete(f.context(), caller, "g"));
    return std::get<ShareOffsetsDeleted>(answers.at(0).response).remove.size();
  };
  EXPECT_EQ(removed(), 0U);
  (void)f.beat("a", 0, {"orders"});
  EXPECT_EQ(removed(), 0U);
  (void)f.beat("a", -1);
  EXPECT_EQ(removed(), 4U);
  // It is not known whether they went.
  EXPECT_EQ(removed(), 4U);
  EXPECT_TRUE(f.machine.share_initialized("g").empty());
  EXPECT_TRUE(f.reads_back());
}

}  // namespace
}  // namespace moldau::group
