// SPDX-License-Identifier: Apache-2.0
// Random lives of a streams group: whatever members, topics and time do, no task has two owners,
// epochs never fall, and the log says all.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "machine/group/group_table.h"
#include "machine/group/record_kinds.h"
#include "machine/group/streams_group.h"
#include "machine/group/test_streams.h"

namespace moldau::group {
namespace {

/// The log, replayed on its own.
class Replayed {
 public:
  void catch_up(const std::vector<record::KeyedBatch>& log) {
    for (; at_ < log.size(); ++at_) {
      for (const record::KeyedRecord& record : log[at_].records) {
        const ByteView key(record.key);
        std::optional<ByteView> value;
        if (record.value) value = ByteView(*record.value);
        const auto type = static_cast<std::int16_t>((std::to_integer<int>(key[0]) << 8) |
                                                    std::to_integer<int>(key[1]));
        EXPECT_EQ(
            replay_streams_record(ReplayTarget(groups_, subscribers_), type, key.subspan(2), value),
            group::Replayed::kApplied);
      }
    }
  }
  const StreamsGroup* group() const {
    return static_cast<const StreamsGroup*>(groups_.find("app"));
  }

 private:
  TopicSubscribers subscribers_;
  GroupTable groups_;
  std::size_t at_ = 0;
};

class Life {
 public:
  explicit Life(std::uint32_t seed)
      : random_(seed), c_(pick(2) * 3'000, static_cast<std::int32_t>(pick(3))) {
    c_.show_all();
  }

  void step() {
    switch (pick(12)) {
      case 0:
        if (threads_.size() < 7) join();
        break;
      case 1:
        if (!threads_.empty()) leave(pick(threads_.size()));
        break;
      case 2:
        if (!threads_.empty()) threads_.erase(threads_.begin() + long(pick(threads_.size())));
        break;
      case 3:
        c_.pass(Millis(static_cast<std::int64_t>(pick(20'000))));
        break;
      case 4:
        change_topics();
        break;
      default:
        if (!threads_.empty()) beat(pick(threads_.size()));
    }
    check();
  }

  /// Nothing changes any more: all tasks find an owner.
  void settle() {
    c_.show_all();
    if (threads_.empty()) join();
    for (int i = 0; i < 40; ++i) {
      c_.pass(Millis(3'000));
      for (std::size_t k = threads_.size(); k-- > 0;) beat(k);
      if (threads_.empty()) join();
      check();
    }
    EXPECT_EQ(c_.group_state(), "Stable");
    std::size_t tasks = 0;
    for (const StreamsThread& thread : threads_) {
      for (const auto& [part, partitions] : tasks_of(thread.active)) tasks += partitions.size();
    }
    EXPECT_EQ(tasks, 6U);
  }

 private:
  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }

  void join() {
    StreamsThread& thread = threads_.emplace_back();
    thread.member = "m" + std::to_string(++members_);
    thread.process = "p" + std::to_string(pick(3));
    thread.has_endpoint = pick(2) == 0;
    beat(threads_.size() - 1);
  }
  void leave(std::size_t index) {
    const ErrorCode error = c_.leave(threads_[index]);
    EXPECT_TRUE(error == ErrorCode::kNone || error == ErrorCode::kUnknownMemberId);
    threads_.erase(threads_.begin() + long(index));
  }
  void beat(std::size_t index) {
    StreamsThread& thread = threads_[index];
    // An answer that is lost: the member sends the same again.
    if (pick(8) == 0) (void)c_.send(thread.request(c_.topology));
    const ErrorCode error = c_.beat(thread);
    if (error == ErrorCode::kNone) return;
    EXPECT_TRUE(error == ErrorCode::kUnknownMemberId || error == ErrorCode::kFencedMemberEpoch ||
                error == ErrorCode::kInvalidRequest)
        << error_name(error);
    threads_.erase(threads_.begin() + long(index));
  }
  void change_topics() {
    std::map<std::string, int> topics{{"lines", 3}};
    if (pick(3) > 0) topics["words-repartition"] = 3;
    if (pick(3) > 0) topics["counts-changelog"] = 3;
    if (pick(6) == 0) topics.clear();
    c_.show(topics);
  }

  void check() {
    log_.catch_up(c_.log);
    const auto described = c_.machine.describe_streams("app");
    if (described.error_code != 0) return;
    const StreamsGroup* replayed = log_.group();
    ASSERT_NE(replayed, nullptr);
    EXPECT_EQ(described.group_epoch, replayed->epoch());
    EXPECT_EQ(described.assignment_epoch, replayed->assignment_epoch());
    EXPECT_EQ(described.group_state, std::string(replayed->state_name()));
    EXPECT_GE(described.group_epoch, epoch_);
    EXPECT_GE(described.assignment_epoch, assignment_epoch_);
    EXPECT_LE(described.assignment_epoch, described.group_epoch);
    epoch_ = described.group_epoch;
    assignment_epoch_ = described.assignment_epoch;
    ASSERT_EQ(described.members.size(), replayed->members().size());
    std::set<std::pair<std::string, std::int32_t>> owned;
    for (const auto& [id, member] : replayed->members()) {
      std::int32_t& last = epochs_[id];
      EXPECT_GE(member.epoch, last) << "of " << id;
      last = member.epoch;
      for (const auto* tasks : {&member.assigned, &member.pending_revocation}) {
        for (const auto& [part, partitions] : tasks->active) {
          for (const auto& [partition, since] : partitions) {
            EXPECT_TRUE(owned.emplace(part, partition).second)
                << part << "-" << partition << " has two owners";
          }
        }
      }
    }
  }

  std::mt19937 random_;
  StreamsCoordinator c_;
  Replayed log_;
  std::vector<StreamsThread> threads_;
  std::map<std::string, std::int32_t> epochs_;
  std::int32_t epoch_ = 0;
  std::int32_t assignment_epoch_ = 0;
  int members_ = 0;
};

TEST(StreamsRandomTest, TasksHaveOneOwnerAndTheLogSaysAll) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Life life(seed);
    for (int i = 0; i < 150 && !testing::Test::HasFailure(); ++i) life.step();
    if (!testing::Test::HasFailure()) life.settle();
    if (testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace moldau::group
