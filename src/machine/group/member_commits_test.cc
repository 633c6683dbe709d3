// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "machine/group/test_consumers.h"
#include "machine/group/test_offsets.h"

namespace moldau::group {
namespace {

// KIP-848 and KIP-1251: a commit of an old epoch is good for what the member has had since then.

/// Two members; "a" has been in the group since `first_` and is at a later epoch.
class MemberCommitsTest : public testing::Test {
 protected:
  MemberCommitsTest() {
    a_.id = "a";
    b_.id = "b";
    coordinator_.beat(a_);
    first_ = a_.epoch;
    coordinator_.beat(b_);
    coordinator_.settle({&a_, &b_}, 4);
    EXPECT_GT(a_.epoch, first_);
    EXPECT_EQ(owned_count(a_), 3U);
    topic_ = *coordinator_.image.topic_ids().find("orders");
    kept_ = *a_.owned.at(topic_).begin();
    lost_ = *b_.owned.at(topic_).begin();
  }
  Commit of_a(std::int32_t partition, std::int32_t epoch) const {
    Commit out;
    out.member = "a";
    out.topic_id = topic_;
    out.partition = partition;
    out.generation = epoch;
    return out;
  }

  TestConsumerCoordinator coordinator_;
  TestConsumer a_;
  TestConsumer b_;
  TopicId topic_;
  std::int32_t first_ = 0;
  std::int32_t kept_ = 0;
  std::int32_t lost_ = 0;
};

TEST_F(MemberCommitsTest, AnOldEpochIsGoodForWhatTheMemberStillHas) {
  EXPECT_EQ(commit(coordinator_, of_a(kept_, a_.epoch)), ErrorCode::kNone);
  EXPECT_EQ(commit(coordinator_, of_a(lost_, a_.epoch)), ErrorCode::kNone) << "the newest one";
  EXPECT_EQ(commit(coordinator_, of_a(kept_, first_)), ErrorCode::kNone);
  EXPECT_EQ(commit(coordinator_, of_a(lost_, first_)), ErrorCode::kStaleMemberEpoch);
  EXPECT_EQ(commit(coordinator_, of_a(kept_, first_ - 1)), ErrorCode::kStaleMemberEpoch);
  EXPECT_EQ(commit(coordinator_, of_a(kept_, a_.epoch + 1)), ErrorCode::kStaleMemberEpoch);
  Commit old = of_a(kept_, first_);
  old.version = 8;
  EXPECT_EQ(commit(coordinator_, old), ErrorCode::kUnsupportedVersion);
  old.member = "c";
  EXPECT_EQ(commit(coordinator_, old), ErrorCode::kUnknownMemberId);
}

TEST_F(MemberCommitsTest, WhatIsRefusedForItsOwnSakeIsNotStale) {
  Commit large = of_a(lost_, first_);
  large.metadata = std::string(100'000, 'x');
  EXPECT_EQ(commit(coordinator_, large), ErrorCode::kOffsetMetadataTooLarge);
}

TEST_F(MemberCommitsTest, InATransactionTheTopicMustExistForAnOldEpoch) {
  EXPECT_EQ(commit_in_transaction(coordinator_, 1, of_a(kept_, first_)), ErrorCode::kNone);
  EXPECT_EQ(commit_in_transaction(coordinator_, 1, of_a(lost_, first_)),
            ErrorCode::kIllegalGeneration);
  Commit unknown = of_a(kept_, first_);
  unknown.topic = "nowhere";
  EXPECT_EQ(commit_in_transaction(coordinator_, 1, unknown), ErrorCode::kIllegalGeneration);
  unknown.metadata = std::string(100'000, 'x');
  EXPECT_EQ(commit_in_transaction(coordinator_, 1, unknown), ErrorCode::kIllegalGeneration);
  unknown.generation = a_.epoch;
  EXPECT_EQ(commit_in_transaction(coordinator_, 1, unknown), ErrorCode::kOffsetMetadataTooLarge);
}

}  // namespace
}  // namespace moldau::group
