// SPDX-License-Identifier: Apache-2.0
#include "machine/client/cluster_view.h"

#include <gtest/gtest.h>

#include "machine/client/broker_state.h"

namespace moldau::client {
namespace {

wire::MetadataResponse answer_of(const char* topic, std::int32_t leader, std::int32_t epoch,
                                 Uuid id = Uuid(1, 2)) {
  wire::MetadataResponse answer;
  for (std::int32_t node = 1; node <= 2; ++node) {
    auto& broker = answer.brokers.emplace_back();
    broker.node_id = node;
    broker.host = "host";
    broker.port = 9090 + node;
  }
  answer.controller_id = 2;
  auto& told = answer.topics.emplace_back();
  told.name = std::string_view(topic);
  told.topic_id = id;
  auto& partition = told.partitions.emplace_back();
  partition.leader_id = leader;
  partition.leader_epoch = epoch;
  return answer;
}

TEST(ClusterViewTest, LeaderEpochsNeverGoBackUnlessTheTopicIsAnotherOne) {
  ClusterView view;
  ASSERT_TRUE(view.update(answer_of("a", 1, 7), true).ok());
  ASSERT_TRUE(view.update(answer_of("a", 2, 6), true).ok());
  EXPECT_EQ(view.partition("a", PartitionId(0))->leader, NodeId(1));
  ASSERT_TRUE(view.update(answer_of("a", 2, 0, Uuid(3, 4)), true).ok());
  EXPECT_EQ(view.partition("a", PartitionId(0))->leader, NodeId(2));
  EXPECT_EQ(view.name_of(Uuid(3, 4)), "a");
  EXPECT_EQ(view.name_of(Uuid(1, 2)), "");
}

TEST(ClusterViewTest, AWholeAnswerDropsTheTopicsItDoesNotName) {
  ClusterView view;
  ASSERT_TRUE(view.update(answer_of("a", 1, 0), true).ok());
  ASSERT_TRUE(view.update(answer_of("b", 1, 0, Uuid(3, 4)), false).ok());
  EXPECT_NE(view.topic("a"), nullptr);
  ASSERT_TRUE(view.update(answer_of("b", 1, 0, Uuid(3, 4)), true).ok());
  EXPECT_EQ(view.topic("a"), nullptr);
  EXPECT_EQ(view.name_of(Uuid(1, 2)), "");
}

TEST(ClusterViewTest, LeadersToldByOtherAnswersCountIfTheyAreNewer) {
  ClusterView view;
  ASSERT_TRUE(view.update(answer_of("a", 1, 7), true).ok());
  EXPECT_FALSE(view.leader_told("a", PartitionId(0), NodeId(2), LeaderEpoch(7)));
  EXPECT_FALSE(view.leader_told("a", PartitionId(1), NodeId(2), LeaderEpoch(9)));
  EXPECT_FALSE(view.leader_told("a", PartitionId(-1), NodeId(2), LeaderEpoch(9)));
  EXPECT_TRUE(view.leader_told("a", PartitionId(0), NodeId(2), LeaderEpoch(8)));
  EXPECT_EQ(view.partition("a", PartitionId(0))->leader, NodeId(2));
}

TEST(ClusterViewTest, RefusesWhatNoBrokerAnswers) {
  ClusterView view;
  wire::MetadataResponse wrong = answer_of("a", 1, 7);
  wrong.topics[0].partitions[0].partition_index = 1;
  EXPECT_EQ(view.update(wrong, true).code(), ErrorCode::kInvalidRequest);
  wrong = answer_of("a", 1, 7);
  wrong.topics[0].partitions.push_back(wrong.topics[0].partitions[0]);
  EXPECT_EQ(view.update(wrong, true).code(), ErrorCode::kInvalidRequest);
  wrong = answer_of("a", 1, 7);
  wrong.brokers[0].port = 70'000;
  EXPECT_EQ(view.update(wrong, true).code(), ErrorCode::kInvalidRequest);
  EXPECT_TRUE(view.topics().empty());
}

TEST(BrokerStateTest, PausesGrowWithFailuresAndEndWithSuccess) {
  BrokerState state{BrokerState::Options()};
  const MonoTime now(0);
  std::int64_t last = 0;
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(state.may_connect(state.blocked_until()));
    state.begin(now, 0);
    state.failed(now, std::uint64_t{1} << 63);  // the middle of the jitter
    EXPECT_FALSE(state.may_connect(now));
    EXPECT_GE(state.blocked_until() - now, last);
    last = state.blocked_until() - now;
  }
  EXPECT_EQ(last, 1'000'000'000);
  state.begin(now, 0);
  state.stands();
  state.negotiated({});
  state.failed(now, std::uint64_t{1} << 63);
  EXPECT_EQ(state.blocked_until() - now, 50'000'000);
}

}  // namespace
}  // namespace moldau::client
