// SPDX-License-Identifier: Apache-2.0
// Random members on one share partition whose state is kept by a ShareMachine: a record has one
// owner at a time, is not seen again after its acknowledgement was stored, is delivered a limited
// number of times, and none is forgotten.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "machine/share/share_partition.h"
#include "machine/share/test_share.h"

namespace moldau::share {
namespace {

using enum DeliveryState;

struct Record {
  bool exists = true;  // false: compaction took it
  std::string owner;
  MonoTime owned_until{0};
  /// Stored as accepted or rejected, or aborted, or given up.
  bool done = false;
  int deliveries = 0;
};

struct World {
  explicit World(std::uint32_t seed) : random(seed), store(small_snapshots()) {
    settings.record_locks_max = 30 + draw(100);
    settings.delivery_limit = static_cast<std::int16_t>(2 + draw(6));
    EXPECT_EQ(store.initialize(key, 0, 0).error, ErrorCode::kNone);
    load();
  }
  static ShareStateSettings small_snapshots() {
    ShareStateSettings out;
    out.updates_per_snapshot = 7;
    return out;
  }
  int draw(int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }

  /// A new leader takes over: what was not stored is forgotten.
  void load() {
    under_way.clear();
    ++leader;
    const ReadOutcome read = store.read(key, leader);
    ASSERT_EQ(read.error, ErrorCode::kNone);
    partition.emplace(LeaderEpoch(leader), read.state_epoch, read.start_offset);
    ASSERT_TRUE(partition->recover(read.batches));
    partition->advance_log_start(Offset(log_start));
    for (Record& record : records) record.owner.clear();
  }

  void append() {
    std::int64_t base = static_cast<std::int64_t>(records.size());
    const std::int64_t count = 1 + draw(12);
    FetchedBatch batch(Offset(base), Offset(base + count - 1));
    if (draw(5) == 0) {
      batch.producer_id = ProducerId(draw(3));
      batch.is_transactional = true;
      if (draw(2) == 0) aborted.emplace_back(batch.producer_id, batch.base);
    }
    log.push_back(batch);
    records.resize(records.size() + static_cast<std::size_t>(count));
    if (batch.is_transactional) {
      FetchedBatch marker(batch.last + 1, batch.last + 1);
      marker.producer_id = batch.producer_id;
      marker.is_abort_marker = !aborted.empty() && aborted.back().first == batch.base;
      if (marker.is_abort_marker)
        for (std::int64_t o = base; o < base + count; ++o) at(Offset(o)).done = true;
      log.push_back(marker);
      records.emplace_back();
    }
  }
  Record& at(Offset offset) { return records[static_cast<std::size_t>(offset.value())]; }

  FetchedRecords fetch() {
    FetchedRecords out;
    out.fetch_offset = partition->next_fetch_offset();
    if (out.fetch_offset.value() < log_start) {
      partition->advance_log_start(Offset(log_start));
      out.fetch_offset = partition->next_fetch_offset();
    }
    int left = 1 + draw(5);
    for (const FetchedBatch& batch : log) {
      if (batch.last < out.fetch_offset) continue;
      if (left-- == 0) break;
      out.batches.push_back(batch);
    }
    if (!out.batches.empty())
      for (const AbortedRange& one : aborted)
        if (one.first <= out.batches.back().last && one.first >= out.batches.front().base)
          out.aborted.push_back(one);
    return out;
  }

  void acquire() {
    if (!partition->can_acquire(settings)) return;
    const std::string member = "m" + std::to_string(draw(3));
    AcquireWish wish;
    wish.member = member;
    wish.records_max = 1 + draw(30);
    wish.batch_size = 1 + draw(10);
    wish.record_limit = draw(2) == 0;
    const FetchedRecords fetched = fetch();
    const Acquired got = partition->acquire(settings, wish, fetched, store.now);
    std::int64_t sum = 0;
    for (const AcquiredRange& range : got.ranges) {
      ASSERT_LE(range.first, range.last);
      sum += range.last - range.first + 1;
      ASSERT_LE(range.delivery_count, settings.delivery_limit);
      for (Offset o = range.first; o <= range.last; ++o) {
        ASSERT_GE(o, partition->start_offset());
        ASSERT_LT(o.value(), static_cast<std::int64_t>(records.size()));
        Record& record = at(o);
        ASSERT_TRUE(record.owner.empty()) << o.value() << " is held by " << record.owner;
        ASSERT_FALSE(record.done) << o.value() << " is done with";
        record.owner = member;
        record.owned_until = store.now + settings.lock_duration;
        ++record.deliveries;
      }
    }
    if (wish.record_limit) {
      ASSERT_LE(sum, wish.records_max);
    }
    ASSERT_LE(partition->in_flight(), settings.record_locks_max + 14 * 8);
  }

  struct Said {
    Offset offset;
    std::int8_t type;
  };
  struct UnderWay {
    StateToWrite write;
    std::vector<Said> said;
    std::string member;
  };

  void acknowledge() {
    const std::string member = "m" + std::to_string(draw(3));
    std::vector<Acknowledgement> batches;
    std::vector<Said> said;
    const bool wrong = draw(20) == 0;
    const auto is_held = [&](std::int64_t o) {
      return at(Offset(o)).owner == member && !is_under_way(Offset(o));
    };
    for (std::int64_t o = 0; o < static_cast<std::int64_t>(records.size()); ++o) {
      if (!is_held(o) || draw(3) == 0) continue;
      const bool of_one_type = draw(2) == 0;
      Acknowledgement one;
      one.first = Offset(o);
      while (o < static_cast<std::int64_t>(records.size()) && is_held(o) && draw(8) != 0) {
        one.last = Offset(o);
        one.types.push_back(of_one_type && !one.types.empty() ? one.types[0]
                                                              : static_cast<std::int8_t>(draw(5)));
        said.push_back({Offset(o), one.types.back()});
        ++o;
      }
      if (one.types.empty()) continue;
      if (of_one_type) one.types.resize(1);
      batches.push_back(one);
      if (draw(3) == 0) break;
    }
    if (wrong && !batches.empty()) batches.push_back(batches.front());
    const AcknowledgeOutcome outcome = partition->acknowledge(settings, member, batches, store.now);
    if (wrong && !batches.empty()) {
      // A renewal may be said twice.
      if (outcome.error != ErrorCode::kNone) {
        ASSERT_FALSE(outcome.write);
        renew(said);
        return;
      }
    }
    ASSERT_EQ(outcome.error, ErrorCode::kNone) << outcome.message;
    renew(said);
    if (outcome.write) under_way.push_back({*outcome.write, said, member});
  }
  void renew(const std::vector<Said>& said) {
    for (const Said& one : said)
      if (one.type == 4) at(one.offset).owned_until = store.now + settings.lock_duration;
  }

  /// The oldest write arrives.
  void write() {
    if (under_way.empty()) return;
    UnderWay one = std::move(under_way.front());
    under_way.pop_front();
    const bool fails = draw(10) == 0;
    if (!fails) {
      const StateOutcome stored =
          store.write(key, one.write.state_epoch, one.write.leader_epoch.value(),
                      one.write.start_offset.value(), one.write.batches);
      ASSERT_EQ(stored.error, ErrorCode::kNone);
    }
    partition->written(one.write.id, !fails, settings, store.now);
    for (const Said& said : one.said) {
      Record& record = at(said.offset);
      if (said.type == 4 || said.offset.value() < log_start) continue;
      if (!fails || record.owned_until <= store.now) record.owner.clear();
      if (fails) continue;
      const bool is_last = record.deliveries >= settings.delivery_limit;
      if (said.type != 2 || is_last) record.done = said.type != 2;
    }
  }

  void pass() {
    store.pass(Millis(draw(20'000)));
    const auto expired = partition->tick(settings, store.now);
    for (std::size_t o = 0; o < records.size(); ++o)
      if (records[o].owned_until <= store.now &&
          !is_under_way(Offset(static_cast<std::int64_t>(o))))
        records[o].owner.clear();
    if (!expired) return;
    UnderWay one;
    one.write = *expired;
    under_way.push_back(one);
  }
  bool is_under_way(Offset offset) const {
    for (const UnderWay& one : under_way)
      for (const Said& said : one.said)
        if (said.offset == offset && said.type != 4) return true;
    return false;
  }

  void truncate_front() {
    if (log.size() < 3) return;
    log_start = log[1].base.value();
    log.erase(log.begin());
    partition->advance_log_start(Offset(log_start));
    for (std::int64_t o = 0; o < log_start; ++o) {
      at(Offset(o)).done = true;
      at(Offset(o)).owner.clear();
    }
  }

  void step() {
    switch (draw(16)) {
      case 0:
      case 1:
        return append();
      case 2:
      case 3:
      case 4:
      case 5:
        return acquire();
      case 6:
      case 7:
      case 8:
        return acknowledge();
      case 9:
      case 10:
      case 11:
      case 12:
        return write();
      case 13:
        return pass();
      case 14:
        if (draw(10) == 0) truncate_front();
        return;
      default:
        if (draw(10) == 0) load();
    }
  }

  std::mt19937 random;
  TestStore store;
  SharePartitionSettings settings;
  SharePartitionKey key{"g", kTopic, PartitionId(1)};
  int leader = 0;
  std::optional<SharePartition> partition;
  std::vector<Record> records;
  std::vector<FetchedBatch> log;
  std::vector<AbortedRange> aborted;
  std::deque<UnderWay> under_way;
  std::int64_t log_start = 0;
};

/// For a look at a failure.
std::string text_of(const SharePartition& partition) {
  std::string out = std::to_string(partition.start_offset().value()) + " to " +
                    std::to_string(partition.end_offset().value()) + ":";
  for (const auto& [first, batch] : partition.batches())
    for (const InFlightRun& run : batch.runs())
      out += (run.first == first ? " | " : " ") + std::to_string(run.first.value()) + "-" +
             std::to_string(run.last.value()) + "=" +
             std::to_string(static_cast<int>(run.state.state)) + "x" +
             std::to_string(run.state.delivery_count) + (run.state.under_way() ? "*" : "");
  return out;
}

void check_count(const World& world) {
  std::int64_t terminal = 0;
  for (const auto& [first, batch] : world.partition->batches())
    for (const InFlightRun& run : batch.runs()) {
      ASSERT_LE(run.first, run.last);
      if (is_terminal(run.state.state) && run.last >= world.partition->start_offset())
        terminal += run.last - std::max(run.first, world.partition->start_offset()) + 1;
    }
  ASSERT_EQ(terminal, world.partition->delivery_complete_count()) << text_of(*world.partition);
}

/// Everybody accepts what he gets, until there is nothing left.
void drain(World& world) {
  for (int i = 0; i < 20'000; ++i) {
    while (!world.under_way.empty()) {
      ASSERT_NO_FATAL_FAILURE(world.write());
    }
    world.store.pass(Millis(40'000));
    if (const auto expired = world.partition->tick(world.settings, world.store.now)) {
      World::UnderWay one;
      one.write = *expired;
      world.under_way.push_back(one);
      continue;
    }
    for (Record& record : world.records) record.owner.clear();
    AcquireWish wish;
    wish.member = "last";
    wish.records_max = 50;
    wish.batch_size = 50;
    const FetchedRecords fetched = world.fetch();
    if (fetched.batches.empty()) return;
    const Acquired got = world.partition->acquire(world.settings, wish, fetched, world.store.now);
    std::vector<Acknowledgement> all;
    for (const AcquiredRange& range : got.ranges) {
      Acknowledgement one;
      one.first = range.first;
      one.last = range.last;
      one.types = {1};
      all.push_back(one);
      for (Offset o = range.first; o <= range.last; ++o) {
        ASSERT_FALSE(world.at(o).done) << o.value();
        ++world.at(o).deliveries;
      }
    }
    const auto outcome = world.partition->acknowledge(world.settings, "last", all, world.store.now);
    ASSERT_EQ(outcome.error, ErrorCode::kNone);
    if (!outcome.write) continue;
    World::UnderWay one;
    one.write = *outcome.write;
    for (const AcquiredRange& range : got.ranges)
      for (Offset o = range.first; o <= range.last; ++o) one.said.push_back({o, 1});
    world.under_way.push_back(one);
  }
  FAIL() << "there is no end: " << text_of(*world.partition);
}

// KIP-932
TEST(RandomShareTest, EachRecordHasOneOwnerAndNoneIsLost) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    for (int i = 0; i < 600; ++i) {
      SCOPED_TRACE(i);
      ASSERT_NO_FATAL_FAILURE(world.step());
      ASSERT_NO_FATAL_FAILURE(check_count(world));
      ASSERT_FALSE(testing::Test::HasNonfatalFailure());
    }
    ASSERT_EQ(*world.store.replayed().find(world.key), *world.store.machine.find(world.key));
    ASSERT_NO_FATAL_FAILURE(drain(world));
    ASSERT_EQ(
        world.partition->start_offset().value(),
        std::max<std::int64_t>(world.log_start, static_cast<std::int64_t>(world.records.size())));
    for (std::size_t o = 0; o < world.records.size(); ++o)
      ASSERT_TRUE(world.records[o].done || world.records[o].deliveries > 0) << o;
  }
}

}  // namespace
}  // namespace moldau::share
