// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/client.h"
#include "wire/produce_response.h"

namespace moldau::sim {

struct ProducerOptions {
  std::string name;
  std::string topic;
  bool idempotent = true;
  std::int16_t acks = -1;
  std::uint32_t records_max = 2'000;
  /// Between two looks at what is to be done, at most.
  std::int64_t pause_ms_max = 40;
  /// So many different keys; 0: records have none.
  std::uint64_t keys = 0;
};

/// Produces to all partitions of a topic, up to five batches in flight per partition, retries
/// what failed in order, sends some batches twice. Values are unique in a run.
///
/// Thread   one thread.
/// Bounds   kInFlightMax batches per partition.
/// Source   Sender, TransactionManager (idempotence); KIP-98.
class Producer final : public Client {
 public:
  Producer(Model& model, env::fake::FakeShard& shard, ProducerOptions options)
      : Client(model, shard), options_(std::move(options)) {}

  bool idle() const override;
  std::string waits_for() const override;

 protected:
  void work() override;
  void on_connected() override;
  std::int64_t pause_ms_max() const override { return options_.pause_ms_max; }

 private:
  static constexpr std::size_t kInFlightMax = 5;

  struct Batch {
    std::uint64_t id = 0;
    std::int32_t base_sequence = -1;
    std::vector<std::string> values;
    Slice bytes;
    bool in_flight = false;
    bool was_sent = false;
    std::uint32_t attempts = 0;
  };
  struct Lane {  // one partition
    std::deque<Batch> batches;
    std::int32_t next_sequence = 0;
    bool one_by_one = false;  // after a failure, until all is resolved
  };

  void ask_for_producer_id();
  void begin_session();
  void add_batch(Lane& lane);
  void send_ready(std::int32_t partition, Lane& lane);
  void send(std::int32_t partition, Batch& batch, bool is_copy);
  void answered(std::int32_t partition, std::uint64_t batch, std::uint64_t session, TopicId topic,
                std::int16_t version, const Result<Slice>& frame, bool is_copy, Life life);
  void settle(Lane& lane, std::int32_t partition, std::uint64_t batch, TopicId topic,
              const wire::ProduceResponse::PartitionProduceResponse& answer, Life life);
  void acknowledge(const PartitionKey& partition, Offset base, const Batch& batch, Life life);
  static bool ends_session(ErrorCode code);
  Slice build(const Batch& batch);

  const ProducerOptions options_;
  TopicId topic_id_;
  std::map<std::int32_t, Lane> lanes_;
  std::map<std::uint64_t, Offset> known_base_;  // of idempotent batches, to compare copies
  ProducerId producer_id_{-1};
  ProducerEpoch producer_epoch_{-1};
  bool asking_ = false;
  std::uint64_t session_ = 0;
  ErrorCode last_error_ = ErrorCode::kNone;
  std::uint64_t batches_made_ = 0;
  std::uint32_t records_made_ = 0;
};

}  // namespace moldau::sim
