// SPDX-License-Identifier: Apache-2.0
#include "machine/share/share_session.h"

#include <gtest/gtest.h>

namespace moldau::share {
namespace {

TopicIdPartition partition(std::int32_t index) {
  TopicIdPartition out;
  out.topic_id = Uuid(7, 7);
  out.partition = PartitionId(index);
  return out;
}

SessionRequest request(const char* member, std::int32_t epoch, std::vector<int> wanted = {},
                       std::vector<int> forgotten = {}) {
  SessionRequest out;
  out.member = ShareMember("g", member);
  out.epoch = epoch;
  out.connection = ConnectionNumber(5);
  for (int i : wanted) out.wanted.push_back(partition(i));
  for (int i : forgotten) out.forgotten.push_back(partition(i));
  return out;
}

// KIP-932
TEST(ShareSessionTest, CountsItsRequests) {
  ShareSessionTable table(10);
  EXPECT_EQ(table.fetch(request("a", 1)).code(), ErrorCode::kShareSessionNotFound);
  ASSERT_TRUE(table.fetch(request("a", 0, {0, 1})).ok());
  EXPECT_EQ(table.fetch(request("a", 2)).code(), ErrorCode::kInvalidShareSessionEpoch);
  const auto next = table.fetch(request("a", 1, {2}, {0}));
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->partitions.size(), 2U);
  EXPECT_EQ(next->fresh, std::set({partition(2)}));
  EXPECT_EQ(table.acknowledge(ShareMember("g", "a"), 1).code(),
            ErrorCode::kInvalidShareSessionEpoch);
  EXPECT_TRUE(table.acknowledge(ShareMember("g", "a"), 2).ok());
  EXPECT_EQ(table.acknowledge(ShareMember("g", "a"), 0).code(),
            ErrorCode::kInvalidShareSessionEpoch);
  EXPECT_TRUE(table.acknowledge(ShareMember("g", "a"), -1).ok());
  EXPECT_TRUE(table.fetch(request("a", 3)).ok()) << "the final epoch does not count";
}

TEST(ShareSessionTest, ServesAnotherPartitionFirstEachTime) {
  ShareSessionTable table(10);
  ASSERT_EQ(table.fetch(request("a", 0, {0, 1, 2}))->partitions.front(), partition(0));
  EXPECT_EQ(table.fetch(request("a", 1))->partitions.front(), partition(1));
  EXPECT_EQ(table.fetch(request("a", 2))->partitions.front(), partition(2));
  EXPECT_EQ(table.fetch(request("a", 3))->partitions.front(), partition(0));
}

TEST(ShareSessionTest, HasALimit) {
  ShareSessionTable table(2);
  ASSERT_TRUE(table.fetch(request("a", 0)).ok());
  ASSERT_TRUE(table.fetch(request("b", 0)).ok());
  EXPECT_EQ(table.fetch(request("c", 0)).code(), ErrorCode::kShareSessionLimitReached);
  ASSERT_TRUE(table.fetch(request("a", 0)).ok()) << "takes the place of its own old one";
  ASSERT_TRUE(table.remove(ShareMember("g", "b")).ok());
  EXPECT_TRUE(table.fetch(request("c", 0)).ok());
}

TEST(ShareSessionTest, TakesNoAcknowledgementsAtItsBeginning) {
  ShareSessionTable table(2);
  SessionRequest first = request("a", 0);
  first.acknowledges = true;
  EXPECT_EQ(table.fetch(first).code(), ErrorCode::kInvalidRequest);
}

TEST(ShareSessionTest, EndsWithItsConnection) {
  ShareSessionTable table(5);
  ASSERT_TRUE(table.fetch(request("a", 0, {4})).ok());
  SessionRequest elsewhere = request("b", 0);
  elsewhere.connection = ConnectionNumber(6);
  ASSERT_TRUE(table.fetch(elsewhere).ok());
  const auto ended = table.disconnected(ConnectionNumber(5));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].first.member_id, "a");
  EXPECT_EQ(ended[0].second, std::vector({partition(4)}));
  EXPECT_EQ(table.size(), 1U);
  EXPECT_TRUE(table.disconnected(ConnectionNumber(5)).empty());
}

}  // namespace
}  // namespace moldau::share
