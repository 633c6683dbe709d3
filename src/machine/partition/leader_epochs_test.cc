// SPDX-License-Identifier: Apache-2.0
// KIP-101, KIP-279
#include "machine/partition/leader_epochs.h"

#include <gtest/gtest.h>

namespace moldau::partition {
namespace {

LeaderEpochs make(std::initializer_list<EpochEntry> entries) {
  LeaderEpochs out;
  for (const EpochEntry& entry : entries) out.assign(entry.epoch, entry.start_offset);
  return out;
}

TEST(LeaderEpochsTest, TellsWhereAnEpochEnds) {
  const LeaderEpochs epochs = make(
      {{LeaderEpoch(2), Offset(10)}, {LeaderEpoch(5), Offset(20)}, {LeaderEpoch(7), Offset(30)}});
  const auto end = [&](int epoch) { return epochs.end_offset_for(LeaderEpoch(epoch), Offset(42)); };
  EXPECT_EQ(end(7), (EpochEndOffset{LeaderEpoch(7), Offset(42)}));
  EXPECT_EQ(end(5), (EpochEndOffset{LeaderEpoch(5), Offset(30)}));
  EXPECT_EQ(end(6), (EpochEndOffset{LeaderEpoch(5), Offset(30)}));
  EXPECT_EQ(end(2), (EpochEndOffset{LeaderEpoch(2), Offset(20)}));
  EXPECT_EQ(end(1), (EpochEndOffset{LeaderEpoch(1), Offset(10)}));
  EXPECT_EQ(end(8), EpochEndOffset());
  EXPECT_EQ(end(-1), EpochEndOffset());
  EXPECT_EQ(LeaderEpochs().end_offset_for(LeaderEpoch(0), Offset(1)), EpochEndOffset());
}

TEST(LeaderEpochsTest, DropsEntriesThatContradictANewOne) {
  LeaderEpochs epochs = make(
      {{LeaderEpoch(1), Offset(0)}, {LeaderEpoch(2), Offset(10)}, {LeaderEpoch(3), Offset(20)}});
  EXPECT_FALSE(epochs.assign(LeaderEpoch(3), Offset(25)));
  EXPECT_TRUE(epochs.assign(LeaderEpoch(4), Offset(10)));
  EXPECT_EQ(epochs.entries().size(), 2U);
  EXPECT_EQ(*epochs.latest(), (EpochEntry{LeaderEpoch(4), Offset(10)}));
  EXPECT_TRUE(epochs.assign(LeaderEpoch(1), Offset(15)));
  EXPECT_EQ(epochs.entries().size(), 1U);
  EXPECT_FALSE(epochs.assign(LeaderEpoch(-1), Offset(15)));
}

TEST(LeaderEpochsTest, TruncatesAtBothEnds) {
  LeaderEpochs epochs = make(
      {{LeaderEpoch(1), Offset(0)}, {LeaderEpoch(2), Offset(10)}, {LeaderEpoch(3), Offset(20)}});
  EXPECT_FALSE(epochs.truncate_from_end(Offset(21)));
  EXPECT_TRUE(epochs.truncate_from_end(Offset(20)));
  EXPECT_EQ(epochs.latest()->epoch, LeaderEpoch(2));
  EXPECT_TRUE(epochs.truncate_from_start(Offset(15)));
  EXPECT_EQ(epochs.entries(), (std::vector<EpochEntry>{{LeaderEpoch(2), Offset(15)}}));
  EXPECT_FALSE(epochs.truncate_from_start(Offset(15)));
  EXPECT_EQ(epochs.epoch_for_offset(Offset(15)), LeaderEpoch(2));
  EXPECT_FALSE(epochs.epoch_for_offset(Offset(14)));
}

TEST(LeaderEpochsTest, ReadsItsOwnFileAndRefusesDamage) {
  const LeaderEpochs epochs = make({{LeaderEpoch(0), Offset(0)}, {LeaderEpoch(3), Offset(20)}});
  EXPECT_EQ(epochs.serialize(), "0\n2\n0 0\n3 20\n");
  EXPECT_EQ(LeaderEpochs::parse(epochs.serialize())->entries(), epochs.entries());
  EXPECT_TRUE(LeaderEpochs::parse("0\n0\n").ok());
  for (const char* bad : {"", "1\n0\n", "0\n1\n", "0\n1\n0 0\n1 1\n", "0\n2\n3 5\n1 7\n",
                          "0\n2\n1 5\n3 4\n", "0\n1\n-1 5\n", "0\n1\n1 x\n", "0\n99999999999\n"})
    EXPECT_FALSE(LeaderEpochs::parse(bad).ok()) << bad;
}

}  // namespace
}  // namespace moldau::partition
