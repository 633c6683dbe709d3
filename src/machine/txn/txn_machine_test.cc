// SPDX-License-Identifier: Apache-2.0
// Markers, timeouts, expiry, loading, reads.
#include "machine/txn/txn_machine.h"

#include <gtest/gtest.h>

#include "machine/txn/test_coordinator.h"

namespace moldau::txn {
namespace {

using enum TransactionState;

TEST(TxnMarkersTest, AreSentAgainWhereTheyFailed) {
  TestCoordinator c;
  c.init("a");
  c.add("a", 1000, 0, {0, 1, 2}, 5);
  c.end("a", 1000, 0, true, 5);
  const MarkersToWrite asked = c.markers.at(0);
  c.markers.clear();
  c.perform(c.machine.markers_written(
      c.context(), "a", ProducerId(1000), ProducerEpoch(1),
      std::vector<MarkerResult>{{asked.partitions[0], ErrorCode::kNone},
                                {asked.partitions[1], ErrorCode::kNotLeaderOrFollower}}));
  EXPECT_TRUE(c.markers.empty());
  EXPECT_EQ(c.machine.next_deadline(), c.now + Millis(20));
  EXPECT_EQ(c.machine.markers_without_leader(c.image), 0U);
  EXPECT_EQ(c.machine.markers_without_leader(image_with({"t"}, image::kNoLeader)), 1U);
  c.pass(Millis(19));
  c.tick();
  EXPECT_TRUE(c.markers.empty()) << "not due yet";
  c.pass(Millis(1));
  c.tick();
  ASSERT_EQ(c.markers.size(), 1U);
  EXPECT_EQ(c.markers[0].partitions, std::vector({asked.partitions[1]}))
      << "what is done or under way is not sent again";
  c.write_markers();
  EXPECT_EQ(c.state("a"), kPrepareCommit) << "one is under way";
  MarkersToWrite last = asked;
  last.partitions = {asked.partitions[2]};
  c.written(last);
  EXPECT_EQ(c.state("a"), kCompleteCommit);
}

TEST(TxnMarkersTest, PauseLongerEachTime) {
  TestCoordinator c;
  c.init("a");
  c.add("a", 1000, 0, {0}, 5);
  c.end("a", 1000, 0, true, 5);
  for (const int pause : {20, 40, 80, 160, 320, 640, 1000, 1000}) {
    const MarkersToWrite asked = c.markers.at(0);
    c.markers.clear();
    c.written(asked, ErrorCode::kRequestTimedOut);
    ASSERT_EQ(c.machine.next_deadline(), c.now + Millis(pause));
    c.pass(Millis(pause));
    c.tick();
  }
  c.write_markers();
  EXPECT_EQ(c.state("a"), kCompleteCommit);
}

TEST(TxnMarkersTest, GoToNoPartitionThatIsGone) {
  TestCoordinator c;
  c.init("a");
  c.add_all(c.transaction("a", 1000, 0, {0}, "t"), 5);
  c.add_all(c.transaction("a", 1000, 0, {0}, "gone"), 5);
  c.end("a", 1000, 0, true, 5);
  ASSERT_EQ(c.markers.size(), 1U);
  EXPECT_EQ(c.markers[0].partitions.size(), 1U);
  const MarkersToWrite asked = c.markers[0];
  c.markers.clear();
  c.written(asked, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(c.state("a"), kPrepareCommit) << "we know it: its leader is behind";
  c.image = image_with({});
  c.pass(Millis(20));
  c.tick();
  EXPECT_EQ(c.state("a"), kCompleteCommit) << "it was deleted meanwhile";
  EXPECT_TRUE(c.markers.empty());
}

TEST(TxnMarkersTest, ErrorsThatStayEndTheWait) {
  for (const ErrorCode error :
       {ErrorCode::kInvalidProducerEpoch, ErrorCode::kUnsupportedForMessageFormat}) {
    TestCoordinator c;
    c.init("a");
    c.add("a", 1000, 0, {0, 1}, 5);
    c.end("a", 1000, 0, false, 5);
    c.written(c.markers.at(0), error);
    EXPECT_EQ(c.state("a"), kCompleteAbort);
    EXPECT_EQ(c.machine.counters().markers_refused, 2U);
  }
  TestCoordinator c;
  c.init("a");
  c.add("a", 1000, 0, {0}, 5);
  c.end("a", 1000, 0, false, 5);
  c.written(c.markers.at(0), ErrorCode::kTransactionCoordinatorFenced);
  EXPECT_EQ(c.state("a"), kPrepareAbort);
  EXPECT_EQ(c.machine.next_deadline(), c.now + Millis(1000));
}

TEST(TxnMarkersTest, LateResultsChangeNothing) {
  TestCoordinator c;
  c.init("a");
  c.add("a", 1000, 0, {0}, 5);
  c.end("a", 1000, 0, false, 5);
  const MarkersToWrite first = c.markers.at(0);
  MarkersToWrite other = first;
  other.partitions = {TopicPartition{"t", PartitionId(3)}};
  c.written(other);
  other = first;
  other.producer_epoch = ProducerEpoch(0);
  c.written(other);
  other.transactional_id = "b";
  c.written(other);
  EXPECT_EQ(c.state("a"), kPrepareAbort);
  c.write_markers();
  ASSERT_EQ(c.state("a"), kCompleteAbort);
  const std::size_t records = c.log.size();
  c.written(first);
  c.add("a", 1000, 1, {0}, 5);
  c.end("a", 1000, 1, true, 5);
  c.written(first);
  EXPECT_EQ(c.state("a"), kPrepareCommit) << "of the transaction before";
  EXPECT_EQ(c.log.size(), records + 2);
}

TEST(TxnTimeoutTest, AbortsAndFences) {
  for (const std::int16_t level : {std::int16_t{0}, std::int16_t{1}, std::int16_t{2}}) {
    TestCoordinator c(TxnSettings(), level);
    const bool bumps = level == 2;
    c.init("a", -1, -1, 5, 5'000);
    c.add("a", 1000, 0, {0}, static_cast<std::int16_t>(bumps ? 5 : 3));
    EXPECT_EQ(c.machine.next_deadline(), c.now + Millis(5'001));
    c.pass(Millis(5'000));
    c.tick();
    EXPECT_EQ(c.state("a"), kOngoing) << "in time to the millisecond";
    c.pass(Millis(1));
    c.tick();
    EXPECT_EQ(c.state("a"), kPrepareAbort);
    EXPECT_EQ(c.machine.counters().transactions_timed_out, 1U);
    EXPECT_EQ(c.markers.at(0).producer_epoch, ProducerEpoch(1));
    EXPECT_EQ(c.markers.at(0).transaction_version, bumps ? 2 : 0);
    c.write_markers();
    EXPECT_EQ(c.state("a"), kCompleteAbort);
    EXPECT_EQ(c.add("a", 1000, 0, {0}, 3), ErrorCode::kProducerFenced);
    EXPECT_EQ(c.end("a", 1000, 0, true, 4), failed(ErrorCode::kProducerFenced));
    if (level == 0) continue;
    if (level == 1) {
      EXPECT_EQ(c.end("a", 1000, 0, false, 5), failed(ErrorCode::kProducerFenced));
      continue;
    }
    // A client that bumps its epoch takes the abort for its own, and goes on.
    EXPECT_EQ(c.end("a", 1000, 0, true, 5), failed(ErrorCode::kInvalidTxnState));
    EXPECT_EQ(c.end("a", 1000, 0, false, 5), Outcome(ErrorCode::kNone, 1000, 1));
  }
}

TEST(TxnTimeoutTest, NeedsANewIdAtTheLastEpoch) {
  TestCoordinator c;
  TransactionMetadata metadata;
  metadata.producer_id = ProducerId(500);
  metadata.producer_epoch = kProducerEpochMax;
  metadata.timeout = Millis(1'000);
  metadata.state = kOngoing;
  metadata.start = metadata.last_update = c.wall;
  metadata.partitions.insert(TopicPartition{"t", PartitionId(0)});
  metadata.client_transaction_version = 2;
  c.log.push_back(serialize_transaction("a", metadata, 2));
  c.fail_over();
  c.hold_producer_ids = true;
  c.pass(Millis(1'001));
  c.tick();
  EXPECT_EQ(c.wanted.size(), 1U);
  c.tick();
  EXPECT_EQ(c.wanted.size(), 1U) << "asked once";
  c.give_producer_ids(ErrorCode::kCoordinatorLoadInProgress);
  EXPECT_GT(c.machine.next_deadline(), c.now) << "no busy loop";
  c.pass(Millis(1'000));
  c.tick();
  c.give_producer_ids();
  EXPECT_EQ(c.state("a"), kPrepareAbort);
  c.write_markers();
  EXPECT_EQ(c.metadata("a").producer_id, ProducerId(1000));
}

TEST(TxnTimeoutTest, SurvivesAFailover) {
  TestCoordinator c;
  c.init("a", -1, -1, 5, 5'000);
  c.add("a", 1000, 0, {0}, 5);
  c.pass(Millis(4'000));
  c.fail_over();
  EXPECT_EQ(c.machine.next_deadline(), c.now + Millis(1'001));
  c.pass(Millis(1'001));
  c.tick();
  EXPECT_EQ(c.state("a"), kPrepareAbort);
}

TEST(TxnExpiryTest, ForgetsIdleIdsOnly) {
  TxnSettings settings;
  settings.transactional_id_expiration = Millis(10'000);
  settings.remove_expired_interval = Millis(1'000);
  TestCoordinator c(settings);
  for (const char* id : {"empty", "ongoing", "done"}) c.init(id);
  c.add("ongoing", 1001, 0, {0}, 5);
  c.add("done", 1002, 0, {0}, 5);
  c.end("done", 1002, 0, true, 5);
  c.write_markers();
  c.pass(Millis(9'999));
  c.tick();
  EXPECT_EQ(c.machine.transactional_ids(), 3U);
  EXPECT_EQ(c.machine.next_deadline(), c.now + Millis(1'000));
  c.pass(Millis(1'000));
  c.tick();
  EXPECT_EQ(c.machine.transactional_ids(), 1U);
  EXPECT_NE(c.machine.find("ongoing"), nullptr);
  EXPECT_EQ(c.machine.counters().transactional_ids_expired, 2U);
  EXPECT_FALSE(c.log.back().value.has_value());
  c.fail_over();
  EXPECT_EQ(c.machine.transactional_ids(), 1U);
}

TEST(TxnExpiryTest, TakesSeveralTicksForMany) {
  TxnSettings settings;
  settings.transactions_per_tick_max = 10;
  TestCoordinator c(settings);
  for (int i = 0; i < 25; ++i) c.init("a" + std::to_string(i));
  c.pass(settings.transactional_id_expiration);
  for (const std::size_t left : {15U, 5U, 0U}) {
    EXPECT_LE(c.machine.next_deadline(), c.now);
    c.tick();
    EXPECT_EQ(c.machine.transactional_ids(), left);
  }
  EXPECT_GT(c.machine.next_deadline(), c.now);
}

TEST(TxnLoadingTest, GoesOnInEveryState) {
  TestCoordinator c;
  EXPECT_FALSE(TxnMachine(TxnSettings(), LeaderEpoch(1)).next_deadline().has_value());
  int number = 0;
  for (const TransactionState state :
       {kEmpty, kOngoing, kPrepareCommit, kPrepareAbort, kCompleteCommit, kCompleteAbort}) {
    TransactionMetadata metadata;
    metadata.producer_id = ProducerId(500 + number++);
    metadata.producer_epoch = ProducerEpoch(3);
    metadata.timeout = Millis(60'000);
    metadata.state = state;
    metadata.start = metadata.last_update = c.wall;
    metadata.client_transaction_version = 2;
    if (state == kOngoing || metadata.is_preparing())
      metadata.partitions.insert(TopicPartition{"t", PartitionId(0)});
    c.log.push_back(serialize_transaction(std::string(state_name(state)), metadata, 2));
  }
  c.fail_over();
  ASSERT_EQ(c.markers.size(), 2U);
  EXPECT_EQ(c.markers[0].transactional_id, "PrepareAbort");
  EXPECT_FALSE(c.markers[0].commit);
  EXPECT_EQ(c.markers[1].transactional_id, "PrepareCommit");
  EXPECT_TRUE(c.markers[1].commit);
  c.write_markers();
  EXPECT_EQ(c.state("PrepareAbort"), kCompleteAbort);
  EXPECT_EQ(c.state("PrepareCommit"), kCompleteCommit);
  for (const char* id : {"Empty", "CompleteCommit", "CompleteAbort"})
    EXPECT_EQ(c.init(id).error, ErrorCode::kNone);
  EXPECT_EQ(c.init("Ongoing"), failed(ErrorCode::kConcurrentTransactions));
}

TEST(TxnLoadingTest, TakesSeveralTicksForMany) {
  TxnSettings settings;
  settings.transactions_per_tick_max = 4;
  TestCoordinator c(settings);
  for (int i = 0; i < 10; ++i) {
    const std::string id = "a" + std::to_string(i);
    c.init(id);
    c.add(id, 1000 + i, 0, {0}, 5);
    c.end(id, 1000 + i, 0, true, 5);
  }
  c.fail_over();
  for (const std::size_t sent : {4U, 8U, 10U}) {
    EXPECT_EQ(c.markers.size(), sent);
    c.tick();
  }
  EXPECT_GT(c.machine.next_deadline(), c.now);
}

TEST(TxnLoadingTest, CountsAndSkipsWhatIsDamaged) {
  TestCoordinator c;
  c.init("a");
  const TransactionMetadata before = c.metadata("a");
  record::KeyedRecord cut = c.log.back();
  cut.value->pop_back();
  record::KeyedRecord unknown = c.log.back();
  unknown.key[1] = std::byte{9};
  c.log.push_back(cut);
  c.log.push_back(unknown);
  c.log.emplace_back();
  c.fail_over();
  EXPECT_EQ(c.machine.counters().records_skipped, 3U);
  EXPECT_EQ(c.metadata("a"), before);
}

TEST(TxnReadsTest, Describes) {
  TestCoordinator c;
  EXPECT_EQ(c.machine.describe("").error_code, static_cast<int>(ErrorCode::kInvalidRequest));
  EXPECT_EQ(c.machine.describe("a").error_code,
            static_cast<int>(ErrorCode::kTransactionalIdNotFound));
  c.init("a");
  c.add_all(c.transaction("a", 1000, 0, {2, 0}), 5);
  c.add_all(c.transaction("a", 1000, 0, {1}, "__consumer_offsets"), 5);
  DescribedTransaction described = c.machine.describe("a");
  EXPECT_EQ(described.error_code, 0);
  EXPECT_EQ(described.transactional_id, "a");
  EXPECT_EQ(described.transaction_state, "Ongoing");
  EXPECT_EQ(described.producer_id, 1000);
  EXPECT_EQ(described.producer_epoch, 0);
  EXPECT_EQ(described.transaction_timeout_ms, 60'000);
  EXPECT_EQ(described.transaction_start_time_ms, c.wall.value());
  ASSERT_EQ(described.topics.size(), 2U);
  EXPECT_EQ(described.topics[0].topic, "__consumer_offsets");
  EXPECT_EQ(described.topics[1].partitions, std::vector({0, 2}));
  c.end("a", 1000, 0, true, 5);
  MarkersToWrite part = c.markers.at(0);
  part.partitions.pop_back();
  c.written(part);
  described = c.machine.describe("a");
  ASSERT_EQ(described.topics.size(), 1U) << "those that have no marker yet";
  EXPECT_EQ(described.topics[0].partitions, std::vector({2}));
}

TEST(TxnReadsTest, ListsByFilters) {
  TestCoordinator c;
  c.init("a");
  c.init("b");
  c.add("b", 1001, 0, {0}, 5);
  c.pass(Millis(100));
  c.init("c");
  c.add("c", 1002, 0, {0}, 5);
  const auto listed = [&](const ListFilter& filter) {
    std::string out;
    for (const auto& each : c.machine.list(c.context(), filter)) out += each.transactional_id;
    return out;
  };
  ListFilter filter;
  EXPECT_EQ(listed(filter), "abc");
  filter.producer_ids = {ProducerId(1000), ProducerId(1002), ProducerId(7)};
  EXPECT_EQ(listed(filter), "ac");
  filter.by_state = true;
  filter.states = {kOngoing};
  EXPECT_EQ(listed(filter), "c");
  filter.states.clear();
  EXPECT_EQ(listed(filter), "") << "only names that are no states";
  filter = ListFilter();
  filter.by_state = true;
  filter.states = {kOngoing};
  filter.duration = Millis(99);
  EXPECT_EQ(listed(filter), "b");
  filter.duration = Millis(100);
  EXPECT_EQ(listed(filter), "") << "longer than, not as long as";
}

}  // namespace
}  // namespace moldau::txn
