// SPDX-License-Identifier: Apache-2.0
// The producer against model brokers that lose, delay, refuse and store behind its back.
// KIP-98, KIP-360: nothing acknowledged is lost, nothing is doubled, nothing is out of order.
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "machine/client/producer_machine.h"
#include "record/record_iterator.h"

namespace moldau::client {
namespace {

constexpr int kPartitions = 3;
constexpr int kNodes = 2;
constexpr std::int64_t kMilli = 1'000'000;

/// A partition as brokers keep it, with the producer's state as they check it.
struct ModelPartition {
  struct Written {
    std::int32_t first = 0;
    std::int32_t last = 0;
    std::int64_t offset = 0;
  };
  int leader = 0;
  std::int32_t leader_epoch = 0;
  std::vector<int> records;
  struct Producer {
    std::int16_t epoch = -1;
    std::deque<Written> last_batches;
  };
  std::map<std::int64_t, Producer> producers;

  ErrorCode append(const record::BatchView& batch, const std::vector<int>& values,
                   std::int64_t& offset, bool idempotent) {
    const std::int32_t first = batch.base_sequence();
    const std::int32_t last = sequence_after(first, static_cast<std::int32_t>(values.size()) - 1);
    const std::int16_t given = batch.producer_epoch().value();
    auto& [epoch, last_batches] = producers[batch.producer_id().value()];
    if (idempotent) {
      if (given < epoch) return ErrorCode::kInvalidProducerEpoch;
      if (given == epoch) {
        for (const Written& one : last_batches) {
          if (one.first != first || one.last != last) continue;
          offset = one.offset;
          return ErrorCode::kNone;
        }
        if (first != sequence_after(last_batches.back().last, 1))
          return ErrorCode::kOutOfOrderSequenceNumber;
      } else if (first != 0 && epoch >= 0) {
        return ErrorCode::kOutOfOrderSequenceNumber;
      }
      if (given != epoch) last_batches.clear();
      epoch = given;
    }
    offset = static_cast<std::int64_t>(records.size());
    records.insert(records.end(), values.begin(), values.end());
    last_batches.push_back({first, last, offset});
    if (last_batches.size() > 5) last_batches.pop_front();
    return ErrorCode::kNone;
  }
};

struct ModelRequest {
  ProducePlan plan;
  std::vector<Slice> bytes;  // as they were when the request was written
  std::optional<wire::ProduceResponse> answer;
  MonoTime sent;
};

struct Faults {
  int lose = 0;    // in a thousand turns: the connection breaks
  int refuse = 0;  // in a hundred batches: an error before storing
  int doubt = 0;   // in a hundred batches: an error after storing
  int large = 0;   // in a hundred batches: MESSAGE_TOO_LARGE
  int reject = 0;  // in a hundred batches: INVALID_RECORD
  int move = 0;    // in a thousand turns: a leader moves
  int stall = 0;   // in a thousand turns: a node says nothing for a while
};

class Model {
 public:
  Model(std::uint64_t seed, const ProducerMachineOptions& options, Faults faults)
      : random_(seed), faults_(faults), machine_(options) {
    publish();
    if (options.idempotent) machine_.set_identity({ProducerId(7), ProducerEpoch(0)});
  }

  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }

  void send(int value) {
    const std::string text = std::to_string(value) + std::string(below(60), 'x');
    OutgoingRecord record;
    record.topic = "t";
    record.timestamp = Timestamp(value);
    record.value = as_view(text);
    const auto got = machine_.append(record, now_, random_());
    ASSERT_TRUE(got.ok());
    if (!*got) return;
    sent_[{(*got)->batch, (*got)->index}] = value;
    ++under_way_;
    of_partition_[value] = (*got)->partition.value();
  }

  void turn() {
    now_ = now_ + Millis(1 + below(3));
    if (below(1000) < faults_.move) {
      ModelPartition& moved = partitions_[below(kPartitions)];
      moved.leader = below(kNodes);
      ++moved.leader_epoch;
    }
    for (int node = 0; node < kNodes; ++node) turn_of(node);
    machine_.expire(now_);
    if (!machine_.take_stale_topics().empty()) publish();
    if (machine_.wants_identity())
      machine_.set_identity({ProducerId(++last_id_), ProducerEpoch(0)});
    const auto plans = machine_.due(now_, codecs_, [&](NodeId node) {
      return requests_[node.value()].size() < static_cast<std::size_t>(in_flight_max());
    });
    for (const ProducePlan& plan : plans) {
      ModelRequest request;
      request.plan = plan;
      request.sent = now_;
      for (const auto& part : plan.parts)
        request.bytes.push_back(Slice::copy_of(part.batch->bytes.view()));
      requests_[plan.node.value()].push_back(std::move(request));
    }
    for (const Completion& done : machine_.take_completions()) take(done);
  }

  void finish() {
    machine_.flush();
    faults_ = {};
    for (int i = 0; i < 200'000 && under_way_ > 0; ++i) turn();
    EXPECT_EQ(under_way_, 0) << "a record was never answered for";
    for (int i = 0; i < 20'000 && (!requests_[0].empty() || !requests_[1].empty()); ++i) turn();
    EXPECT_EQ(machine_.memory_used(), 0U);
  }

  void check(bool ordered) {
    std::map<int, int> times;
    for (int index = 0; index < kPartitions; ++index) {
      int last = -1;
      for (const int value : partitions_[index].records) {
        ++times[value];
        EXPECT_EQ(of_partition_[value], index);
        if (ordered) {
          EXPECT_GT(value, last) << "out of order in partition " << index;
        }
        last = value;
      }
    }
    for (const auto& [value, stored] : times) {
      if (ordered) {
        EXPECT_EQ(stored, 1) << value << " is doubled";
      }
    }
    for (const auto& [value, offset] : acknowledged_) {
      EXPECT_EQ(times.count(value), 1U) << value << " was acknowledged and is lost";
      if (offset < 0 || times.count(value) == 0) continue;
      const auto& records = partitions_[of_partition_[value]].records;
      ASSERT_LT(offset, static_cast<std::int64_t>(records.size()));
      EXPECT_EQ(records[static_cast<std::size_t>(offset)], value);
    }
  }
  std::size_t acknowledged() const { return acknowledged_.size(); }
  std::size_t failed() const { return failed_; }
  ProducerMachine& machine() { return machine_; }

 private:
  int in_flight_max() const { return machine_.options().max_in_flight; }

  void publish() {
    TopicView view;
    view.id = Uuid(1, 1);
    for (const ModelPartition& partition : partitions_) {
      PartitionView& told = view.partitions.emplace_back();
      told.leader = NodeId(partition.leader);
      told.leader_epoch = LeaderEpoch(partition.leader_epoch);
    }
    machine_.learn("t", view);
  }

  void turn_of(int node) {
    auto& requests = requests_[node];
    if (below(1000) < faults_.stall) stalled_until_[node] = now_ + Millis(below(400));
    if (now_ < stalled_until_[node] && faults_.stall > 0) return;
    if (below(1000) < faults_.lose ||
        (!requests.empty() && now_ > requests[0].sent + Millis(300))) {
      auto lost = std::exchange(requests, {});
      for (ModelRequest& request : lost)
        machine_.failed(request.plan, Error(ErrorCode::kNetworkException), now_, random_());
      return;
    }
    for (ModelRequest& request : requests) {
      if (request.answer) continue;
      if (below(3) != 0) break;
      process(node, request);
    }
    while (!requests.empty() && requests.front().answer && below(3) != 0) {
      machine_.answered(requests.front().plan, *requests.front().answer, now_, random_());
      requests.pop_front();
    }
  }

  void process(int node, ModelRequest& request) {
    request.answer.emplace();
    auto& topic = request.answer->responses.emplace_back();
    topic.name = "t";
    for (std::size_t i = 0; i < request.plan.parts.size(); ++i) {
      auto& told = topic.partition_responses.emplace_back();
      told.index = request.plan.parts[i].partition.value();
      std::int64_t offset = -1;
      told.error_code = to_wire(store(node, told.index, request.bytes[i].view(), offset));
      told.base_offset = offset;
    }
  }

  ErrorCode store(int node, std::int32_t index, ByteView bytes, std::int64_t& offset) {
    ModelPartition& partition = partitions_[index];
    if (partition.leader != node) return ErrorCode::kNotLeaderOrFollower;
    if (below(100) < faults_.refuse) return ErrorCode::kNotEnoughReplicas;
    const auto batch = record::BatchView::parse(bytes);
    EXPECT_TRUE(batch.ok() && batch->check_crc().ok());
    std::vector<int> values;
    record::RecordIterator records(*batch, codecs_);
    record::RecordView record;
    while (records.next(record)) values.push_back(static_cast<int>(record.timestamp.value()));
    if (values.size() > 1 && below(100) < faults_.large) return ErrorCode::kMessageTooLarge;
    if (below(100) < faults_.reject) return ErrorCode::kInvalidRecord;
    const ErrorCode error = partition.append(*batch, values, offset, machine_.options().idempotent);
    if (error == ErrorCode::kNone && below(100) < faults_.doubt) {
      offset = -1;
      return ErrorCode::kNotEnoughReplicasAfterAppend;
    }
    return error;
  }

  void take(const Completion& done) {
    for (std::int32_t i = 0; i < done.records; ++i) {
      const auto found = sent_.find({done.batch, done.first_record + i});
      ASSERT_NE(found, sent_.end()) << "answered for twice";
      if (done.ok())
        acknowledged_[found->second] =
            done.base_offset.value() < 0 ? -1 : done.base_offset.value() + i;
      else
        ++failed_;
      sent_.erase(found);
      --under_way_;
    }
  }

  std::mt19937_64 random_;
  Faults faults_;
  ProducerMachine machine_;
  record::CompressionContext codecs_;
  MonoTime now_{kMilli};
  ModelPartition partitions_[kPartitions];
  std::deque<ModelRequest> requests_[kNodes];
  MonoTime stalled_until_[kNodes];
  std::map<std::pair<std::uint64_t, std::int32_t>, int> sent_;
  std::map<int, int> of_partition_;
  std::map<int, std::int64_t> acknowledged_;
  std::size_t failed_ = 0;
  int under_way_ = 0;
  std::int64_t last_id_ = 7;
};

ProducerMachineOptions small(bool idempotent) {
  ProducerMachineOptions options;
  options.idempotent = idempotent;
  options.batch_size = 400;
  options.max_request_size = 2'000;
  options.delivery_timeout = Millis(1'500);
  options.retry = Backoff{Millis(5), Millis(50)};
  return options;
}

void run(std::uint64_t seed, const ProducerMachineOptions& options, Faults faults, bool ordered,
         std::size_t acknowledged_min) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Model model(seed, options, faults);
  for (int value = 0; value < 1'500; ++value) {
    model.send(value);
    if (value % 3 == 0) model.turn();
  }
  model.finish();
  model.check(ordered);
  EXPECT_GE(model.acknowledged(), acknowledged_min);
}

constexpr Faults kPassing{20, 10, 8, 5, 0, 20, 3};

TEST(ProducerModelTest, WithoutFaultsEverythingIsStoredInOrder) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) run(seed, small(true), Faults(), true, 1'500);
}

TEST(ProducerModelTest, RequestsThatHoldLittleTakeTurns) {
  ProducerMachineOptions options = small(true);
  options.max_request_size = 700;
  options.delivery_timeout = Millis(60'000);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) run(seed, options, Faults(), true, 1'500);
  Faults faults = kPassing;
  faults.reject = 2;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) run(seed, options, faults, true, 700);
}

TEST(ProducerModelTest, NothingIsLostDoubledOrOutOfOrderThroughFaultsThatPass) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) run(seed, small(true), kPassing, true, 700);
}

TEST(ProducerModelTest, RefusedBatchesLeaveTheOthersInOrder) {
  Faults faults = kPassing;
  faults.reject = 4;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) run(seed, small(true), faults, true, 300);
}

TEST(ProducerModelTest, BatchesWhoseTimeIsOverLeaveNothingBehind) {
  ProducerMachineOptions options = small(true);
  options.delivery_timeout = Millis(120);
  Faults faults = kPassing;
  faults.stall = 15;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) run(seed, options, faults, true, 50);
}

TEST(ProducerModelTest, TheEpochsEndAsksForANewId) {
  int fresh = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Faults faults = kPassing;
    faults.reject = 30;
    Model model(seed, small(true), faults);
    model.machine().set_identity({ProducerId(7), ProducerEpoch(INT16_MAX - 1)});
    for (int value = 0; value < 600; ++value) {
      model.send(value);
      if (value % 3 == 0) model.turn();
    }
    model.finish();
    model.check(true);
    fresh += model.machine().identity().id == ProducerId(7) ? 0 : 1;
  }
  EXPECT_GE(fresh, 40);
}

TEST(ProducerModelTest, WithoutIdempotenceNothingAcknowledgedIsLost) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model model(seed, small(false), kPassing);
    for (int value = 0; value < 900; ++value) {
      model.send(value);
      if (value % 3 == 0) model.turn();
    }
    model.finish();
    EXPECT_GE(model.acknowledged(), 300U);
  }
}

}  // namespace
}  // namespace moldau::client
