// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "machine/client/backoff.h"
#include "machine/client/cluster_view.h"
#include "machine/client/partition_sequences.h"
#include "machine/client/partitioner.h"
#include "machine/client/producer_batch.h"
#include "wire/produce_response.h"

namespace moldau::client {

struct ProducerMachineOptions {
  std::int16_t acks = -1;
  bool idempotent = true;
  std::size_t batch_size = 16'384;
  std::uint64_t buffer_memory = 32 << 20;
  Millis linger{5};
  record::Compression compression;
  Millis delivery_timeout{120'000};
  std::int32_t max_in_flight = 5;
  std::size_t max_request_size = 1 << 20;
  std::int32_t retries = INT32_MAX;
  Backoff retry{Millis(100), Millis(1000)};
  bool ignore_keys = false;
  bool adaptive = true;
};

/// A record as it is sent; everything is borrowed for the call.
struct OutgoingRecord {
  OutgoingRecord() = default;
  std::string_view topic;
  std::optional<PartitionId> partition;
  Timestamp timestamp;
  record::NullableBytes key;
  record::NullableBytes value;
  std::span<const record::HeaderView> headers;
};

/// Where a record is until its batch is completed.
struct Appended {
  std::uint64_t batch = 0;
  std::int32_t index = 0;  // within the batch
  PartitionId partition;
  /// A batch was begun, or is full: the host must look.
  bool wake = false;
};

/// What became of some records of a batch: all of them, unless it had to be split.
struct Completion {
  std::uint64_t batch = 0;
  std::int32_t first_record = 0;
  std::int32_t records = 0;
  Error error{ErrorCode::kNone};
  Offset base_offset{-1};  // -1: not known (acks=0, a duplicate)
  Timestamp log_append_time = record::kNoTimestamp;
  /// For records that the broker names as the culprits (KIP-467): index within these, and why.
  std::vector<std::pair<std::int32_t, std::string>> culprits;
  bool last = false;  // of this batch
  bool ok() const { return error.code == ErrorCode::kNone; }
};

/// A produce request that is to be sent now.
struct ProducePlan {
  struct Part {
    std::string topic;
    TopicId topic_id;
    PartitionId partition;
    BatchPtr batch;
  };
  ProducePlan() = default;
  NodeId node;
  std::vector<Part> parts;  // at most one batch for each partition
};

/// All decisions of a producer: where records go, what travels together and when, what is tried
/// again and what its sequence is then.
///
/// Path     append() by whoever sends; due(), answered(), failed(), expire() by the host that
///          talks to brokers; take_completions() tells what became of records, each exactly once.
/// Owner    client::Producer.
/// Thread   under the host's guard: append() and the rest never overlap. Pure.
/// Bounds   buffer.memory for records that are not answered for; batches of batch.size, larger
///          only for a single record; max.request.size; max.in.flight requests for a broker are
///          the host's to keep, and the sequences of at most so many batches are open at a time.
/// Errors   append(): kMessageTooLarge, kInvalidRecord, kInvalidTimestamp. Completions: the
///          broker's error, kRequestTimedOut after delivery.timeout.ms, or the fatal error.
/// Source   RecordAccumulator, Sender and TransactionManager of Apache's clients; KIP-91, KIP-98,
///          KIP-360, KIP-480, KIP-794, KIP-951.
class ProducerMachine {
 public:
  explicit ProducerMachine(const ProducerMachineOptions& options) : options_(options) {}

  const ProducerMachineOptions& options() const { return options_; }

  // ---- Topics

  /// What metadata tell of a topic; leaders that are older than known ones are passed over.
  void learn(const std::string& topic, const TopicView& view);
  /// The number of partitions, 0 if the topic is not known.
  std::int32_t partitions_of(std::string_view topic) const;
  /// Topics whose leaders must be asked for before their batches can be sent (again).
  std::set<std::string> take_stale_topics() { return std::exchange(stale_topics_, {}); }

  // ---- Records

  /// Puts a record into the open batch of its partition. Nothing: there is no room in
  /// buffer.memory, or topic or partition are not known; the caller waits and tries again.
  Result<std::optional<Appended>> append(const OutgoingRecord& record, MonoTime now,
                                         std::uint64_t random);
  /// Everything that is here now is sent without lingering.
  void flush() { flush_below_ = next_batch_; }
  std::uint64_t next_batch() const { return next_batch_; }
  bool has_room(std::size_t bytes) const { return memory_used_ + bytes <= options_.buffer_memory; }
  /// Somebody waits for room: batches are sent as they are.
  void set_pressed(bool pressed) { pressed_ = pressed; }
  /// Records that are not answered for are given up.
  void abort(const Error& why);
  std::uint64_t memory_used() const { return memory_used_; }
  /// The oldest batch that is not completed, or the id the next one gets.
  std::uint64_t completed_below() const {
    return open_batches_.empty() ? next_batch_ : open_batches_.begin()->first;
  }

  // ---- Requests

  /// True while a producer id must be asked for (InitProducerId) before anything can be sent.
  bool wants_identity() const { return options_.idempotent && !identity_.valid() && !fatal_; }
  void set_identity(const ProducerIdentity& identity);
  const ProducerIdentity& identity() const { return identity_; }
  /// Nothing can be sent any more; what waits and what comes fails with `why`.
  void fail_for_ever(const Error& why);
  const std::optional<Error>& fatal() const { return fatal_; }

  /// The requests to send now, to nodes of which `ready` says that they can take one.
  template <class Ready>
  std::vector<ProducePlan> due(MonoTime now, record::CompressionContext& codecs, Ready ready);
  void answered(const ProducePlan& plan, const wire::ProduceResponse& answer, MonoTime now,
                std::uint64_t random);
  /// The request was not answered. `arrived` is false if it cannot have reached the broker.
  void failed(const ProducePlan& plan, const Error& why, MonoTime now, std::uint64_t random);
  /// acks=0: it was handed to the network.
  void sent_unanswered(const ProducePlan& plan);
  /// Gives up what is older than delivery.timeout.ms.
  void expire(MonoTime now);
  /// When due() or expire() should be called again if nothing happens; far away if never.
  MonoTime next_wake(MonoTime now) const;
  std::vector<Completion> take_completions() { return std::exchange(completions_, {}); }

 private:
  struct Topic;
  struct Queue {
    Topic* of = nullptr;
    std::string topic;
    PartitionId partition;
    NodeId leader{-1};
    LeaderEpoch leader_epoch{-1};
    std::deque<BatchPtr> batches;
    PartitionSequences sequences;
    std::int32_t on_the_wire = 0;
    bool active = false;  // in active_
    /// Sequences from this one on are void and begin anew with the next epoch, as soon as it is
    /// known what became of those before it.
    std::optional<std::int32_t> restart_from;
    void want_restart(std::int32_t sequence) {
      if (!restart_from || sequence_precedes(sequence, *restart_from)) restart_from = sequence;
    }
  };
  struct Topic {
    TopicId id;
    std::vector<std::unique_ptr<Queue>> queues;
    StickyPartitioner sticky;
    double ratio = 1.0;  // of compressed to uncompressed bytes, as seen lately
  };

  // Appending (producer_append.cc).
  Result<void> check_size(const OutgoingRecord& record) const;
  Queue* choose_queue(Topic& topic, const OutgoingRecord& record, std::uint64_t random,
                      bool& sticky);
  ProducerBatch* open_batch(Topic& topic, Queue& queue, std::size_t bytes, MonoTime now);
  void drop_last(Queue& queue);
  void refresh_loads(Topic& topic);
  std::size_t bytes_limit(const Topic& topic) const;

  // Sending (producer_machine.cc).
  BatchPtr next_of(Queue& queue, MonoTime now);
  bool sendable(const Queue& queue, const ProducerBatch& batch, MonoTime now) const;
  bool sequence_allows(const Queue& queue, const ProducerBatch& batch) const;
  /// Its bytes on the wire, estimated if it is not encoded yet.
  std::size_t size_of(const Queue& queue, const ProducerBatch& batch) const;
  void encode(Queue& queue, ProducerBatch& batch, record::CompressionContext& codecs);
  std::map<NodeId, std::vector<Queue*>> by_leader();
  std::optional<ProducePlan> plan_for(NodeId node, const std::vector<Queue*>& queues, MonoTime now,
                                      record::CompressionContext& codecs);

  // Answers (producer_answers.cc).
  void take_answer(Queue& queue, const BatchPtr& batch, MonoTime now, std::uint64_t random,
                   const wire::ProduceResponse::PartitionProduceResponse& answer);
  bool may_try_again(Queue& queue, const ProducerBatch& batch, ErrorCode error,
                     Offset log_start_offset);
  void put_back(Queue& queue, const BatchPtr& batch, MonoTime not_before);
  void give_up(Queue& queue, const BatchPtr& batch, Completion completion, bool fate_known);
  void split(Queue& queue, const BatchPtr& batch, MonoTime now);
  void complete(ProducerBatch& batch, Completion completion);
  static bool may_restart(const Queue& queue);
  void settle_sequences();
  void forget_idle();
  Queue* queue_of(const ProducePlan::Part& part);

  const ProducerMachineOptions options_;
  std::map<std::string, Topic, std::less<>> topics_;
  /// Queues with batches, doubts or a restart before them: the only ones that are looked at.
  std::vector<Queue*> active_;
  std::set<std::string> stale_topics_;
  std::uint64_t next_batch_ = 1;
  std::map<std::uint64_t, std::int32_t> open_batches_;  // and in how many parts
  std::uint64_t flush_below_ = 0;
  std::uint64_t memory_used_ = 0;
  bool pressed_ = false;
  ProducerIdentity identity_;
  std::optional<Error> fatal_;
  std::vector<Completion> completions_;
  std::uint64_t turn_ = 0;  // which partition of a node comes first
};

template <class Ready>
std::vector<ProducePlan> ProducerMachine::due(MonoTime now, record::CompressionContext& codecs,
                                              Ready ready) {
  settle_sequences();
  forget_idle();
  std::vector<ProducePlan> plans;
  if (fatal_ || wants_identity()) return plans;
  for (const auto& [node, queues] : by_leader()) {
    if (!ready(node)) continue;
    if (auto plan = plan_for(node, queues, now, codecs)) plans.push_back(std::move(*plan));
  }
  return plans;
}

}  // namespace moldau::client
