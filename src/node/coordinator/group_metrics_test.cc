// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/group_metrics.h"

#include <gtest/gtest.h>

#include <string>

namespace moldau::coordinator {
namespace {

class GroupMetricsTest : public testing::Test {
 protected:
  /// The value of a series; -1 if there is none.
  std::int64_t value(const std::string& series) const {
    const std::string text = "\n" + metrics_.text();
    const auto at = text.find("\n" + series + " ");
    if (at == std::string::npos) return -1;
    return std::stoll(text.substr(at + series.size() + 2));
  }
  std::int64_t sensor(const std::string& name) const {
    return value("kafka_server_group_coordinator_metrics_" + name);
  }

  env::Metrics metrics_;
  GroupMetrics group_metrics_{metrics_};
};

group::GroupCounts counts(std::int64_t stable, std::int64_t commits) {
  group::GroupCounts out;
  out.groups = stable + 2;
  out.classic_groups = 1;
  out.stable = 1;
  out.offsets = 10;
  out.by_state[{"classic", "Stable"}] = 1;
  out.by_state[{"consumer", "Stable"}] = stable;
  out.by_state[{"streams", "NotReady"}] = 1;
  out.offset_commits = commits;
  out.consumer_rebalances = commits / 2;
  return out;
}

TEST_F(GroupMetricsTest, SumsWhatPartitionsHaveAndForgetsThemWithThem) {
  EXPECT_EQ(sensor("group_count{protocol=\"share\"}"), 0) << "it is there from the start";
  group_metrics_.count(PartitionId(3), counts(5, 4));
  group_metrics_.count(PartitionId(4), counts(1, 2));
  EXPECT_EQ(sensor("group_count{protocol=\"consumer\"}"), 6);
  EXPECT_EQ(sensor("group_count{protocol=\"classic\"}"), 2);
  EXPECT_EQ(sensor("consumer_group_count{state=\"Stable\"}"), 6);
  EXPECT_EQ(sensor("streams_group_count{state=\"NotReady\"}"), 2);
  EXPECT_EQ(value("kafka_coordinator_group_groupmetadatamanager_numoffsets"), 20);
  EXPECT_EQ(value("kafka_coordinator_group_groupmetadatamanager_numgroupsstable"), 2);
  group_metrics_.count(PartitionId(3), counts(2, 9));
  EXPECT_EQ(sensor("group_count{protocol=\"consumer\"}"), 3);
  EXPECT_EQ(sensor("offset_commit_count_total"), 11);
  EXPECT_EQ(sensor("consumer_group_rebalance_count_total"), 5);
  group_metrics_.forget(PartitionId(3));
  group_metrics_.forget(PartitionId(3));
  EXPECT_EQ(sensor("group_count{protocol=\"consumer\"}"), 1);
  EXPECT_EQ(sensor("offset_commit_count_total"), 11) << "what has happened stays";
  // Its next machine begins with nothing.
  group_metrics_.count(PartitionId(3), counts(1, 1));
  EXPECT_EQ(sensor("offset_commit_count_total"), 12);
}

}  // namespace
}  // namespace moldau::coordinator
