// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "sim/invariant.h"

namespace moldau::sim {
namespace {

const PartitionKey kPartition{TopicId(1, 2), PartitionId(0)};

Acked acked(std::int64_t offset, std::string value, bool durable = false) {
  return {kPartition, Offset(offset), std::move(value), durable};
}

ReadBatch batch(std::int64_t base, std::vector<std::string> values, std::int64_t producer = -1,
                std::int32_t sequence = -1) {
  ReadBatch out;
  out.base_offset = Offset(base);
  out.producer = ProducerId(producer);
  out.epoch = ProducerEpoch(0);
  out.base_sequence = sequence;
  for (std::string& value : values) out.records.emplace_back(Offset(base++), std::move(value));
  out.last_offset = Offset(base - 1);
  return out;
}

FullRead full_read(std::int64_t end, std::vector<ReadBatch> batches, bool durable = false) {
  FullRead out;
  out.partition = kPartition;
  out.log_start = Offset(0);
  out.end = Offset(end);
  out.durable = durable;
  out.batches = std::move(batches);
  return out;
}

void read_fully(Checks& checks, FullRead read) {
  checks.tell(&Invariant::on_full_read_begins, read.partition);
  checks.tell(&Invariant::on_full_read, read);
}

TEST(InvariantsTest, FindsALostRecord) {
  Checks checks;
  checks.tell(&Invariant::on_acked, acked(0, "a"));
  checks.tell(&Invariant::on_acked, acked(1, "b"));
  checks.tell(&Invariant::on_death, DeathKind::kKill);
  read_fully(checks, full_read(1, {batch(0, {"a"})}));
  EXPECT_NE(checks.finding().find("NoAcknowledgedRecordIsLost"), std::string::npos);
}

TEST(InvariantsTest, APowerCutMayTakeASuffixThatWasNotSynced) {
  Checks checks;
  checks.tell(&Invariant::on_acked, acked(0, "a"));
  checks.tell(&Invariant::on_acked, acked(1, "b"));
  checks.tell(&Invariant::on_death, DeathKind::kPowerCut);
  read_fully(checks, full_read(1, {batch(0, {"a"})}));
  EXPECT_EQ(checks.finding(), "");
  Acked anew = acked(1, "c");
  anew.life = 1;
  checks.tell(&Invariant::on_acked, anew);
  EXPECT_EQ(checks.finding(), "");
  read_fully(checks, full_read(1, {batch(0, {"a"})}));
  EXPECT_NE(checks.finding(), "");
}

TEST(InvariantsTest, APowerCutMayNotTakeWhatWasDurable) {
  Checks checks;
  checks.tell(&Invariant::on_acked, acked(0, "a", true));
  checks.tell(&Invariant::on_death, DeathKind::kPowerCut);
  read_fully(checks, full_read(0, {}, true));
  EXPECT_NE(checks.finding().find("NoAcknowledgedRecordIsLost"), std::string::npos);
}

TEST(InvariantsTest, FindsAChangedRecord) {
  Checks checks;
  checks.tell(&Invariant::on_acked, acked(0, "a"));
  checks.tell(&Invariant::on_read, kPartition, batch(0, {"b"}));
  EXPECT_NE(checks.finding().find("OneOffsetHasOneValue"), std::string::npos);
}

TEST(InvariantsTest, FindsDuplicatesAndGapsOfSequences) {
  Checks twice;
  read_fully(twice, full_read(2, {batch(0, {"a"}, 7, 0), batch(1, {"a"}, 7, 0)}));
  EXPECT_NE(twice.finding().find("SequencesHaveNoGap"), std::string::npos);
  Checks gap;
  read_fully(gap, full_read(2, {batch(0, {"a"}, 7, 0), batch(1, {"c"}, 7, 2)}));
  EXPECT_NE(gap.finding().find("SequencesHaveNoGap"), std::string::npos);
  Checks fine;
  read_fully(fine, full_read(3, {batch(0, {"a", "b"}, 7, 0), batch(2, {"c"}, 7, 2)}));
  EXPECT_EQ(fine.finding(), "");
}

TEST(InvariantsTest, FindsHolesAndMissingEnds) {
  Checks hole;
  read_fully(hole, full_read(3, {batch(0, {"a"}), batch(2, {"c"})}));
  EXPECT_NE(hole.finding().find("OffsetsAreDense"), std::string::npos);
  Checks end;
  read_fully(end, full_read(2, {batch(0, {"a"})}));
  EXPECT_NE(end.finding().find("OffsetsAreDense"), std::string::npos);
}

TEST(InvariantsTest, FindsWatermarksThatGoBack) {
  const Watermarks first{kPartition, 1, 2, Offset(3), Offset(9), true};
  const Watermarks lower_high{kPartition, 3, 4, Offset(3), Offset(8), true};
  const Watermarks lower_start{kPartition, 3, 4, Offset(2), Offset(9), true};
  Checks high;
  high.tell(&Invariant::on_watermarks, first);
  high.tell(&Invariant::on_death, DeathKind::kPowerCut);
  high.tell(&Invariant::on_watermarks, lower_high);
  EXPECT_NE(high.finding().find("HighWatermarkIsMonotonic"), std::string::npos);
  Checks passed;  // asked before the first was answered
  const Watermarks overtaken{kPartition, 1, 5, Offset(3), Offset(8), true};
  passed.tell(&Invariant::on_watermarks, first);
  passed.tell(&Invariant::on_watermarks, overtaken);
  EXPECT_EQ(passed.finding(), "");
  Checks start;
  start.tell(&Invariant::on_watermarks, first);
  start.tell(&Invariant::on_watermarks, lower_start);
  EXPECT_NE(start.finding().find("LogStartIsMonotonic"), std::string::npos);
}

TEST(InvariantsTest, AnAnswerOfALifeThatWasCutSaysNothing) {
  const Watermarks late{kPartition, 1, 9, Offset(3), Offset(9), false, 0};
  const Watermarks lower{kPartition, 10, 11, Offset(0), Offset(1), false, 1};
  Checks checks;
  checks.tell(&Invariant::on_death, DeathKind::kPowerCut);
  checks.tell(&Invariant::on_watermarks, late);
  checks.tell(&Invariant::on_acked, acked(8, "late"));
  checks.tell(&Invariant::on_watermarks, lower);
  read_fully(checks, full_read(1, {batch(0, {"a"})}));
  EXPECT_EQ(checks.finding(), "");
}

TEST(InvariantsTest, WhatWasAcknowledgedAsDeletedStaysAway) {
  FullRead read = full_read(9, {});
  read.asked = 7;
  Checks checks;
  checks.tell(&Invariant::on_records_deleted, kPartition, Offset(5));
  checks.tell(&Invariant::on_deletion_acked, DeletionAcked{kPartition, Offset(5), 6});
  checks.tell(&Invariant::on_death, DeathKind::kPowerCut);
  checks.tell(&Invariant::on_watermarks,
              Watermarks{kPartition, 7, 8, Offset(4), Offset(9), false, 1});
  EXPECT_NE(checks.finding().find("LogStartIsMonotonic"), std::string::npos);
  Checks seen_only;  // a move that nobody acknowledged may die with the node
  seen_only.tell(&Invariant::on_watermarks,
                 Watermarks{kPartition, 1, 2, Offset(5), Offset(9), true, 0});
  seen_only.tell(&Invariant::on_death, DeathKind::kKill);
  seen_only.tell(&Invariant::on_watermarks,
                 Watermarks{kPartition, 7, 8, Offset(4), Offset(9), true, 1});
  EXPECT_EQ(seen_only.finding(), "");
}

TEST(InvariantsTest, FindsRecordsDeletedUnasked) {
  FullRead read = full_read(2, {batch(1, {"b"})});
  read.log_start = Offset(1);
  Checks checks;
  read_fully(checks, read);
  EXPECT_NE(checks.finding().find("NothingIsDeletedUnasked"), std::string::npos);
}

TEST(InvariantsTest, DeletedRecordsAreNotLost) {
  Checks checks;
  checks.tell(&Invariant::on_acked, acked(0, "a"));
  checks.tell(&Invariant::on_records_deleted, kPartition, Offset(1));
  FullRead read = full_read(1, {});
  read.log_start = Offset(1);
  read_fully(checks, read);
  EXPECT_EQ(checks.finding(), "");
}

}  // namespace
}  // namespace moldau::sim
