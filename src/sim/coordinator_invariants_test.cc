// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "sim/invariant.h"

namespace moldau::sim {
namespace {

using Kind = TransactionStep::Kind;
using Outcome = OffsetCommitted::Outcome;

const PartitionKey kPartition{TopicId(1, 2), PartitionId(0)};
const PartitionKey kOther{TopicId(1, 2), PartitionId(1)};
const GroupPartition kWhere{"g", "in", 0};

class CoordinatorInvariantsTest : public testing::Test {
 protected:
  void acked(std::int64_t offset, const std::string& value, PartitionKey to = kPartition) {
    const Acked one{to, Offset(offset), value};
    checks_.tell(&Invariant::on_acked, one);
  }
  void step(const std::string& transaction, Kind kind) {
    const TransactionStep one{transaction, kind};
    checks_.tell(&Invariant::on_transaction, one);
  }
  void read(std::int64_t from, std::vector<std::string> values, std::int64_t to,
            PartitionKey of = kPartition) {
    CommittedRead one{of, Offset(from), Offset(to), {}};
    for (std::string& value : values) one.records.emplace_back(Offset(from++), std::move(value));
    checks_.tell(&Invariant::on_committed_read, one);
  }
  std::uint64_t commit(std::int64_t offset, Outcome outcome, std::uint64_t id,
                       std::int32_t generation = -1) {
    const OffsetCommitted one{kWhere, offset, id, outcome, ++now_, generation, ""};
    checks_.tell(&Invariant::on_offset_committed, one);
    return now_;
  }
  void fetched(std::int64_t offset) {
    const OffsetFetched one{kWhere, offset, now_ + 1, now_ + 2};
    now_ += 2;
    checks_.tell(&Invariant::on_offset_fetched, one);
  }
  void assigned(const std::string& member, const std::string& partitions, bool by_leader,
                std::int32_t generation = 1) {
    const Assignment one{"g", generation, member, partitions, by_leader, ++now_};
    checks_.tell(&Invariant::on_assignment, one);
  }
  std::string found() const { return checks_.finding().substr(0, checks_.finding().find(':')); }

  Checks checks_;
  std::uint64_t now_ = 0;
};

TEST_F(CoordinatorInvariantsTest, FindsARecordOfAnAbortedTransaction) {
  step("t.1", Kind::kAbortAsked);
  read(0, {"t.1#0|"}, 1);
  EXPECT_EQ(found(), "AbortedIsInvisible");
}

TEST_F(CoordinatorInvariantsTest, FindsACommitThatWasDenied) {
  step("t.1", Kind::kCommitAsked);
  step("t.1", Kind::kNotCommitted);
  read(0, {"t.1#0|"}, 1);
  EXPECT_EQ(found(), "AbortedIsInvisible");
}

TEST_F(CoordinatorInvariantsTest, FindsACommitNobodyAskedFor) {
  read(0, {"p1.7|"}, 1);
  EXPECT_EQ(found(), "");
  read(1, {"t.1#0|"}, 2);
  EXPECT_EQ(found(), "NoTransactionEndedByAnother");
}

TEST_F(CoordinatorInvariantsTest, FindsACommittedRecordThatIsHidden) {
  acked(0, "t.1#0|");
  step("t.1", Kind::kCommitAsked);
  read(0, {}, 5);
  EXPECT_EQ(found(), "");
  step("t.1", Kind::kCommitted);
  EXPECT_EQ(found(), "CommittedIsVisible");
}

TEST_F(CoordinatorInvariantsTest, FindsATornTransaction) {
  acked(0, "t.1#0|");
  acked(0, "t.1#1|", kOther);
  step("t.1", Kind::kCommitAsked);
  read(0, {"t.1#0|"}, 1);
  checks_.tell(&Invariant::on_rest);
  EXPECT_EQ(found(), "NoTornTransaction");
}

TEST_F(CoordinatorInvariantsTest, FindsARecordThatIsThereTwice) {
  step("t.1", Kind::kCommitAsked);
  read(0, {"t.1#0|"}, 1);
  read(0, {"t.1#0|"}, 1);
  EXPECT_EQ(found(), "");
  read(4, {"t.1#0|"}, 5);
  EXPECT_EQ(found(), "NoTornTransaction");
}

TEST_F(CoordinatorInvariantsTest, ComparesMarkersWithWhatReadersAreGiven) {
  FullRead read;
  read.partition = kPartition;
  read.end = read.stable = Offset(3);
  read.transactional = true;
  ReadBatch data;
  data.producer = ProducerId(7);
  data.base_offset = Offset(0);
  data.last_offset = Offset(1);
  data.is_transactional = true;
  data.records = {{Offset(0), "t.1#0|"}, {Offset(1), "t.1#1|"}};
  ReadBatch marker = data;
  marker.base_offset = marker.last_offset = Offset(2);
  marker.is_control = true;
  marker.is_abort = true;
  marker.records = {{Offset(2), "marker"}};
  read.batches = {data, marker};
  checks_.tell(&Invariant::on_full_read, read);
  EXPECT_EQ(found(), "");
  read.batches[1].is_abort = false;
  checks_.tell(&Invariant::on_full_read, read);
  EXPECT_EQ(found(), "CommittedReadsFollowTheMarkers");
}

TEST_F(CoordinatorInvariantsTest, FindsAnInputThatWasTakenTwice) {
  step("t.1", Kind::kCommitAsked);
  step("t.2", Kind::kCommitAsked);
  read(0, {"t.1#0<transform-1 in-0:0|", "t.2#0<transform-1 in-0:0|"}, 2);
  EXPECT_EQ(found(), "OffsetsGoWithTheirTransaction");
}

TEST_F(CoordinatorInvariantsTest, FindsAnOffsetWithoutItsOutputs) {
  step("t.1", Kind::kCommitAsked);
  read(0, {"t.1#0<transform-1 in-0:0|"}, 1);
  const OffsetFetched one{{"transform-1", "in", 0}, 2, 1, 2};
  checks_.tell(&Invariant::on_offset_fetched, one);
  checks_.tell(&Invariant::on_rest);
  EXPECT_EQ(found(), "OffsetsGoWithTheirTransaction");
}

TEST_F(CoordinatorInvariantsTest, FindsAnOffsetThatWentBack) {
  commit(5, Outcome::kSent, 1);
  commit(5, Outcome::kDone, 1);
  commit(7, Outcome::kSent, 2);
  fetched(5);
  EXPECT_EQ(found(), "");
  commit(7, Outcome::kDone, 2);
  fetched(5);
  EXPECT_EQ(found(), "OffsetsNeverGoBack");
}

TEST_F(CoordinatorInvariantsTest, ARequestWithoutAnAnswerMayBeDoneUntilTheNodeDies) {
  commit(5, Outcome::kSent, 1);
  commit(7, Outcome::kSent, 2);
  commit(7, Outcome::kDone, 2);
  fetched(5);
  checks_.tell(&Invariant::on_death, DeathKind::kKill);
  fetched(5);
  EXPECT_EQ(found(), "");
  commit(9, Outcome::kSent, 3);
  commit(9, Outcome::kDone, 3);
  fetched(5);
  EXPECT_EQ(found(), "OffsetsNeverGoBack");
}

TEST_F(CoordinatorInvariantsTest, ARefusedCommitIsNotFound) {
  commit(5, Outcome::kSent, 1);
  commit(5, Outcome::kRefused, 1);
  fetched(-1);
  EXPECT_EQ(found(), "");
  fetched(5);
  EXPECT_EQ(found(), "OffsetsNeverGoBack");
}

TEST_F(CoordinatorInvariantsTest, FindsTwoOwners) {
  assigned("a", "0", true);
  assigned("b", "0,1", true);
  assigned("a", "0", false);
  EXPECT_EQ(found(), "");
  assigned("b", "0,1", false);
  EXPECT_EQ(found(), "OneOwnerPerGeneration");
}

TEST_F(CoordinatorInvariantsTest, FindsAnAssignmentThatNoLeaderGave) {
  assigned("a", "0", true);
  assigned("a", "1", false);
  EXPECT_EQ(found(), "OneOwnerPerGeneration");
}

TEST_F(CoordinatorInvariantsTest, FindsACommitOfAnOldGeneration) {
  commit(5, Outcome::kSent, 1, 1);
  assigned("a", "", false, 2);
  commit(5, Outcome::kDone, 1, 1);
  EXPECT_EQ(found(), "");
  commit(6, Outcome::kSent, 2, 1);
  commit(6, Outcome::kDone, 2, 1);
  EXPECT_EQ(found(), "NoCommitOfAnOldGeneration");
}

Owned owned_by(const std::string& member, std::int32_t epoch, std::set<std::string> partitions,
               std::set<std::string> gained, std::int64_t now) {
  Owned one;
  one.group = "g";
  one.member = member;
  one.epoch = epoch;
  one.topic = "in";
  one.partitions = std::move(partitions);
  one.gained = std::move(gained);
  one.now = MonoTime(now);
  one.until = MonoTime(now + 1'000);
  return one;
}

TEST_F(CoordinatorInvariantsTest, FindsAPartitionThatIsGivenAwayTooEarly) {
  checks_.tell(&Invariant::on_owned, owned_by("a", 3, {"in-0"}, {"in-0"}, 100));
  checks_.tell(&Invariant::on_owned, owned_by("b", 4, {"in-1"}, {"in-1"}, 200));
  EXPECT_EQ(found(), "");
  checks_.tell(&Invariant::on_owned, owned_by("b", 5, {"in-0", "in-1"}, {"in-0"}, 300));
  EXPECT_EQ(found(), "OneOwnerAtATime");
}

TEST_F(CoordinatorInvariantsTest, LetsAPartitionGoOnToTheNextOwner) {
  checks_.tell(&Invariant::on_owned, owned_by("a", 3, {"in-0"}, {"in-0"}, 100));
  checks_.tell(&Invariant::on_owned, owned_by("a", 3, {}, {}, 200));
  checks_.tell(&Invariant::on_owned, owned_by("b", 4, {"in-0"}, {"in-0"}, 300));
  // Its session may have ended.
  checks_.tell(&Invariant::on_owned, owned_by("c", 5, {"in-0"}, {"in-0"}, 1'300));
  EXPECT_EQ(found(), "");
  checks_.tell(&Invariant::on_owned, owned_by("c", 5, {}, {}, 1'400));
  checks_.tell(&Invariant::on_owned, owned_by("d", 5, {"in-0"}, {"in-0"}, 1'500));
  EXPECT_EQ(found(), "OneOwnerAtATime") << "in the same epoch";
}

TEST_F(CoordinatorInvariantsTest, FindsACommitOfAFormerOwner) {
  checks_.tell(&Invariant::on_owned, owned_by("b", 4, {"in-0"}, {"in-0"}, 100));
  OffsetCommitted one{kWhere, 5, 7, Outcome::kSent, 1, -1, "a"};
  checks_.tell(&Invariant::on_offset_committed, one);
  one.outcome = Outcome::kDone;
  checks_.tell(&Invariant::on_offset_committed, one);
  EXPECT_EQ(found(), "NoCommitOfAFormerOwner");
}

TEST_F(CoordinatorInvariantsTest, FindsAnEpochThatGoesBack) {
  checks_.tell(&Invariant::on_owned, owned_by("a", 4, {}, {}, 100));
  checks_.tell(&Invariant::on_owned, owned_by("a", 3, {}, {}, 200));
  EXPECT_EQ(found(), "EpochsNeverGoBack");
}

TEST_F(CoordinatorInvariantsTest, FindsADeletedOffsetThatComesBack) {
  commit(5, Outcome::kSent, 1);
  commit(5, Outcome::kDone, 1);
  commit(-1, Outcome::kSent, 2);
  fetched(5);
  fetched(-1);
  EXPECT_EQ(found(), "") << "the deletion is under way";
  commit(-1, Outcome::kDone, 2);
  checks_.tell(&Invariant::on_death, DeathKind::kKill);
  fetched(-1);
  EXPECT_EQ(found(), "");
  fetched(5);
  EXPECT_EQ(found(), "OffsetsNeverGoBack");
}

TEST_F(CoordinatorInvariantsTest, FindsAnOffsetThatVanishesUnasked) {
  commit(5, Outcome::kSent, 1);
  commit(5, Outcome::kDone, 1);
  commit(-1, Outcome::kSent, 2);
  commit(-1, Outcome::kRefused, 2);
  fetched(-1);
  EXPECT_EQ(found(), "OffsetsNeverGoBack");
}

class OffsetRetentionTest : public CoordinatorInvariantsTest {
 protected:
  static constexpr Millis kRetention{60'000};

  void commit_at(std::int64_t offset, std::uint64_t id, std::int64_t ms) {
    OffsetCommitted one{kWhere, offset, id, Outcome::kSent, ++now_, -1, ""};
    one.sent_at = MonoTime(0) + Millis(ms);
    checks_.tell(&Invariant::on_offset_committed, one);
    one.outcome = Outcome::kDone;
    one.now = ++now_;
    checks_.tell(&Invariant::on_offset_committed, one);
  }
  void fetched_at(std::int64_t offset, std::int64_t ms, Millis retention = kRetention) {
    const OffsetFetched one{kWhere,   offset, now_ + 1, now_ + 2, MonoTime(0) + Millis(ms),
                            retention};
    now_ += 2;
    checks_.tell(&Invariant::on_offset_fetched, one);
  }
};

TEST_F(OffsetRetentionTest, FindsAnOffsetThatExpiresTooEarly) {
  commit_at(4, 1, 0);
  commit_at(5, 2, 10'000);
  fetched_at(-1, 69'999);
  EXPECT_EQ(found(), "OffsetsNeverGoBack");
}

TEST_F(OffsetRetentionTest, WhatHasExpiredDoesNotComeBack) {
  commit_at(5, 1, 10'000);
  fetched_at(5, 80'000);
  fetched_at(-1, 80'000);
  fetched_at(-1, 80'001);
  EXPECT_EQ(found(), "");
  fetched_at(5, 80'002);
  EXPECT_EQ(found(), "OffsetsNeverGoBack");
}

TEST_F(OffsetRetentionTest, AnExpiredOffsetCanBeSetAgain) {
  commit_at(5, 1, 10'000);
  fetched_at(-1, 80'000);
  commit_at(6, 2, 81'000);
  fetched_at(6, 82'000);
  EXPECT_EQ(found(), "");
  fetched_at(-1, 83'000);
  EXPECT_EQ(found(), "OffsetsNeverGoBack");
}

TEST_F(OffsetRetentionTest, OffsetsOfOtherGroupsDoNotExpire) {
  commit_at(5, 1, 10'000);
  fetched_at(-1, 500'000, Millis(0));
  EXPECT_EQ(found(), "OffsetsNeverGoBack");
}

GroupDeletion deletion(GroupDeletion::Outcome outcome, std::int64_t asked, std::int64_t now) {
  return {"g", outcome, MonoTime(asked), MonoTime(now)};
}

TEST_F(CoordinatorInvariantsTest, FindsAGroupThatIsDeletedInUse) {
  using enum GroupDeletion::Outcome;
  checks_.tell(&Invariant::on_owned, owned_by("a", 3, {"in-0"}, {"in-0"}, 100));
  checks_.tell(&Invariant::on_group_deletion, deletion(kSent, 200, 200));
  checks_.tell(&Invariant::on_group_deletion, deletion(kRefused, 200, 300));
  EXPECT_EQ(found(), "");
  checks_.tell(&Invariant::on_group_deletion, deletion(kSent, 400, 400));
  checks_.tell(&Invariant::on_group_deletion, deletion(kDone, 400, 500));
  EXPECT_EQ(found(), "GroupsInUseStay");
}

TEST_F(CoordinatorInvariantsTest, FindsAnOffsetThatIsDeletedInUse) {
  checks_.tell(&Invariant::on_owned, owned_by("a", 3, {"in-1"}, {"in-1"}, 100));
  OffsetCommitted one{kWhere, -1, 1, Outcome::kDone, ++now_, -1, ""};
  one.sent_at = MonoTime(200);
  one.done_at = MonoTime(300);
  checks_.tell(&Invariant::on_offset_committed, one);
  checks_.tell(&Invariant::on_owned, owned_by("a", 3, {"in-0"}, {"in-0"}, 250));
  checks_.tell(&Invariant::on_offset_committed, one);
  EXPECT_EQ(found(), "") << "it may have been deleted before";
  one.sent_at = MonoTime(260);
  checks_.tell(&Invariant::on_offset_committed, one);
  EXPECT_EQ(found(), "GroupsInUseStay");
}

TEST_F(CoordinatorInvariantsTest, AGroupThatWasDeletedBeginsAnew) {
  using enum GroupDeletion::Outcome;
  checks_.tell(&Invariant::on_owned, owned_by("a", 7, {"in-0"}, {"in-0"}, 100));
  checks_.tell(&Invariant::on_owned, owned_by("a", 7, {}, {}, 200));
  checks_.tell(&Invariant::on_group_deletion, deletion(kSent, 300, 300));
  // Its answer may come behind that of the heartbeat.
  checks_.tell(&Invariant::on_owned, owned_by("a", 1, {"in-1"}, {"in-1"}, 400));
  checks_.tell(&Invariant::on_group_deletion, deletion(kDone, 300, 500));
  checks_.tell(&Invariant::on_owned, owned_by("b", 2, {"in-0"}, {"in-0"}, 600));
  EXPECT_EQ(found(), "");
  checks_.tell(&Invariant::on_owned, owned_by("b", 1, {"in-0"}, {}, 700));
  EXPECT_EQ(found(), "EpochsNeverGoBack");
}

TEST_F(CoordinatorInvariantsTest, ADeletionWithoutAnAnswerMayBeDone) {
  using enum GroupDeletion::Outcome;
  checks_.tell(&Invariant::on_owned, owned_by("a", 7, {"in-0"}, {"in-0"}, 100));
  checks_.tell(&Invariant::on_owned, owned_by("a", 7, {}, {}, 200));
  checks_.tell(&Invariant::on_group_deletion, deletion(kSent, 300, 300));
  checks_.tell(&Invariant::on_group_deletion, deletion(kUnknown, 300, 400));
  checks_.tell(&Invariant::on_owned, owned_by("b", 2, {"in-1"}, {"in-1"}, 500));
  checks_.tell(&Invariant::on_group_deletion, deletion(kSent, 600, 600));
  checks_.tell(&Invariant::on_group_deletion, deletion(kRefused, 600, 700));
  checks_.tell(&Invariant::on_owned, owned_by("b", 3, {"in-1", "in-0"}, {"in-0"}, 800));
  EXPECT_EQ(found(), "");
}

}  // namespace
}  // namespace moldau::sim
