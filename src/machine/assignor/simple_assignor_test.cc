// SPDX-License-Identifier: Apache-2.0
#include "machine/assignor/simple_assignor.h"

#include <gtest/gtest.h>

#include <random>

namespace moldau::assignor {
namespace {

const TopicId kA(1, 1);
const TopicId kB(1, 2);

GroupSpec spec(int members, int partitions) {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (int i = 0; i < 100; ++i) out.push_back("m" + std::to_string(100 + i));
    return out;
  }();
  GroupSpec out;
  out.partition_counts[kA] = partitions;
  for (int i = 0; i < members; ++i) out.members[names[static_cast<std::size_t>(i)]].topics = {kA};
  return out;
}

// KIP-932
TEST(SimpleAssignorTest, SharesPartitionsEvenlyAndMovesFew) {
  for (int members : {1, 2, 3, 7}) {
    for (int partitions : {1, 2, 3, 5, 12}) {
      GroupSpec group = spec(members, partitions);
      const auto first = assign_simple(group);
      ASSERT_TRUE(first.ok());
      std::map<PartitionId, int> owners;
      std::size_t least = 1000;
      std::size_t most = 0;
      for (const auto& [id, assignment] : *first) {
        const std::size_t count = assignment.contains(kA) ? assignment.at(kA).size() : 0;
        least = std::min(least, count);
        most = std::max(most, count);
        if (count > 0)
          for (PartitionId p : assignment.at(kA)) ++owners[p];
      }
      const int sharing = (members + partitions - 1) / partitions;
      EXPECT_EQ(owners.size(), static_cast<std::size_t>(partitions)) << members;
      for (const auto& [p, n] : owners) EXPECT_EQ(n, sharing) << members << " " << partitions;
      EXPECT_LE(most - least, 1U);
      for (auto& [id, member] : group.members) member.target = &first->find(id)->second;
      EXPECT_EQ(*assign_simple(group), *first) << "nobody has to move";
    }
  }
}

TEST(SimpleAssignorTest, GivesOnlyWhatMayBeAssigned) {
  GroupSpec group = spec(1, 4);
  group.assignable.emplace();
  EXPECT_TRUE(assign_simple(group)->begin()->second.empty());
  (*group.assignable)[kA] = {PartitionId(2)};
  EXPECT_EQ(assign_simple(group)->begin()->second.at(kA), PartitionIds({PartitionId(2)}));
}

TEST(SimpleAssignorTest, LooksAtEachTopicWhenSubscriptionsDiffer) {
  GroupSpec group = spec(3, 2);
  group.partition_counts[kB] = 1;
  group.subscription_type = SubscriptionType::kHeterogeneous;
  group.members.begin()->second.topics = {kA, kB};
  const auto got = assign_simple(group);
  ASSERT_TRUE(got.ok());
  EXPECT_TRUE(got->begin()->second.contains(kB));
  for (const auto& [id, assignment] : *got) EXPECT_TRUE(assignment.contains(kA)) << id;
  group.members.begin()->second.topics = {kA, TopicId(9, 9)};
  EXPECT_EQ(assign_simple(group).code(), ErrorCode::kUnknownServerError);
}

}  // namespace
}  // namespace moldau::assignor
