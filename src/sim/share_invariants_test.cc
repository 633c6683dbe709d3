// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "sim/invariant.h"

namespace moldau::sim {
namespace {

using Kind = ShareStep::Kind;

constexpr Millis kLock{1'000};

class ShareInvariantsTest : public testing::Test {
 protected:
  /// Of [first, last], asked for at this moment and answered in the next.
  void step(Kind kind, const std::string& member, std::int64_t first, std::int64_t last,
            std::int16_t delivery = 1) {
    step_asked_at(events_ + 1, kind, member, first, last, delivery);
  }
  void step_asked_at(std::uint64_t asked, Kind kind, const std::string& member, std::int64_t first,
                     std::int64_t last, std::int16_t delivery = 1) {
    events_ += 2;
    ShareStep one;
    one.kind = kind;
    one.group = group_;
    one.member = member;
    one.partition = {TopicId(1, 2), PartitionId(partition_)};
    one.first = Offset(first);
    one.last = Offset(last);
    one.delivery_count = delivery;
    one.delivery_limit = 3;
    one.asked = asked;
    one.answered = events_;
    one.now = now_;
    one.until = now_ + kLock;
    one.sent = sent_;
    one.ends = ends_;
    checks_.tell(&Invariant::on_share, one);
  }
  void pass(std::int64_t ms) { now_ = now_ + Millis(ms); }
  std::string found() const { return checks_.finding().substr(0, checks_.finding().find(':')); }

  Checks checks_;
  std::string group_ = "g";
  std::int32_t partition_ = 0;
  MonoTime now_{1};
  MonoTime sent_;
  MonoTime ends_;
  std::uint64_t events_ = 0;
};

TEST_F(ShareInvariantsTest, DoneRecordsLeaveTheRestOfTheirBatchLocked) {
  step(Kind::kAcquired, "a", 0, 9);
  step(Kind::kLetGo, "a", 0, 4);
  step(Kind::kDone, "a", 0, 4);
  step(Kind::kAcquired, "b", 5, 5);
  EXPECT_EQ(found(), "OneHolderAtATime") << "the others are still locked";
}

TEST_F(ShareInvariantsTest, FindsARecordThatIsDeliveredThoughItIsDone) {
  step(Kind::kAcquired, "a", 0, 4);
  step(Kind::kLetGo, "a", 0, 4);
  step(Kind::kDone, "a", 0, 4);
  step(Kind::kAcquired, "b", 5, 9);
  EXPECT_EQ(found(), "");
  step(Kind::kAcquired, "c", 4, 4);
  EXPECT_EQ(found(), "DoneIsNotDeliveredAgain");
}

TEST_F(ShareInvariantsTest, WhatIsDoneStaysSoBehindADeath) {
  step(Kind::kDone, "a", 0, 4);
  checks_.tell(&Invariant::on_death, DeathKind::kPowerCut);
  step(Kind::kAcquired, "b", 0, 0);
  EXPECT_EQ(found(), "DoneIsNotDeliveredAgain");
}

TEST_F(ShareInvariantsTest, AnAnswerFromBeforeMayComeLate) {
  const std::uint64_t asked = events_ + 1;
  step(Kind::kDone, "a", 0, 4);
  step_asked_at(asked, Kind::kAcquired, "b", 0, 4);
  EXPECT_EQ(found(), "");
}

TEST_F(ShareInvariantsTest, GroupsAndPartitionsAreApart) {
  step(Kind::kAcquired, "a", 0, 4);
  step(Kind::kDone, "c", 5, 9);
  partition_ = 1;
  step(Kind::kAcquired, "b", 0, 9);
  partition_ = 0;
  group_ = "other";
  step(Kind::kAcquired, "b", 0, 9);
  EXPECT_EQ(found(), "");
}

TEST_F(ShareInvariantsTest, FindsTwoHolders) {
  step(Kind::kAcquired, "a", 0, 4);
  pass(999);
  step(Kind::kAcquired, "b", 4, 7);
  EXPECT_EQ(found(), "OneHolderAtATime");
}

TEST_F(ShareInvariantsTest, ARecordGoesOnWhenItsLockIsOver) {
  step(Kind::kAcquired, "a", 0, 4);
  pass(1'000);
  step(Kind::kAcquired, "b", 0, 4, 2);
  step(Kind::kLetGo, "b", 0, 4);
  step(Kind::kAcquired, "c", 0, 4, 3);
  checks_.tell(&Invariant::on_death, DeathKind::kKill);
  step(Kind::kAcquired, "d", 0, 4, 3);
  EXPECT_EQ(found(), "");
}

TEST_F(ShareInvariantsTest, WhoDoesNotHoldItCannotLetItGo) {
  step(Kind::kAcquired, "a", 0, 4);
  step(Kind::kLetGo, "b", 0, 4);
  step(Kind::kAcquired, "c", 0, 4, 2);
  EXPECT_EQ(found(), "OneHolderAtATime");
}

TEST_F(ShareInvariantsTest, ARenewedLockLastsLonger) {
  step(Kind::kAcquired, "a", 0, 4);
  pass(800);
  step(Kind::kRenewed, "a", 1, 2);
  pass(300);
  step(Kind::kAcquired, "b", 3, 4, 2);
  EXPECT_EQ(found(), "");
  step(Kind::kAcquired, "b", 2, 2, 2);
  EXPECT_EQ(found(), "OneHolderAtATime");
}

TEST_F(ShareInvariantsTest, FindsARenewalOfWhatAnotherHolds) {
  step(Kind::kAcquired, "a", 0, 4);
  pass(1'000);
  step(Kind::kAcquired, "b", 0, 4, 2);
  step(Kind::kRenewed, "a", 0, 4);
  EXPECT_EQ(found(), "OneHolderAtATime");
}

TEST_F(ShareInvariantsTest, FindsAnAcknowledgementOfWhatAnotherHolds) {
  step(Kind::kAcquired, "b", 0, 4);
  sent_ = ends_ = now_;
  step(Kind::kDone, "a", 0, 4);
  EXPECT_EQ(found(), "") << "it may have been done before";
  sent_ = ends_ = now_ + Millis(1);
  pass(1);
  step(Kind::kDone, "a", 0, 4);
  EXPECT_EQ(found(), "OneHolderAtATime");
}

TEST_F(ShareInvariantsTest, FindsAnAcknowledgementAfterTheLock) {
  step(Kind::kAcquired, "a", 0, 9);
  ends_ = MonoTime(0) + Millis(1'100);
  sent_ = ends_;
  step(Kind::kDone, "a", 0, 4);
  EXPECT_EQ(found(), "");
  ++sent_;
  step(Kind::kDone, "a", 5, 9);
  EXPECT_EQ(found(), "LocksRunOut");
}

TEST_F(ShareInvariantsTest, FindsARenewalAfterTheLock) {
  step(Kind::kAcquired, "a", 0, 4);
  sent_ = MonoTime(1);
  step(Kind::kLetGo, "a", 0, 4);
  EXPECT_EQ(found(), "");
  step(Kind::kRenewed, "a", 0, 4);
  EXPECT_EQ(found(), "LocksRunOut");
}

TEST_F(ShareInvariantsTest, WhatIsDoneOrGivenUpMeanwhileIsLetPass) {
  step(Kind::kAcquired, "a", 0, 4);
  step(Kind::kAcquired, "a", 5, 9, 2);
  pass(1'000);
  step(Kind::kAcquired, "b", 0, 4, 2);
  step(Kind::kDone, "b", 0, 4);
  sent_ = MonoTime(1);
  step(Kind::kDone, "a", 0, 9);
  EXPECT_EQ(found(), "");
}

TEST_F(ShareInvariantsTest, FindsADeliveryBeyondTheLimit) {
  step(Kind::kAcquired, "a", 0, 0, 3);
  EXPECT_EQ(found(), "");
  step(Kind::kAcquired, "a", 0, 0, 4);
  EXPECT_EQ(found(), "DeliveriesAreLimited");
}

TEST_F(ShareInvariantsTest, FindsADeliveryThatIsNotCounted) {
  step(Kind::kAcquired, "a", 0, 0, 0);
  EXPECT_EQ(found(), "DeliveriesAreLimited");
}

}  // namespace
}  // namespace moldau::sim
