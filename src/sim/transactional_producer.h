// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/calling_client.h"
#include "wire/end_txn_response.h"
#include "wire/fetch_response.h"
#include "wire/init_producer_id_response.h"
#include "wire/offset_fetch_response.h"
#include "wire/produce_request.h"
#include "wire/produce_response.h"
#include "wire/txn_offset_commit_request.h"

namespace moldau::sim {

struct TransactionalOptions {
  std::string name;
  std::string transactional_id;
  std::string topic;
  /// Of a transformer: what it reads, and as which group.
  std::string input;
  std::string group;
  std::int32_t timeout_ms = 4'000;
  std::uint32_t transactions_max = 400;
  std::int64_t pause_ms_max = 40;
  /// It stays away for longer than its timeout, now and then.
  bool may_be_silent = true;
  /// Of 1,000 looks at what is to be done: begins as a new process.
  std::uint32_t restarts = 2;
};

/// Transactions over all partitions of a topic, committed or aborted; a transformer's are made of
/// what it reads, and carry its offsets. Of the old protocol (adds partitions, keeps its epoch) or
/// the new one (KIP-890 part 2), as chance has it. Those of the new one have copies of their
/// requests arrive late; one of the old protocol that has lost the answer to its EndTxn takes a
/// new epoch, since a late copy of that would end its next transaction (KAFKA-17754).
///
/// Thread   one thread.
/// Bounds   one request at a time; transactions of a few batches.
/// Source   TransactionManager; KIP-98, KIP-360, KIP-890.
class TransactionalProducer final : public CallingClient {
 public:
  TransactionalProducer(Model& model, env::fake::FakeShard& shard, TransactionalOptions options);

  bool idle() const override;
  std::string waits_for() const override;

 protected:
  void work() override;
  void lost() override;
  std::int64_t pause_ms_max() const override { return options_.pause_ms_max; }

 private:
  enum class State { kNoProducer, kReady, kOpen, kEnding };
  struct Batch {
    std::int32_t partition = 0;
    std::int32_t base_sequence = -1;
    std::vector<std::string> values;
    Slice bytes;
    bool was_sent = false;
    bool is_acked = false;
  };
  struct Transaction {
    std::string name;
    std::vector<Batch> batches;
    bool commit = true;
    /// Of a transformer: how far it has read.
    std::optional<std::pair<std::int32_t, std::int64_t>> read_to;
    std::set<std::int32_t> added;
    bool offsets_added = false;
    bool offsets_done = false;
    bool end_sent = false;
    /// It is aborted while a produce request is under way.
    bool is_careless = false;
    MonoTime silent_until;
  };

  bool transforms() const { return !options_.input.empty(); }
  bool adds_itself() const { return !old_; }
  void init_producer();
  void on_init(const wire::InitProducerIdResponse& answer);
  void get_ready();
  void fetch_positions();
  void on_positions(const wire::OffsetFetchResponse& answer);
  void take_input();
  void on_input(std::int32_t partition, const wire::FetchResponse& answer);
  void begin(std::vector<std::string> origins, std::int32_t partition, std::int64_t read_to);
  void go_on();
  void add_partitions();
  void add_offsets();
  void commit_offsets();
  void produce(std::vector<Batch*> batches);
  void on_produced(TopicId topic, const wire::ProduceResponse& answer, Life life);
  void acknowledge(TopicId topic, Batch& batch, Offset base, Life life);
  void end();
  void on_ended(bool commit, const wire::EndTxnResponse& answer);
  /// What an error of a request within the transaction means for it.
  void judge(ErrorCode code, std::string_view api);
  void forget_producer(bool for_good);
  void tell(TransactionStep::Kind kind);
  Slice build(Batch& batch);

  const TransactionalOptions options_;
  const bool old_;
  State state_ = State::kNoProducer;
  ProducerId producer_id_{-1};
  ProducerEpoch producer_epoch_{-1};
  std::map<std::int32_t, std::int32_t> next_sequence_;
  std::optional<Transaction> transaction_;
  std::map<std::int32_t, std::int64_t> positions_;
  MonoTime retry_at_;
  std::uint64_t made_ = 0;
  ErrorCode last_error_ = ErrorCode::kNone;
};

}  // namespace moldau::sim
