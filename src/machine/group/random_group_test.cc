// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "machine/group/test_offsets.h"

// Random clients against one group; whatever they do, a successor that reads the log knows the same
// hard state, and every request is answered once.

namespace moldau::group {
namespace {

/// splitmix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

 private:
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

/// A consumer as real ones behave: what it does next follows from its last answer.
struct RandomClient {
  std::optional<std::string> instance;
  std::string member;
  std::int32_t generation = -1;
  std::optional<AnswerId> joining;
  std::optional<AnswerId> syncing;
};

class RandomGroup {
 public:
  explicit RandomGroup(std::uint64_t seed) : random_(seed) {
    clients_.resize(5);
    clients_[0].instance = "zero";
    clients_[1].instance = "one";
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      act();
      if (coordinator_.state() == "Stable" || coordinator_.state() == "Empty") check();
    }
    check_offsets();
    // All that wait are answered in the end.
    coordinator_.pass(Millis(2'000'000));
    for (RandomClient& client : clients_) collect(client);
    for (const RandomClient& client : clients_) {
      EXPECT_FALSE(client.joining) << client.member;
      EXPECT_FALSE(client.syncing) << client.member;
    }
    EXPECT_EQ(coordinator_.machine.counts().damaged_records, 0);
  }

  std::int64_t rebalances() const { return coordinator_.machine.counts().completed_rebalances; }

 private:
  void act() {
    RandomClient& client = clients_[random_.below(clients_.size())];
    collect(client);
    switch (random_.below(12)) {
      case 0:
        return coordinator_.pass(Millis(static_cast<std::int64_t>(random_.below(20'000))));
      case 1:
        return commit_some(client);
      case 2:
        return end_some();
      case 3:
        if (random_.below(4) == 0) leave(client);
        return;
      case 4:
        // It is restarted.
        if (random_.below(4) == 0) {
          client.member.clear();
          client.generation = -1;
        }
        return;
      case 5:
        if (!client.member.empty()) coordinator_.heartbeat(client.member, client.generation);
        return;
      case 6:
        if (random_.below(8) == 0) delete_group(coordinator_);
        return;
      default:
        if (client.joining || client.syncing) return coordinator_.pass(Millis(1'500));
        if (client.generation >= 0 && random_.below(6) != 0) return sync(client);
        return join(client);
    }
  }

  void collect(RandomClient& client) {
    if (client.joining && coordinator_.has(*client.joining)) {
      const auto& response = coordinator_.joined(*client.joining);
      const auto error = static_cast<ErrorCode>(response.error_code);
      client.generation = error == ErrorCode::kNone ? response.generation_id : -1;
      client.member.clear();
      if (error == ErrorCode::kNone || error == ErrorCode::kMemberIdRequired) {
        client.member = response.member_id.str();
      }
      members_.clear();
      for (const auto& member : response.members) members_.push_back(member.member_id.str());
      client.joining.reset();
    }
    if (client.syncing && coordinator_.has(*client.syncing)) client.syncing.reset();
  }

  void join(RandomClient& client) {
    Joiner joiner;
    joiner.member = client.member;
    joiner.instance = client.instance;
    joiner.rebalance_ms = 15'000;
    joiner.version = client.instance ? 9 : static_cast<std::int16_t>(3 + random_.below(7));
    joiner.protocols = {{"range", subscription({"orders"})}};
    if (random_.below(3) == 0) joiner.protocols.emplace_back("sticky", "x");
    if (random_.below(5) == 0) joiner.protocols[0].second = subscription({"orders", "others"});
    client.joining = coordinator_.join(joiner);
  }

  void sync(RandomClient& client) {
    std::map<std::string, std::string> assignments;
    for (const std::string& member : members_) {
      assignments[member] = std::to_string(random_.below(1'000));
    }
    client.syncing =
        coordinator_.sync(client.member, client.generation, assignments, client.instance);
  }

  void leave(RandomClient& client) {
    coordinator_.leave({{client.member, client.instance}});
    client.member.clear();
    client.generation = -1;
  }

  void commit_some(const RandomClient& client) {
    Commit c;
    c.member = client.member;
    c.generation = client.generation;
    c.instance = client.generation >= 0 ? client.instance : std::nullopt;
    c.topic = random_.below(2) == 0 ? "orders" : "others";
    c.partition = static_cast<std::int32_t>(random_.below(4));
    c.offset = static_cast<std::int64_t>(random_.below(1'000));
    if (random_.below(3) != 0) {
      commit(coordinator_, c);
    } else {
      commit_in_transaction(coordinator_, static_cast<std::int64_t>(random_.below(3)), c);
    }
  }

  void end_some() {
    // Markers are not in the log of this test: it looks only at what they have left.
    const auto producer = ProducerId(static_cast<std::int64_t>(random_.below(3)));
    const bool commits = random_.below(2) == 0;
    coordinator_.machine.end_transaction(producer, commits);
    record::KeyedBatch marker;
    marker.producer_id = producer;
    marker.producer_epoch = ProducerEpoch(commits ? 1 : 0);
    coordinator_.log.push_back(marker);
  }

  /// A machine that has read the log, with its markers: batches without records.
  GroupMachine successor() const {
    GroupMachine out(coordinator_.settings);
    for (const auto& batch : coordinator_.log) {
      if (batch.records.empty()) {
        out.end_transaction(*batch.producer_id, batch.producer_epoch == ProducerEpoch(1));
      }
      for (const auto& record : batch.records) {
        std::optional<ByteView> value;
        if (record.value) value = ByteView(*record.value);
        if (batch.producer_id) {
          out.replay_transactional(*batch.producer_id, batch.producer_epoch, record.key, value);
        } else {
          out.replay(record.key, value);
        }
      }
    }
    return out;
  }

  void check() { ASSERT_EQ(successor().describe("g", 6), coordinator_.describe()); }
  void check_offsets() {
    const GroupMachine other = successor();
    EXPECT_EQ(fetch_all(other, coordinator_.image),
              fetch_all(coordinator_.machine, coordinator_.image));
    EXPECT_EQ(fetch_all(other, coordinator_.image, "g", true),
              fetch_all(coordinator_.machine, coordinator_.image, "g", true));
    EXPECT_EQ(other.counts().offsets, coordinator_.machine.counts().offsets);
    EXPECT_EQ(other.counts().open_transactions, coordinator_.machine.counts().open_transactions);
  }

  Random random_;
  TestCoordinator coordinator_;
  std::vector<RandomClient> clients_;
  /// What the last leader was told.
  std::vector<std::string> members_;
};

TEST(RandomGroupTest, ASuccessorKnowsTheSameHardState) {
  std::int64_t rebalances = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomGroup group(seed);
    group.run(300);
    rebalances += group.rebalances();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(rebalances, 100) << "the clients got somewhere";
}

}  // namespace
}  // namespace moldau::group
