// SPDX-License-Identifier: Apache-2.0
// KIP-98, KIP-588 (fencing), KIP-890 (an epoch for each transaction)
#include <gtest/gtest.h>

#include "machine/txn/test_coordinator.h"

namespace moldau::txn {
namespace {

using enum TransactionState;

constexpr std::int16_t kV1 = 4;
constexpr std::int16_t kV2 = 5;

/// A coordinator that finds transactional id "a" of producer 500 like this in its log.
TestCoordinator with(TransactionState state, int epoch, std::int16_t client_version,
                     std::int64_t previous_producer_id = 500) {
  TestCoordinator c;
  TransactionMetadata metadata;
  metadata.producer_id = ProducerId(500);
  metadata.previous_producer_id = ProducerId(previous_producer_id);
  metadata.producer_epoch = ProducerEpoch(static_cast<std::int16_t>(epoch));
  metadata.timeout = Millis(60'000);
  metadata.state = state;
  metadata.client_transaction_version = client_version;
  metadata.last_update = c.wall;
  if (state != kEmpty) metadata.start = c.wall;
  if (state == kOngoing || metadata.is_preparing())
    metadata.partitions.insert(TopicPartition{"t", PartitionId(0)});
  c.log.push_back(serialize_transaction("a", metadata, 2));
  c.fail_over();
  return c;
}

struct Case {
  TransactionState state;
  bool commit;
  int epoch;  // the coordinator's is 5
  Outcome outcome;
  TransactionState after;
};

void expect_all(const std::vector<Case>& cases, std::int16_t version) {
  for (const Case& each : cases) {
    TestCoordinator c = with(each.state, 5, version > 4 ? 2 : 0);
    SCOPED_TRACE(std::string(state_name(each.state)) + (each.commit ? " commit " : " abort ") +
                 std::to_string(each.epoch));
    EXPECT_EQ(c.end("a", 500, each.epoch, each.commit, version), each.outcome);
    EXPECT_EQ(c.state("a"), each.after);
  }
}

const Outcome kDone(ErrorCode::kNone, -1, -1);
const Outcome kFenced = failed(ErrorCode::kProducerFenced);
const Outcome kInvalid = failed(ErrorCode::kInvalidTxnState);
const Outcome kConcurrent = failed(ErrorCode::kConcurrentTransactions);

TEST(EndTxnTest, ClientsThatKeepTheirEpoch) {
  expect_all(
      {
          {kEmpty, true, 5, kInvalid, kEmpty},
          {kEmpty, false, 5, kInvalid, kEmpty},
          {kOngoing, true, 5, kDone, kPrepareCommit},
          {kOngoing, false, 5, kDone, kPrepareAbort},
          {kPrepareCommit, true, 5, kConcurrent, kPrepareCommit},
          {kPrepareCommit, false, 5, kConcurrent, kPrepareCommit},
          {kPrepareAbort, false, 5, kConcurrent, kPrepareAbort},
          {kCompleteCommit, true, 5, kDone, kCompleteCommit},
          {kCompleteCommit, false, 5, kInvalid, kCompleteCommit},
          {kCompleteAbort, false, 5, kDone, kCompleteAbort},
          {kCompleteAbort, true, 5, kInvalid, kCompleteAbort},
          {kOngoing, true, 4, kFenced, kOngoing},
          {kOngoing, true, 6, kFenced, kOngoing},
          {kPrepareCommit, true, 4, kFenced, kPrepareCommit},
          {kCompleteCommit, true, 4, kFenced, kCompleteCommit},
      },
      kV1);
}

TEST(EndTxnTest, ClientsThatBumpTheirEpoch) {
  const Outcome bumped(ErrorCode::kNone, 500, 6);
  const Outcome repeated(ErrorCode::kNone, 500, 5);
  expect_all(
      {
          // An abort without partitions is over at once.
          {kEmpty, false, 5, bumped, kCompleteAbort},
          {kEmpty, true, 5, kInvalid, kEmpty},
          {kEmpty, false, 4, kFenced, kEmpty},
          {kEmpty, true, 4, kFenced, kEmpty},
          {kOngoing, true, 5, bumped, kPrepareCommit},
          {kOngoing, false, 5, bumped, kPrepareAbort},
          // The end of the transaction before, delayed.
          {kOngoing, true, 4, kFenced, kOngoing},
          {kOngoing, false, 4, kFenced, kOngoing},
          {kOngoing, true, 6, kFenced, kOngoing},
          {kPrepareCommit, true, 4, kConcurrent, kPrepareCommit},
          {kPrepareAbort, false, 4, kConcurrent, kPrepareAbort},
          {kPrepareCommit, true, 5, kFenced, kPrepareCommit},
          {kPrepareCommit, true, 3, kFenced, kPrepareCommit},
          {kCompleteCommit, true, 4, repeated, kCompleteCommit},
          {kCompleteCommit, false, 4, kInvalid, kCompleteCommit},
          {kCompleteCommit, true, 5, kInvalid, kCompleteCommit},
          {kCompleteCommit, false, 5, bumped, kCompleteAbort},
          {kCompleteAbort, false, 4, repeated, kCompleteAbort},
          {kCompleteAbort, true, 4, kInvalid, kCompleteAbort},
          {kCompleteAbort, true, 5, kInvalid, kCompleteAbort},
          {kCompleteAbort, false, 5, bumped, kCompleteAbort},
          {kCompleteAbort, false, 3, kFenced, kCompleteAbort},
      },
      kV2);
}

// Apache Kafka 4.3.1 takes this for a retry, and two producers have one epoch from then on.
TEST(EndTxnTest, TheEpochOfAClientThatKeepsItIsNotGivenAway) {
  for (const TransactionState state :
       {kPrepareAbort, kPrepareCommit, kCompleteAbort, kCompleteCommit}) {
    const bool commit = state == kPrepareCommit || state == kCompleteCommit;
    TestCoordinator c = with(state, 5, 0);
    EXPECT_EQ(c.end("a", 500, 4, commit, kV2), kFenced) << state_name(state);
    EXPECT_EQ(c.state("a"), state);
  }
  // Its own transactions go on in either protocol.
  TestCoordinator c = with(kCompleteAbort, 5, 0);
  EXPECT_EQ(c.end("a", 500, 5, false, kV2), Outcome(ErrorCode::kNone, 500, 6));
  EXPECT_EQ(c.end("a", 500, 5, false, kV2), Outcome(ErrorCode::kNone, 500, 6)) << "a retry";
}

TEST(EndTxnTest, RefusesStrangersAndSaysSoPerVersion) {
  for (const std::int16_t version : {kV1, kV2}) {
    TestCoordinator c = with(kOngoing, 5, 0);
    EXPECT_EQ(c.end("", 500, 5, true, version), failed(ErrorCode::kInvalidRequest));
    EXPECT_EQ(c.end("b", 500, 5, true, version), failed(ErrorCode::kInvalidProducerIdMapping));
    EXPECT_EQ(c.end("a", 501, 5, true, version), failed(ErrorCode::kInvalidProducerIdMapping));
    EXPECT_EQ(c.end("a", 501, 4, true, version), failed(ErrorCode::kInvalidProducerIdMapping));
  }
  TestCoordinator c = with(kOngoing, 5, 0);
  EXPECT_EQ(c.end("a", 500, 4, true, 1), failed(ErrorCode::kInvalidProducerEpoch));
  EXPECT_EQ(c.end("a", 500, 4, true, 2), failed(ErrorCode::kProducerFenced));
}

TEST(EndTxnTest, WritesMarkersAndCompletes) {
  for (const std::int16_t version : {kV1, kV2}) {
    TestCoordinator c = with(kOngoing, 5, 0);
    c.pass(Millis(7));
    const Timestamp start = c.metadata("a").start;
    c.end("a", 500, 5, true, version);
    ASSERT_EQ(c.markers.size(), 1U);
    const MarkersToWrite asked = c.markers[0];
    EXPECT_EQ(asked.transactional_id, "a");
    EXPECT_EQ(asked.producer_id, ProducerId(500));
    EXPECT_EQ(asked.producer_epoch, ProducerEpoch(version == kV2 ? 6 : 5));
    EXPECT_EQ(asked.coordinator_epoch, LeaderEpoch(6));
    EXPECT_EQ(asked.transaction_version, version == kV2 ? 2 : 0);
    EXPECT_TRUE(asked.commit);
    EXPECT_EQ(asked.partitions, std::vector({TopicPartition{"t", PartitionId(0)}}));
    EXPECT_EQ(c.metadata("a").last_update, c.wall);
    c.write_markers();
    EXPECT_EQ(c.state("a"), kCompleteCommit);
    EXPECT_EQ(c.metadata("a").start, start);
    EXPECT_TRUE(c.metadata("a").partitions.empty());
    EXPECT_EQ(c.metadata("a").producer_epoch, asked.producer_epoch);
  }
}

TEST(EndTxnTest, ADelayedEndDoesNotEndTheNextTransaction) {
  // KAFKA-17754
  TestCoordinator c;
  c.init("a");
  int epoch = 0;
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(c.add("a", 1000, epoch, {1}, 5), ErrorCode::kNone);
    for (int old = 0; old < epoch; ++old) {
      EXPECT_EQ(c.end("a", 1000, old, true, kV2), kFenced);
      EXPECT_EQ(c.end("a", 1000, old, false, kV2), kFenced);
      EXPECT_EQ(c.end("a", 1000, old, true, kV1), kFenced);
    }
    ASSERT_EQ(c.end("a", 1000, epoch, i % 2 == 0, kV2), Outcome(ErrorCode::kNone, 1000, epoch + 1));
    ++epoch;
    c.write_markers();
  }
}

TEST(EndTxnTest, RotatesTheIdWithTheLastEpoch) {
  TestCoordinator c = with(kOngoing, 32'766, 2);
  EXPECT_EQ(c.end("a", 500, 32'766, true, kV2), Outcome(ErrorCode::kNone, 1000, 0));
  EXPECT_EQ(c.metadata("a").producer_id, ProducerId(500));
  EXPECT_EQ(c.metadata("a").producer_epoch, ProducerEpoch(32'767));
  EXPECT_EQ(c.metadata("a").next_producer_id, ProducerId(1000));
  EXPECT_EQ(c.end("a", 500, 32'766, true, kV2), kConcurrent);
  c.fail_over();
  ASSERT_EQ(c.markers.size(), 1U);
  EXPECT_EQ(c.markers[0].producer_id, ProducerId(500));
  EXPECT_EQ(c.markers[0].producer_epoch, ProducerEpoch(32'767));
  c.write_markers();
  EXPECT_EQ(c.metadata("a").producer_id, ProducerId(1000));
  EXPECT_EQ(c.metadata("a").previous_producer_id, ProducerId(500));
  EXPECT_EQ(c.metadata("a").producer_epoch, ProducerEpoch(0));
  EXPECT_EQ(c.metadata("a").next_producer_id, ProducerId(-1));
  EXPECT_EQ(c.end("a", 500, 32'766, true, kV2), Outcome(ErrorCode::kNone, 1000, 0)) << "repeated";
  EXPECT_EQ(c.end("a", 500, 32'766, false, kV2), kInvalid);
  EXPECT_EQ(c.end("a", 500, 32'765, true, kV2), failed(ErrorCode::kInvalidProducerIdMapping));
  EXPECT_EQ(c.add("a", 1000, 0, {1}, 5), ErrorCode::kNone);
  EXPECT_EQ(c.end("a", 500, 32'766, true, kV2), failed(ErrorCode::kInvalidProducerIdMapping))
      << "of the next transaction";
}

TEST(EndTxnTest, WaitsForTheNextId) {
  TestCoordinator c = with(kOngoing, 32'766, 2);
  c.hold_producer_ids = true;
  const AnswerId first = c.send_end("a", 500, 32'766, true, kV2);
  EXPECT_EQ(c.end("a", 500, 32'766, true, kV2), kConcurrent);
  c.give_producer_ids(ErrorCode::kCoordinatorLoadInProgress);
  EXPECT_EQ(c.end_outcome(first), failed(ErrorCode::kCoordinatorLoadInProgress));
  EXPECT_EQ(c.state("a"), kOngoing);
  const AnswerId second = c.send_end("a", 500, 32'766, true, kV2);
  c.give_producer_ids();
  EXPECT_EQ(c.end_outcome(second), Outcome(ErrorCode::kNone, 1000, 0));
  c.perform(c.machine.producer_id_given(c.context(), ProducerIdToken(99), ProducerId(1)));
  EXPECT_EQ(c.state("a"), kPrepareCommit);
}

TEST(EndTxnTest, AnAbortWithoutPartitionsIsOverInOneBatch) {
  TestCoordinator c;
  c.init("a");
  const std::size_t records = c.log.size();
  EXPECT_EQ(c.end("a", 1000, 0, false, kV2), Outcome(ErrorCode::kNone, 1000, 1));
  EXPECT_EQ(c.log.size(), records + 2);
  EXPECT_TRUE(c.markers.empty());
  EXPECT_EQ(c.metadata("a").start, c.wall);
  EXPECT_EQ(c.init("a", 1000, 0), Outcome(ErrorCode::kNone, 1000, 1)) << "KIP-360 from the last";
}

}  // namespace
}  // namespace moldau::txn
