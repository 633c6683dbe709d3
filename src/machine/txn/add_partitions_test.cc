// SPDX-License-Identifier: Apache-2.0
// KIP-98, KIP-890 (verification of partitions, implicit adds)
#include <gtest/gtest.h>

#include "machine/txn/test_coordinator.h"

namespace moldau::txn {
namespace {

using Errors = std::vector<ErrorCode>;

TEST(AddPartitionsTest, OpensATransactionAndAddsToIt) {
  for (const std::int16_t version : {std::int16_t{0}, std::int16_t{3}, std::int16_t{5}}) {
    TestCoordinator c;
    c.init("a");
    c.pass(Millis(10));
    EXPECT_EQ(c.add_all(c.transaction("a", 1000, 0, {2, 1, 2}), version),
              Errors(3, ErrorCode::kNone));
    EXPECT_EQ(c.state("a"), TransactionState::kOngoing);
    const Timestamp start = c.wall;
    EXPECT_EQ(c.metadata("a").start, start);
    EXPECT_EQ(c.metadata("a").client_transaction_version, version > 3 ? 2 : 0);
    c.pass(Millis(10));
    const std::size_t records = c.log.size();
    EXPECT_EQ(c.add("a", 1000, 0, {1}, version), ErrorCode::kNone);
    EXPECT_EQ(c.log.size(), records) << "nothing new, nothing written";
    EXPECT_EQ(c.add("a", 1000, 0, {3}, version), ErrorCode::kNone);
    EXPECT_EQ(c.metadata("a").partitions.size(), 3U);
    EXPECT_EQ(c.metadata("a").start, start) << "it did not begin anew";
  }
}

struct Refusal {
  const char* name;
  std::int16_t version;
  const char* id;
  std::int64_t producer_id;
  int epoch;
  ErrorCode error;
};

class AddRefusedTest : public testing::TestWithParam<Refusal> {};

TEST_P(AddRefusedTest, SaysWhatApacheSays) {
  const Refusal& refusal = GetParam();
  TestCoordinator c;
  c.init("a");
  c.init("a");  // epoch 1
  const std::size_t records = c.log.size();
  EXPECT_EQ(c.add(refusal.id, refusal.producer_id, refusal.epoch, {1}, refusal.version),
            refusal.error);
  EXPECT_EQ(c.log.size(), records);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, AddRefusedTest,
    testing::Values(Refusal{"NoId", 3, "", 1000, 1, ErrorCode::kInvalidRequest},
                    Refusal{"Unknown", 3, "b", 1000, 1, ErrorCode::kInvalidProducerIdMapping},
                    Refusal{"OtherProducer", 3, "a", 1001, 1, ErrorCode::kInvalidProducerIdMapping},
                    Refusal{"OldV1", 1, "a", 1000, 0, ErrorCode::kInvalidProducerEpoch},
                    Refusal{"OldV2", 2, "a", 1000, 0, ErrorCode::kProducerFenced},
                    Refusal{"OldV5", 5, "a", 1000, 0, ErrorCode::kProducerFenced},
                    Refusal{"Future", 3, "a", 1000, 2, ErrorCode::kProducerFenced}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(AddPartitionsTest, WaitsForMarkersWhoeverAsks) {
  TestCoordinator c;
  c.init("a");
  c.add("a", 1000, 0, {1}, 3);
  c.end("a", 1000, 0, true, 4);
  EXPECT_EQ(c.add("a", 1000, 0, {2}, 3), ErrorCode::kConcurrentTransactions);
  EXPECT_EQ(c.add("a", 77, 0, {2}, 3), ErrorCode::kConcurrentTransactions);
  c.write_markers();
  EXPECT_EQ(c.add("a", 1000, 0, {2}, 3), ErrorCode::kNone);
  EXPECT_EQ(c.metadata("a").partitions.size(), 1U) << "those of the last one are gone";
}

TEST(AddPartitionsTest, NeedsTheLevelForClientsThatBumpTheEpoch) {
  TestCoordinator c(TxnSettings(), 0);
  c.init("a");
  EXPECT_EQ(c.add("a", 1000, 0, {1}, 5), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(c.end("a", 1000, 0, false, 5), failed(ErrorCode::kUnsupportedVersion));
  EXPECT_EQ(c.add("a", 1000, 0, {1}, 3), ErrorCode::kNone);
}

TEST(AddPartitionsTest, KeepsARecordWithinABatch) {
  TxnSettings settings;
  settings.batch_bytes_max = 400;
  TestCoordinator c(settings);
  c.init("a");
  std::vector<int> many(60);
  for (int i = 0; i < 60; ++i) many[static_cast<std::size_t>(i)] = i;
  EXPECT_EQ(c.add("a", 1000, 0, many, 5), ErrorCode::kUnknownServerError);
  EXPECT_EQ(c.state("a"), TransactionState::kEmpty);
  EXPECT_EQ(c.add("a", 1000, 0, {-1}, 5), ErrorCode::kUnknownTopicOrPartition);
}

TEST(AddPartitionsTest, NobodyWritesWithTheEpochThatOnlyFences) {
  TestCoordinator c;
  TransactionMetadata metadata;
  metadata.producer_id = ProducerId(500);
  metadata.producer_epoch = kFencedEpochMax;
  metadata.state = TransactionState::kCompleteAbort;
  metadata.last_update = c.wall;
  c.log.push_back(serialize_transaction("a", metadata, 2));
  c.fail_over();
  EXPECT_EQ(c.add("a", 500, 32'767, {1}, 5), ErrorCode::kProducerFenced);
  EXPECT_EQ(c.end("a", 500, 32'767, false, 5), failed(ErrorCode::kProducerFenced));
}

TEST(AddPartitionsTest, VerifiesWithoutAdding) {
  TestCoordinator c;
  auto asked = c.transaction("a", 1000, 0, {1, 2});
  asked.verify_only = true;
  EXPECT_EQ(c.add_all(asked, 5), Errors(2, ErrorCode::kInvalidProducerIdMapping));
  c.init("a");
  EXPECT_EQ(c.add_all(asked, 5), Errors(2, ErrorCode::kTransactionAbortable));
  c.add("a", 1000, 0, {2}, 3);
  const std::size_t records = c.log.size();
  EXPECT_EQ(c.add_all(asked, 5), (Errors{ErrorCode::kTransactionAbortable, ErrorCode::kNone}));
  EXPECT_EQ(c.log.size(), records);
  asked.producer_epoch = 1;
  EXPECT_EQ(c.add_all(asked, 5), Errors(2, ErrorCode::kProducerFenced));
  asked.producer_id = 1;
  EXPECT_EQ(c.add_all(asked, 5), Errors(2, ErrorCode::kInvalidProducerIdMapping));
  asked = c.transaction("a", 1000, 0, {2});
  asked.verify_only = true;
  c.end("a", 1000, 0, true, 4);
  EXPECT_EQ(c.add_all(asked, 5), Errors(1, ErrorCode::kConcurrentTransactions));
  asked.transactional_id = wire::Text();
  EXPECT_EQ(c.add_all(asked, 5), Errors(1, ErrorCode::kInvalidRequest));
}

TEST(AddPartitionsTest, SpeaksTheFormOfEachVersion) {
  wire::AddPartitionsToTxnRequest old;
  old.v3_and_below_transactional_id = wire::Text("a");
  old.v3_and_below_producer_id = 7;
  old.v3_and_below_producer_epoch = 3;
  old.v3_and_below_topics = TestCoordinator::transaction("a", 7, 3, {1, 2}).topics;
  const auto one = transactions_of(old, 3);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0], TestCoordinator::transaction("a", 7, 3, {1, 2}));
  const auto answer = response_of({result_of(one[0], ErrorCode::kNone)}, 3);
  EXPECT_EQ(answer.results_by_topic_v3_and_below.size(), 1U);
  EXPECT_TRUE(answer.results_by_transaction.empty());

  wire::AddPartitionsToTxnRequest batched;
  batched.transactions = {one[0], TestCoordinator::transaction("b", 8, 3, {1})};
  const auto two = transactions_of(batched, 4);
  ASSERT_EQ(two.size(), 2U);
  const auto answers = response_of(
      {result_of(two[0], ErrorCode::kNone), result_of(two[1], ErrorCode::kNotCoordinator)}, 4);
  ASSERT_EQ(answers.results_by_transaction.size(), 2U);
  EXPECT_EQ(answers.results_by_transaction[1].transactional_id, "b");
  EXPECT_EQ(answers.results_by_transaction[1]
                .topic_results[0]
                .results_by_partition[0]
                .partition_error_code,
            static_cast<std::int16_t>(ErrorCode::kNotCoordinator));
}

TEST(AddOffsetsTest, AddsThePartitionOfTheGroup) {
  TestCoordinator c;
  c.init("a");
  wire::AddOffsetsToTxnRequest request;
  request.transactional_id = wire::Text("a");
  request.producer_id = 1000;
  request.group_id = wire::Text("g");
  const auto ask = [&](std::int16_t version) {
    const AnswerId answer = ++c.last_answer;
    c.perform(c.machine.add_offsets_to_txn(c.context(), answer, request, PartitionId(3), version));
    return static_cast<ErrorCode>(c.taken<wire::AddOffsetsToTxnResponse>(answer)->error_code);
  };
  EXPECT_EQ(ask(4), ErrorCode::kNone);
  EXPECT_TRUE(
      c.metadata("a").partitions.contains(TopicPartition{"__consumer_offsets", PartitionId(3)}));
  request.producer_epoch = 5;
  EXPECT_EQ(ask(2), ErrorCode::kProducerFenced);
  EXPECT_EQ(ask(1), ErrorCode::kInvalidProducerEpoch);
  request.producer_id = 1;
  EXPECT_EQ(ask(4), ErrorCode::kInvalidProducerIdMapping);
}

}  // namespace
}  // namespace moldau::txn
