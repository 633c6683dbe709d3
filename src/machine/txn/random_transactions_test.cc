// SPDX-License-Identifier: Apache-2.0
// Random clients, partitions and crashes around one coordinator. Named invariants: no transaction
// is torn; none is committed unless its producer asked for that; what a producer was told holds; a
// replaced producer changes nothing; replaying the log gives the same state; nothing hangs.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <list>
#include <memory>
#include <random>

#include "machine/txn/test_coordinator.h"

namespace moldau::txn {
namespace {

constexpr int kIds = 3;
constexpr int kPartitions = 4;

/// A transaction as its producer knows it.
struct Known {
  bool commit_asked = false;
  std::optional<bool> told;    // committed?
  std::optional<bool> marked;  // by any partition
  int open_partitions = 0;
};

/// What a partition knows of a producer.
struct ProducerState {
  int epoch = -1;
  int coordinator_epoch = -1;
  std::shared_ptr<Known> open;
};

struct Client {
  std::string id;
  bool bumps = true;
  std::int64_t producer_id = -1;
  int epoch = -1;
  std::set<int> added;
  std::shared_ptr<Known> transaction;
  bool is_ending = false;
  /// The end was asked for, but what came of it is not known.
  bool repeats_end = false;
  bool awaits_init = false;
};

struct Asked {
  std::size_t client = 0;
  std::int64_t producer_id = -1;
  int epoch = -1;
  std::shared_ptr<Known> transaction;
  bool commit = false;
  int partition = -1;
  bool is_copy = false;
  bool goes_on = false;
};

struct EndSent {
  wire::EndTxnRequest request;
  std::int16_t version = 0;
};

struct MarkerSent {
  MarkersToWrite marker;
  bool is_ours = true;
};

class World {
 public:
  explicit World(unsigned seed)
      : random_(seed),
        level_(static_cast<std::int16_t>(1 + roll(2))),
        machine_(std::make_unique<TxnMachine>(settings_, LeaderEpoch(0))) {
    settings_.transactional_id_expiration = Millis(200'000);
    settings_.remove_expired_interval = Millis(5'000);
    machine_ = std::make_unique<TxnMachine>(settings_, LeaderEpoch(0));
    for (int i = 0; i < kIds; ++i) {
      Client& client = clients_.emplace_back();
      client.id = std::string(1, static_cast<char>('a' + i));
      client.bumps = level_ == 2 && roll(3) != 0;
      TransactionMetadata worn;
      worn.producer_id = ProducerId(500 + i);
      worn.producer_epoch = kProducerEpochMax - static_cast<std::int16_t>(roll(12));
      worn.last_update = wall_;
      log_.push_back(serialize_transaction(client.id, worn, level_));
      machine_->replay(log_.back().key, ByteView(*log_.back().value));
    }
    stage(machine_->loaded(context()));
  }

  void step() {
    switch (roll(14)) {
      case 0:
        return roll(4) == 0 ? init_anew(pick()) : void();
      case 1:
        return maybe_init(pick());
      case 2:
      case 3:
        return add(pick());
      case 4:
        return produce(pick());
      case 5:
      case 6:
        return end(pick());
      case 7:
        return redeliver_end();
      case 8:
      case 9:
        return commit(1 + roll(6));
      case 10:
        return deliver_marker();
      case 11:
        return give_producer_id();
      case 12:
        return pass(Millis(roll(12) == 0 ? 5'000 : roll(300)));
      default:
        return roll(8) == 0 ? crash() : deliver_marker();
    }
  }

  int committed = 0;
  int aborted = 0;
  int refused = 0;
  int rotated = 0;
  int crashes = 0;
  std::uint64_t timed_out = 0;

  /// All goes well from now on: everything must come to its end within timeout + 10 s.
  void settle() {
    for (int i = 0; i < 200; ++i) {
      while (!unstable_.empty()) commit_some();
      while (!wanted_.empty()) give_producer_id(true);
      while (!sent_markers_.empty()) deliver_marker(true);
      if (unstable_.empty()) pass(Millis(100));
    }
    for (const auto& listed : machine_->list(context(), ListFilter())) {
      EXPECT_NE(listed.state, TransactionState::kOngoing) << listed.transactional_id;
      EXPECT_FALSE(machine_->find(listed.transactional_id)->is_preparing());
    }
    for (const auto& [key, state] : producers_)
      EXPECT_EQ(state.open, nullptr) << "hangs in partition " << key.first;
  }

 private:
  int roll(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  Client& pick() { return clients_[static_cast<std::size_t>(roll(kIds))]; }
  TxnContext context() const { return {now_, wall_, image_, level_}; }

  struct Step {
    std::vector<record::KeyedRecord> records;
    std::vector<TxnAnswer> answers;
    std::vector<MarkersToWrite> markers;
  };

  void stage(TxnEffects effects) {
    for (const ProducerIdToken token : effects.need_producer_id) wanted_.push_back(token);
    Step step;
    step.records = std::move(effects.batch.records);
    step.answers = std::move(effects.answers);
    step.markers = std::move(effects.markers);
    unstable_.push_back(std::move(step));
  }

  void commit(int steps) {
    for (; steps > 0; --steps) commit_some();
  }

  void commit_some() {
    if (unstable_.empty()) return;
    Step step = std::move(unstable_.front());
    unstable_.pop_front();
    for (auto& record : step.records) log_.push_back(std::move(record));
    for (const TxnAnswer& answer : step.answers) deliver(answer);
    for (auto& marker : step.markers) sent_markers_.push_back({std::move(marker), true});
  }

  /// A new coordinator: what was appended last may be lost, with all that hung on it.
  void crash() {
    const auto kept = static_cast<std::size_t>(roll(static_cast<int>(unstable_.size()) + 1));
    const bool lossless = kept == unstable_.size();
    for (std::size_t i = 0; i < kept; ++i) {
      for (auto& record : unstable_[i].records) log_.push_back(std::move(record));
    }
    unstable_.clear();
    wanted_.clear();
    for (auto& sent : sent_markers_) sent.is_ours = false;
    asked_.clear();
    for (Client& client : clients_) {
      client.repeats_end = client.repeats_end || client.is_ending;
      client.is_ending = client.awaits_init = false;
    }
    ++crashes;
    timed_out += machine_->counters().transactions_timed_out;
    const std::unique_ptr<TxnMachine> before = std::move(machine_);
    machine_ = std::make_unique<TxnMachine>(settings_, LeaderEpoch(++coordinator_epoch_));
    for (const auto& record : log_) {
      machine_->replay(record.key,
                       record.value ? std::optional<ByteView>(*record.value) : std::nullopt);
    }
    EXPECT_EQ(machine_->counters().records_skipped, 0U);
    if (lossless) {
      EXPECT_EQ(machine_->transactional_ids(), before->transactional_ids());
      for (const auto& listed : before->list(context(), ListFilter())) {
        const auto* const found = machine_->find(listed.transactional_id);
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(*found, *before->find(listed.transactional_id)) << "replay equals state";
      }
    }
    stage(machine_->loaded(context()));
  }

  /// The client gets no answer and begins anew.
  static void forget_transaction(Client& client) {
    client.producer_id = -1;
    client.epoch = -1;
    client.added.clear();
    client.transaction.reset();
    client.is_ending = false;
    client.repeats_end = false;
    client.awaits_init = false;
  }

  /// Another process takes over, or the same one goes on after an error (KIP-360).
  void init_anew(Client& client) {
    const bool goes_on = client.producer_id >= 0 && roll(2) == 0;
    const std::pair producer(client.producer_id, client.epoch);
    forget_transaction(client);
    if (!goes_on) return maybe_init(client);
    init(client, producer.first, producer.second);
  }

  AnswerId ask(const Client& client, const Asked& asked) {
    Asked copy = asked;
    copy.client = static_cast<std::size_t>(&client - clients_.data());
    copy.producer_id = client.producer_id;
    copy.epoch = client.epoch;
    copy.transaction = client.transaction;
    asked_[++last_answer_] = copy;
    return last_answer_;
  }

  void maybe_init(Client& client) {
    if (client.producer_id < 0 && !client.awaits_init) init(client, -1, -1);
  }

  void init(Client& client, std::int64_t producer_id, int epoch) {
    client.awaits_init = true;
    wire::InitProducerIdRequest request;
    request.transactional_id = wire::Text(client.id);
    request.transaction_timeout_ms = 2'000 + roll(3'000);
    request.producer_id = producer_id;
    request.producer_epoch = static_cast<std::int16_t>(epoch);
    Asked asked;
    asked.goes_on = producer_id >= 0;
    const AnswerId id = ask(client, asked);
    stage(machine_->init_producer_id(context(), id, request, 5));
  }

  void add(Client& client) {
    if (client.producer_id < 0 || client.is_ending || client.repeats_end) return;
    if (!client.transaction) client.transaction = std::make_shared<Known>();
    Asked asked;
    asked.partition = roll(kPartitions);
    const AnswerId id = ask(client, asked);
    stage(machine_->add_partitions_to_txn(
        context(), id,
        TestCoordinator::transaction(client.id, client.producer_id, client.epoch,
                                     {asked.partition}),
        static_cast<std::int16_t>(client.bumps ? 5 : 3)));
  }

  void produce(Client& client) {
    if (client.is_ending || client.repeats_end || client.added.empty()) return;
    const int partition =
        *std::next(client.added.begin(), roll(static_cast<int>(client.added.size())));
    ProducerState& state = producers_[{partition, client.producer_id}];
    if (client.epoch < state.epoch) return forget_transaction(client);
    state.epoch = client.epoch;
    ASSERT_TRUE(!state.open || state.open == client.transaction) << "two transactions in one";
    if (!state.open) ++client.transaction->open_partitions;
    state.open = client.transaction;
  }

  void end(Client& client) {
    if (client.producer_id < 0 || client.is_ending || client.added.empty()) return;
    client.is_ending = true;
    Asked asked;
    asked.commit = client.repeats_end ? client.transaction->commit_asked : roll(3) != 0;
    client.transaction->commit_asked = asked.commit;
    EndSent sent;
    sent.request.transactional_id = wire::Text(client.id);
    sent.request.producer_id = client.producer_id;
    sent.request.producer_epoch = static_cast<std::int16_t>(client.epoch);
    sent.request.committed = asked.commit;
    sent.version = client.bumps ? 5 : 4;
    const AnswerId id = ask(client, asked);
    stage(machine_->end_txn(context(), id, sent.request, sent.version));
    if (client.bumps) ends_.push_back(std::move(sent));
  }

  /// A copy of an old EndTxn comes out of the network.
  void redeliver_end() {
    if (ends_.empty()) return;
    const EndSent& sent = ends_[static_cast<std::size_t>(roll(static_cast<int>(ends_.size())))];
    Asked asked;
    asked.is_copy = true;
    asked_[++last_answer_] = asked;
    stage(machine_->end_txn(context(), last_answer_, sent.request, sent.version));
  }

  void deliver(const TxnAnswer& answer) {
    const auto node = asked_.extract(answer.id);
    ASSERT_FALSE(node.empty()) << "answered twice";
    const Asked& asked = node.mapped();
    if (asked.is_copy) return;
    Client& client = clients_[asked.client];
    if (const auto* init = std::get_if<wire::InitProducerIdResponse>(&answer.response)) {
      deliver_init(client, asked, *init);
      return;
    }
    const bool is_current = client.producer_id == asked.producer_id &&
                            client.epoch == asked.epoch && client.transaction == asked.transaction;
    if (const auto* added = std::get_if<AddPartitionsResult>(&answer.response)) {
      const auto error = static_cast<ErrorCode>(
          added->topic_results[0].results_by_partition[0].partition_error_code);
      if (error == ErrorCode::kNone) expect_not_replaced(client, asked);
      if (!is_current || client.is_ending || client.repeats_end) return;
      if (error == ErrorCode::kNone) client.added.insert(asked.partition);
      if (error != ErrorCode::kNone && error != ErrorCode::kConcurrentTransactions)
        forget_transaction(client);
      return;
    }
    const auto& ended = std::get<wire::EndTxnResponse>(answer.response);
    deliver_end(client, asked, ended, is_current);
  }

  void deliver_init(Client& client, const Asked& asked,
                    const wire::InitProducerIdResponse& response) {
    if (response.error_code == 0) {
      const bool fresh = given_.emplace(response.producer_id, response.producer_epoch).second;
      // Who goes on may get what it was given before: the answer may have been lost.
      EXPECT_TRUE(fresh || asked.goes_on) << "two producers with the same id and epoch";
      newest_[client.id] = {response.producer_id, response.producer_epoch};
    }
    if (!client.awaits_init) return;
    client.awaits_init = false;
    if (response.error_code != 0) return;
    client.producer_id = response.producer_id;
    client.epoch = response.producer_epoch;
  }

  /// Answers come in the order of decisions: whoever was replaced before is refused.
  void expect_not_replaced(const Client& client, const Asked& asked) {
    const auto [producer_id, epoch] = newest_[client.id];
    EXPECT_TRUE(asked.producer_id > producer_id ||
                (asked.producer_id == producer_id && asked.epoch >= epoch))
        << "a replaced producer changed something";
  }

  void deliver_end(Client& client, const Asked& asked, const wire::EndTxnResponse& response,
                   bool is_current) {
    const auto error = static_cast<ErrorCode>(response.error_code);
    if (error == ErrorCode::kNone) {
      expect_not_replaced(client, asked);
      if (!asked.transaction->told) asked.transaction->told = asked.commit;
      EXPECT_EQ(*asked.transaction->told, asked.commit);
      if (asked.transaction->marked) {
        EXPECT_EQ(*asked.transaction->marked, asked.commit) << "told one, did the other";
      }
    }
    if (!is_current) return;
    client.is_ending = false;
    client.repeats_end = error == ErrorCode::kConcurrentTransactions ||
                         error == ErrorCode::kCoordinatorLoadInProgress;
    if (client.repeats_end) return;
    if (error != ErrorCode::kNone) {
      ++refused;
      return forget_transaction(client);
    }
    if (client.producer_id != response.producer_id && client.bumps) ++rotated;
    ++(asked.commit ? committed : aborted);
    client.added.clear();
    client.transaction.reset();
    if (!client.bumps) return;
    client.producer_id = response.producer_id;
    client.epoch = response.producer_epoch;
  }

  void give_producer_id(bool surely = false) {
    if (wanted_.empty()) return;
    const ProducerIdToken token = wanted_.front();
    wanted_.pop_front();
    Result<ProducerId> given = next_producer_id_;
    if (!surely && roll(4) == 0) {
      given = Error(ErrorCode::kCoordinatorLoadInProgress);
    } else {
      ++next_producer_id_;
    }
    stage(machine_->producer_id_given(context(), token, given));
  }

  void pass(Millis span) {
    now_ = now_ + span;
    wall_ = wall_ + span.value();
    if (const auto due = machine_->next_deadline(); due && *due <= now_)
      stage(machine_->tick(context()));
  }

  void deliver_marker(bool surely = false) {
    if (sent_markers_.empty()) return;
    const auto at = sent_markers_.begin() + roll(static_cast<int>(sent_markers_.size()));
    const MarkerSent sent = std::move(*at);
    sent_markers_.erase(at);
    const MarkersToWrite& marker = sent.marker;
    std::vector<MarkerResult> results;
    for (const TopicPartition& partition : marker.partitions) {
      const int luck = surely ? 9 : roll(10);
      ErrorCode error = ErrorCode::kNotLeaderOrFollower;
      if (luck > 1) error = write_marker(partition.partition.value(), marker);
      // Written, but the connection broke.
      if (luck == 2) error = ErrorCode::kNetworkException;
      results.emplace_back(partition, error);
    }
    if (!sent.is_ours) return;
    stage(machine_->markers_written(context(), marker.transactional_id, marker.producer_id,
                                    marker.producer_epoch, results));
  }

  /// A leader's rules, as of WriteTxnMarkers version 2.
  ErrorCode write_marker(int partition, const MarkersToWrite& marker) {
    ProducerState& state = producers_[{partition, marker.producer_id.value()}];
    const int epoch = marker.producer_epoch.value();
    if (marker.coordinator_epoch.value() < state.coordinator_epoch)
      return ErrorCode::kTransactionCoordinatorFenced;
    const bool is_stale = marker.transaction_version >= 2
                              ? epoch < state.epoch || (epoch == state.epoch && state.open)
                              : epoch < state.epoch;
    if (is_stale) return ErrorCode::kInvalidProducerEpoch;
    state.epoch = epoch;
    state.coordinator_epoch = marker.coordinator_epoch.value();
    if (!state.open) return ErrorCode::kNone;
    const std::shared_ptr<Known> open = std::exchange(state.open, nullptr);
    --open->open_partitions;
    if (!open->marked) open->marked = marker.commit;
    EXPECT_EQ(*open->marked, marker.commit) << "torn";
    EXPECT_TRUE(!marker.commit || open->commit_asked) << "committed by somebody else";
    if (open->told) {
      EXPECT_EQ(*open->told, marker.commit) << "told one, did the other";
    }
    return ErrorCode::kNone;
  }

  std::mt19937 random_;
  TxnSettings settings_;
  std::int16_t level_;
  std::unique_ptr<TxnMachine> machine_;
  int coordinator_epoch_ = 0;
  MonoTime now_{0};
  Timestamp wall_{1'700'000'000'000};
  image::MetadataImage image_ = image_with({"t"});
  std::vector<Client> clients_;
  std::vector<record::KeyedRecord> log_;
  std::deque<Step> unstable_;
  std::deque<ProducerIdToken> wanted_;
  ProducerId next_producer_id_{1000};
  std::vector<MarkerSent> sent_markers_;
  std::vector<EndSent> ends_;
  std::map<AnswerId, Asked> asked_;
  AnswerId last_answer_{0};
  std::map<std::pair<int, std::int64_t>, ProducerState> producers_;
  std::set<std::pair<std::int64_t, int>> given_;
  std::map<std::string, std::pair<std::int64_t, int>> newest_;
};

TEST(RandomTransactionsTest, InvariantsHoldThroughCrashes) {
  int committed = 0;
  int aborted = 0;
  int refused = 0;
  int rotated = 0;
  int crashes = 0;
  std::uint64_t timed_out = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    for (int i = 0; i < 1'500 && !testing::Test::HasFailure(); ++i) world.step();
    world.settle();
    if (testing::Test::HasFailure()) return;
    committed += world.committed;
    aborted += world.aborted;
    refused += world.refused;
    rotated += world.rotated;
    crashes += world.crashes;
    timed_out += world.timed_out;
  }
  // It was about something.
  EXPECT_GT(committed, 300);
  EXPECT_GT(aborted, 100);
  EXPECT_GT(refused, 20);
  EXPECT_GT(rotated, 10);
  EXPECT_GT(crashes, 100);
  EXPECT_GT(timed_out, 50U);
  RecordProperty("committed", committed);
  RecordProperty("rotated", rotated);
}

}  // namespace
}  // namespace moldau::txn
