// SPDX-License-Identifier: Apache-2.0
// KIP-98, KIP-360 (going on after an error), KIP-890 (epoch bump), KIP-939 (refused)
#include <gtest/gtest.h>

#include "machine/txn/test_coordinator.h"

namespace moldau::txn {
namespace {

constexpr std::int16_t kV1 = 4;  // EndTxn: keeps the epoch
constexpr std::int16_t kV2 = 5;  // EndTxn: bumps it

/// A producer whose epoch is brought to this, by records as another coordinator left them.
void bring_to_epoch(TestCoordinator& c, const std::string& id, int epoch,
                    TransactionState state = TransactionState::kEmpty,
                    std::int16_t client_version = 2) {
  TransactionMetadata metadata;
  metadata.producer_id = metadata.previous_producer_id = ProducerId(500);
  metadata.producer_epoch = ProducerEpoch(static_cast<std::int16_t>(epoch));
  metadata.timeout = Millis(60'000);
  metadata.state = state;
  metadata.client_transaction_version = client_version;
  metadata.last_update = c.wall;
  if (state != TransactionState::kEmpty) metadata.start = c.wall;
  if (state == TransactionState::kOngoing)
    metadata.partitions.insert(TopicPartition{"t", PartitionId(0)});
  c.log.push_back(serialize_transaction(id, metadata, 2));
  c.fail_over();
}

TEST(InitProducerIdTest, GivesANewIdThenTheNextEpoch) {
  TestCoordinator c;
  EXPECT_EQ(c.init("a"), Outcome(ErrorCode::kNone, 1000, 0));
  EXPECT_EQ(c.init("a"), Outcome(ErrorCode::kNone, 1000, 1));
  EXPECT_EQ(c.init("b"), Outcome(ErrorCode::kNone, 1001, 0));
  EXPECT_EQ(c.metadata("a").timeout, Millis(60'000));
  EXPECT_EQ(c.metadata("a").start, Timestamp(-1));
}

TEST(InitProducerIdTest, RefusesWhatIsInvalid) {
  TestCoordinator c;
  EXPECT_EQ(c.init(""), failed(ErrorCode::kInvalidRequest));
  EXPECT_EQ(c.init(std::string(32'768, 'a')), failed(ErrorCode::kInvalidRequest));
  EXPECT_EQ(c.init("a", 5, -1), failed(ErrorCode::kInvalidRequest));
  EXPECT_EQ(c.init("a", -1, 5), failed(ErrorCode::kInvalidRequest));
  EXPECT_EQ(c.init("a", -1, -1, 5, 900'001), failed(ErrorCode::kInvalidTransactionTimeout));
  EXPECT_EQ(c.init("a", -1, -1, 5, 0), failed(ErrorCode::kInvalidTransactionTimeout));
  EXPECT_EQ(c.init("a", -1, -1, 5, 900'000).error, ErrorCode::kNone);
  EXPECT_EQ(c.machine.transactional_ids(), 1U);
}

TEST(InitProducerIdTest, TwoPhaseCommitNeedsTheSetting) {
  wire::InitProducerIdRequest request;
  request.transactional_id = wire::Text("a");
  request.transaction_timeout_ms = 2'000'000;
  request.enable2_pc = true;
  TestCoordinator off;
  EXPECT_EQ(off.init_outcome(off.send_init(request, 6)),
            failed(ErrorCode::kTransactionalIdAuthorizationFailed));
  TxnSettings settings;
  settings.two_phase_commit_enable = true;
  TestCoordinator on(settings);
  request.keep_prepared_txn = true;
  EXPECT_EQ(on.init_outcome(on.send_init(request, 6)), failed(ErrorCode::kUnsupportedVersion));
  request.keep_prepared_txn = false;
  EXPECT_EQ(on.init_outcome(on.send_init(request, 6)).error, ErrorCode::kNone);
  EXPECT_EQ(on.metadata("a").timeout, kNoTimeout);
  ASSERT_EQ(on.add("a", 1000, 0, {1}, 5), ErrorCode::kNone);
  on.pass(Millis(2'000'000'000));
  on.tick();
  EXPECT_EQ(on.state("a"), TransactionState::kOngoing) << "has no timeout";
}

TEST(InitProducerIdTest, GoesOnWithTheSameProducer) {
  TestCoordinator c;
  c.init("a");
  EXPECT_EQ(c.init("a", 1000, 0), Outcome(ErrorCode::kNone, 1000, 1));
  EXPECT_EQ(c.init("a", 1000, 0), Outcome(ErrorCode::kNone, 1000, 1)) << "repeated";
  EXPECT_EQ(c.init("a", 1000, 1), Outcome(ErrorCode::kNone, 1000, 2));
  EXPECT_EQ(c.init("a", 1000, 0), failed(ErrorCode::kProducerFenced));
  EXPECT_EQ(c.init("a", 999, 2), failed(ErrorCode::kProducerFenced)) << "another id";
  EXPECT_EQ(c.init("a", 1000, 0, 3), failed(ErrorCode::kInvalidProducerEpoch)) << "version 3";
  c.init("a");  // another producer
  EXPECT_EQ(c.init("a", 1000, 2), failed(ErrorCode::kProducerFenced));
  EXPECT_EQ(c.init("unknown", 7, 7), Outcome(ErrorCode::kNone, 1001, 0)) << "was forgotten";
}

class InitOngoingTest : public testing::TestWithParam<std::int16_t> {};

TEST_P(InitOngoingTest, AbortsFirst) {
  const std::int16_t level = GetParam();
  TestCoordinator c(TxnSettings(), level);
  const bool bumps = level >= 2;
  c.init("a");
  ASSERT_EQ(c.add("a", 1000, 0, {1, 2}, static_cast<std::int16_t>(bumps ? 5 : 3)),
            ErrorCode::kNone);
  EXPECT_EQ(c.init("a"), failed(ErrorCode::kConcurrentTransactions));
  EXPECT_EQ(c.state("a"), TransactionState::kPrepareAbort);
  EXPECT_EQ(c.init("a"), failed(ErrorCode::kConcurrentTransactions)) << "markers are missing";
  ASSERT_EQ(c.markers.size(), 1U);
  EXPECT_EQ(c.markers[0].producer_epoch, ProducerEpoch(1));
  EXPECT_EQ(c.markers[0].transaction_version, bumps ? 2 : 0);
  EXPECT_FALSE(c.markers[0].commit);
  c.write_markers();
  EXPECT_EQ(c.state("a"), TransactionState::kCompleteAbort);
  EXPECT_EQ(c.end("a", 1000, 0, true, bumps ? kV2 : kV1).error,
            bumps ? ErrorCode::kInvalidTxnState : ErrorCode::kProducerFenced);
  EXPECT_EQ(c.init("a"), Outcome(ErrorCode::kNone, 1000, 2));
  EXPECT_EQ(c.end("a", 1000, 0, false, bumps ? kV2 : kV1), failed(ErrorCode::kProducerFenced));
}

INSTANTIATE_TEST_SUITE_P(Levels, InitOngoingTest, testing::Values(0, 1, 2));

TEST(InitProducerIdTest, ADelayedRequestDoesNotAbortTheNextTransaction) {
  TestCoordinator c;
  c.init("a");
  ASSERT_EQ(c.add("a", 1000, 0, {1}, 5), ErrorCode::kNone);
  ASSERT_EQ(c.end("a", 1000, 0, true, kV2), Outcome(ErrorCode::kNone, 1000, 1));
  c.write_markers();
  ASSERT_EQ(c.add("a", 1000, 1, {1}, 5), ErrorCode::kNone);
  EXPECT_EQ(c.init("a", 1000, 0), failed(ErrorCode::kProducerFenced));
  EXPECT_EQ(c.state("a"), TransactionState::kOngoing);
  EXPECT_EQ(c.init("a", 1000, 1), failed(ErrorCode::kConcurrentTransactions)) << "its own";
  EXPECT_EQ(c.state("a"), TransactionState::kPrepareAbort);
  c.write_markers();
  EXPECT_EQ(c.init("a", 1000, 1), Outcome(ErrorCode::kNone, 1000, 2));
}

TEST(InitProducerIdTest, RotatesTheIdWhenTheEpochsRunOut) {
  TestCoordinator c;
  bring_to_epoch(c, "a", 32'765);
  EXPECT_EQ(c.init("a", 500, 32'765), Outcome(ErrorCode::kNone, 500, 32'766));
  EXPECT_EQ(c.init("a", 500, 32'765), Outcome(ErrorCode::kNone, 500, 32'766)) << "repeated";
  EXPECT_EQ(c.init("a", 500, 32'764), failed(ErrorCode::kProducerFenced));
  EXPECT_EQ(c.init("a", 500, 32'766), Outcome(ErrorCode::kNone, 1000, 0));
  EXPECT_EQ(c.metadata("a").previous_producer_id, ProducerId(500));
  EXPECT_EQ(c.init("a", 500, 32'766), Outcome(ErrorCode::kNone, 1000, 0)) << "repeated";
  EXPECT_EQ(c.init("a", 500, 32'765), failed(ErrorCode::kProducerFenced));
  bring_to_epoch(c, "b", 32'766);
  EXPECT_EQ(c.init("b"), Outcome(ErrorCode::kNone, 1001, 0));
  EXPECT_EQ(c.init("b", 500, 32'766), failed(ErrorCode::kProducerFenced)) << "was replaced";
}

TEST(InitProducerIdTest, RotatesAfterFencingTheLastEpoch) {
  for (const std::int16_t level : {std::int16_t{1}, std::int16_t{2}}) {
    TestCoordinator c(TxnSettings(), level);
    bring_to_epoch(c, "a", 32'766, TransactionState::kOngoing,
                   static_cast<std::int16_t>(level == 2 ? 2 : 0));
    EXPECT_EQ(c.init("a"), failed(ErrorCode::kConcurrentTransactions));
    EXPECT_EQ(c.metadata("a").producer_epoch, ProducerEpoch(32'767));
    EXPECT_EQ(c.metadata("a").next_producer_id, ProducerId(level == 2 ? 1000 : -1));
    c.write_markers();
    EXPECT_EQ(c.metadata("a").producer_epoch, ProducerEpoch(level == 2 ? 0 : 32'767));
    EXPECT_EQ(c.init("a"), Outcome(ErrorCode::kNone, 1000, level == 2 ? 1 : 0));
  }
}

TEST(InitProducerIdTest, WaitsForAProducerId) {
  TestCoordinator c;
  c.hold_producer_ids = true;
  const AnswerId first = c.send_init("a");
  const AnswerId second = c.send_init("a");
  EXPECT_TRUE(c.answers.empty());
  ASSERT_EQ(c.wanted.size(), 2U);
  c.give_producer_ids();
  EXPECT_EQ(c.init_outcome(first), Outcome(ErrorCode::kNone, 1000, 0));
  EXPECT_EQ(c.init_outcome(second), Outcome(ErrorCode::kNone, 1000, 1));
  const AnswerId third = c.send_init("b");
  c.give_producer_ids(ErrorCode::kCoordinatorLoadInProgress);
  EXPECT_EQ(c.init_outcome(third), failed(ErrorCode::kCoordinatorLoadInProgress));
  EXPECT_EQ(c.machine.find("b"), nullptr);
}

TEST(InitProducerIdTest, OthersWaitWhileTheIdRotates) {
  TestCoordinator c;
  bring_to_epoch(c, "a", 32'766);
  c.hold_producer_ids = true;
  const AnswerId first = c.send_init("a");
  EXPECT_EQ(c.init("a"), failed(ErrorCode::kConcurrentTransactions));
  EXPECT_EQ(c.add("a", 500, 32'766, {1}, 5), ErrorCode::kConcurrentTransactions);
  EXPECT_EQ(c.end("a", 500, 32'766, false, kV2), failed(ErrorCode::kConcurrentTransactions));
  c.pass(Millis(800'000'000));
  c.tick();
  EXPECT_NE(c.machine.find("a"), nullptr) << "is not forgotten meanwhile";
  c.give_producer_ids(ErrorCode::kCoordinatorLoadInProgress);
  EXPECT_EQ(c.init_outcome(first), failed(ErrorCode::kCoordinatorLoadInProgress));
  EXPECT_EQ(c.add("a", 500, 32'766, {1}, 5), ErrorCode::kNone);
}

TEST(InitProducerIdTest, HasLimits) {
  TxnSettings settings;
  settings.transactional_ids_max = 2;
  settings.producer_id_waits_max = 3;
  TestCoordinator c(settings);
  c.init("a");
  c.hold_producer_ids = true;
  for (int i = 0; i < 3; ++i) c.send_init("b" + std::to_string(i));
  EXPECT_EQ(c.init("c"), failed(ErrorCode::kCoordinatorLoadInProgress));
  c.hold_producer_ids = false;
  c.give_producer_ids();
  EXPECT_EQ(c.machine.transactional_ids(), 2U);
  EXPECT_EQ(c.init("c"), failed(ErrorCode::kPolicyViolation));
  EXPECT_EQ(c.init("a"), Outcome(ErrorCode::kNone, 1000, 1)) << "known ones go on";
}

}  // namespace
}  // namespace moldau::txn
