// SPDX-License-Identifier: Apache-2.0
// The reading side against model brokers with fetch sessions, transactions, compaction, leaders
// that move and logs that are cut at either end: what is visible is read once, in order.
// KIP-227, KIP-320, KIP-392.
#include <gtest/gtest.h>

#include <random>

#include "machine/client/fetch_machine.h"
#include "record/control_record.h"

namespace moldau::client {
namespace {

constexpr int kPartitions = 3;
constexpr int kNodes = 2;
const Uuid kTopicId(5, 6);

TopicPartition partition_of(int index) {
  return {"t", PartitionId(index)};
}

struct ModelBatch {
  Slice bytes;
  std::int64_t base = 0;
  std::int64_t next = 0;
  std::vector<std::int64_t> visible;  // to those who read committed
  std::int64_t producer_id = -1;
};

struct ModelLog {
  std::vector<ModelBatch> batches;
  std::vector<std::pair<AbortedTransaction, std::int64_t>> aborted;  // and the marker's offset
  std::int64_t start = 0;
  std::int64_t next = 0;
  int leader = 0;
  std::int32_t epoch = 0;
};

/// The broker's side of a session.
struct ModelSession {
  std::int32_t id = 0;
  std::int32_t epoch = 0;
  std::map<TopicPartition, FetchWanted> partitions;
};

class Model {
 public:
  Model(std::uint64_t seed, bool faults)
      : random_(seed), faults_(faults), machine_(options(), {OffsetReset::Kind::kEarliest, {}}) {
    std::set<TopicPartition> all;
    for (int index = 0; index < kPartitions; ++index) {
      all.insert(partition_of(index));
      for (int i = 0; i < 120; ++i) write(logs_[index]);
    }
    publish();
    machine_.assign(all);
  }

  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }

  /// Reads everything; false if it does not come to the end.
  bool read_all() {
    for (int i = 0; i < 60'000; ++i) {
      turn();
      bool done = true;
      for (int index = 0; index < kPartitions; ++index)
        done &= machine_.position(partition_of(index)) == Offset(logs_[index].next);
      if (done) return true;
    }
    return false;
  }

  void turn() {
    now_ = now_ + Millis(1 + below(4));
    if (faults_ && below(200) == 0) move_leader(logs_[below(kPartitions)]);
    if (faults_ && below(300) == 0) delete_below(below(kPartitions));
    if (faults_ && below(150) == 0) ++sessions_lost_, sessions_[below(kNodes)] = {};
    if (faults_ && below(60) == 0) {
      const TopicPartition one = partition_of(below(kPartitions));
      machine_.pause(one, true);
      paused_.insert(one);
    }
    if (below(10) == 0)
      for (const TopicPartition& one : std::exchange(paused_, {})) machine_.pause(one, false);
    if (!machine_.take_stale_topics().empty()) publish();
    for (const ResetPlan& plan : machine_.due_resets(view_, now_)) answer_reset(plan);
    for (FetchPlan& plan : machine_.due_fetches(view_, now_)) flying_.push_back(std::move(plan));
    for (std::size_t i = flying_.size(); i > 0; --i) {
      if (below(2) == 0) continue;
      const FetchPlan plan = std::move(flying_[i - 1]);
      flying_.erase(flying_.begin() + static_cast<std::ptrdiff_t>(i - 1));
      answer(plan);
    }
    machine_.read(1 + static_cast<std::size_t>(below(20)), codecs_,
                  [this](const TopicPartition& partition, const record::RecordView& record,
                         LeaderEpoch) { take(partition, record); });
    for (const FetchTrouble& trouble : machine_.take_troubles())
      ADD_FAILURE() << trouble.partition.text() << " " << trouble.error.text();
  }

  void seek_back() {
    const int index = below(kPartitions);
    ModelLog& log = logs_[index];
    const auto to = log.start + below(static_cast<int>(log.next - log.start) + 1);
    machine_.seek(partition_of(index), Offset(to));
    expected_[index] = to;
  }
  std::size_t taken() const { return taken_; }

 private:
  static FetchOptions options() {
    FetchOptions out;
    out.read_committed = true;
    out.retry = Backoff{Millis(5), Millis(40)};
    return out;
  }

  void write(ModelLog& log) {
    record::BatchFields fields;
    fields.base_offset = Offset(log.next);
    fields.leader_epoch = LeaderEpoch(log.epoch);
    const int kind = below(6);
    if (kind == 5) return write_transaction(log, below(2) == 0);
    if (below(3) == 0) fields.compression.type = record::CompressionType::kLz4;
    add(log, fields, true, -1);
  }

  void add(ModelLog& log, record::BatchFields fields, bool visible, std::int64_t producer) {
    fields.base_offset = Offset(log.next);
    record::BatchBuilder builder(fields);
    ModelBatch batch;
    batch.base = log.next;
    batch.producer_id = producer;
    const int count = 1 + below(6);
    for (int i = 0; i < count; ++i) {
      // Compaction leaves gaps.
      if (i > 0 && below(4) == 0) continue;
      const std::string text = std::to_string(log.next + i);
      EXPECT_TRUE(
          builder.append_at(Offset(log.next + i), {Timestamp(1), std::nullopt, as_view(text), {}})
              .ok());
      if (visible) batch.visible.push_back(log.next + i);
    }
    builder.set_last_offset(Offset(log.next + count - 1));
    batch.bytes = builder.build(codecs_).value();
    log.next += count;
    batch.next = log.next;
    log.batches.push_back(std::move(batch));
  }

  void write_transaction(ModelLog& log, bool commit) {
    record::BatchFields fields;
    fields.transactional = true;
    fields.producer_id = ProducerId(1 + below(3));
    fields.producer_epoch = ProducerEpoch(0);
    fields.base_sequence = 0;
    fields.leader_epoch = LeaderEpoch(log.epoch);
    const AbortedTransaction begun{fields.producer_id, Offset(log.next)};
    const int count = 1 + below(3);
    for (int i = 0; i < count; ++i) {
      add(log, fields, commit, fields.producer_id.value());
      record::BatchFields between;
      between.leader_epoch = fields.leader_epoch;
      if (below(2) == 0) add(log, between, true, -1);
    }
    fields.control = true;
    fields.base_sequence = record::kNoSequence;
    fields.base_offset = Offset(log.next);
    const auto type =
        commit ? record::ControlRecordType::kCommit : record::ControlRecordType::kAbort;
    ModelBatch batch;
    if (!commit) log.aborted.emplace_back(begun, log.next);
    batch.base = log.next++;
    batch.next = log.next;
    batch.bytes = record::build_end_transaction_marker(fields, Timestamp(1), type, 0, codecs_);
    log.batches.push_back(std::move(batch));
  }

  void move_leader(ModelLog& log) {
    log.leader = below(kNodes);
    ++log.epoch;
  }

  void delete_below(int index) {
    ModelLog& log = logs_[index];
    const std::size_t gone = static_cast<std::size_t>(below(5));
    if (gone >= log.batches.size()) return;
    log.start = std::max(log.start, log.batches[gone].base);
    log.batches.erase(log.batches.begin(), log.batches.begin() + static_cast<std::ptrdiff_t>(gone));
  }

  void publish() {
    wire::MetadataResponse told;
    for (std::int32_t node = 0; node < kNodes; ++node) {
      auto& broker = told.brokers.emplace_back();
      broker.node_id = node;
      broker.host = "h";
      broker.port = 1;
    }
    auto& topic = told.topics.emplace_back();
    topic.name = "t";
    topic.topic_id = kTopicId;
    for (int index = 0; index < kPartitions; ++index) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = index;
      partition.leader_id = logs_[index].leader;
      partition.leader_epoch = logs_[index].epoch;
    }
    ASSERT_TRUE(view_.update(told, true).ok());
  }

  void answer_reset(const ResetPlan& plan) {
    if (faults_ && below(4) == 0) return machine_.resets_failed(plan, now_, random_());
    wire::ListOffsetsResponse told;
    auto& topic = told.topics.emplace_back();
    topic.name = "t";
    for (const ResetPlan::Part& part : plan.parts) {
      const int index = part.partition.partition.value();
      auto& one = topic.partitions.emplace_back();
      one.partition_index = index;
      if (logs_[index].leader != plan.node.value()) {
        one.error_code = to_wire(ErrorCode::kNotLeaderOrFollower);
        continue;
      }
      one.offset = part.timestamp == Timestamp(-2) ? logs_[index].start : logs_[index].next;
      expected_[index] = std::max(expected_[index], one.offset);
    }
    machine_.resets_answered(plan, told, now_, random_());
  }

  void answer(const FetchPlan& plan) {
    if (faults_ && below(15) == 0)
      return machine_.failed(plan, Error(ErrorCode::kNetworkException), now_, random_());
    ModelSession& session = sessions_[plan.node.value()];
    wire::FetchResponse told;
    if (!enter(session, plan)) {
      told.error_code = to_wire(ErrorCode::kFetchSessionIdNotFound);
      return machine_.answered(plan, Slice(), told, now_, random_());
    }
    std::map<TopicPartition, FetchWanted> named;
    for (const FetchPlan::Part& part : plan.parts) named[part.partition] = part.wanted;
    EXPECT_EQ(session.partitions, named) << "the broker remembers something else";
    told.session_id = session.id;
    auto& topic = told.responses.emplace_back();
    topic.topic_id = kTopicId;
    Slice frame = Slice::allocate(1 << 14);
    std::size_t used = 0;
    for (const auto& [partition, wanted] : session.partitions)
      fill(topic, plan.node.value(), partition, wanted, frame, used);
    machine_.answered(plan, frame, told, now_, random_());
  }

  bool enter(ModelSession& session, const FetchPlan& plan) {
    if (plan.session.epoch == 0) {
      session = {};
      // Not every broker has room for a session.
      session.id = faults_ && below(4) == 0 ? 0 : ++last_session_;
    } else if (plan.session.id != session.id || plan.session.epoch != session.epoch + 1 ||
               session.id == 0) {
      return false;
    } else {
      ++session.epoch;
    }
    for (const auto& [partition, id] : plan.session.forgotten) session.partitions.erase(partition);
    for (const auto& [partition, wanted] : plan.session.named)
      session.partitions[partition] = wanted;
    return true;
  }

  void fill(wire::FetchResponse::FetchableTopicResponse& topic, int node,
            const TopicPartition& partition, const FetchWanted& wanted, Slice& frame,
            std::size_t& used) {
    const int index = partition.partition.value();
    const ModelLog& log = logs_[index];
    auto& told = topic.partitions.emplace_back();
    told.partition_index = index;
    told.high_watermark = told.last_stable_offset = log.next;
    told.records = wire::Records::empty();
    if (log.leader != node) {
      told.error_code = to_wire(ErrorCode::kNotLeaderOrFollower);
      return;
    }
    if (wanted.offset.value() < log.start || wanted.offset.value() > log.next) {
      told.error_code = to_wire(ErrorCode::kOffsetOutOfRange);
      return;
    }
    const std::size_t begin = used;
    std::int64_t last = 0;
    for (const ModelBatch& batch : log.batches) {
      if (batch.next <= wanted.offset.value()) continue;
      std::size_t size = batch.bytes.size();
      if (used - begin > 300 || used + size > frame.size()) {
        // The last one may be cut short.
        size = std::min({size - 1, frame.size() - used, static_cast<std::size_t>(below(80))});
        std::copy_n(batch.bytes.data(), size, frame.data() + used);
        used += size;
        break;
      }
      std::copy_n(batch.bytes.data(), size, frame.data() + used);
      used += size;
      last = batch.next;
    }
    told.records = wire::Records(frame.view().subspan(begin, used - begin));
    told.aborted_transactions.emplace();
    for (const auto& [one, marker] : log.aborted) {
      if (one.first_offset.value() >= last || marker < wanted.offset.value()) continue;
      auto& aborted = told.aborted_transactions->emplace_back();
      aborted.producer_id = one.producer_id.value();
      aborted.first_offset = one.first_offset.value();
    }
  }

  void take(const TopicPartition& partition, const record::RecordView& record) {
    const int index = partition.partition.value();
    ++taken_;
    EXPECT_FALSE(paused_.contains(partition));
    EXPECT_EQ(as_text(*record.value), std::to_string(record.offset.value()));
    // The next visible one, or one behind a new log start.
    std::int64_t next = -1;
    for (const ModelBatch& batch : logs_[index].batches)
      for (const std::int64_t offset : batch.visible)
        if (next < 0 && offset >= expected_[index]) next = offset;
    if (record.offset.value() >= logs_[index].start) {
      EXPECT_EQ(record.offset.value(), next) << "partition " << index;
    }
    EXPECT_GE(record.offset.value(), expected_[index]);
    expected_[index] = record.offset.value() + 1;
  }

  std::mt19937_64 random_;
  const bool faults_;
  record::CompressionContext codecs_;
  ModelLog logs_[kPartitions];
  ClusterView view_;
  FetchMachine machine_;
  MonoTime now_{1'000'000};
  ModelSession sessions_[kNodes];
  std::int32_t last_session_ = 0;
  int sessions_lost_ = 0;
  std::vector<FetchPlan> flying_;
  std::set<TopicPartition> paused_;
  std::int64_t expected_[kPartitions] = {};
  std::size_t taken_ = 0;
};

TEST(FetchModelTest, ReadsWhatIsVisibleOnceAndInOrder) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model model(seed, false);
    EXPECT_TRUE(model.read_all());
    EXPECT_GT(model.taken(), 300U);
    if (HasFailure()) break;
  }
}

TEST(FetchModelTest, AlsoThroughFaultsDeletionsAndPauses) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model model(seed, true);
    EXPECT_TRUE(model.read_all());
    if (HasFailure()) break;
  }
}

TEST(FetchModelTest, SeeksDropWhatWasFetchedBefore) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model model(seed, true);
    for (int i = 0; i < 400; ++i) {
      model.turn();
      if (i % 37 == 36) model.seek_back();
    }
    EXPECT_TRUE(model.read_all());
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace moldau::client
