// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "machine/image/image.h"
#include "machine/txn/transaction_log.h"
#include "record/keyed_record.h"
#include "wire/add_offsets_to_txn_request.h"
#include "wire/add_offsets_to_txn_response.h"
#include "wire/add_partitions_to_txn_request.h"
#include "wire/add_partitions_to_txn_response.h"
#include "wire/describe_transactions_response.h"
#include "wire/end_txn_request.h"
#include "wire/end_txn_response.h"
#include "wire/init_producer_id_request.h"
#include "wire/init_producer_id_response.h"
#include "wire/list_transactions_response.h"

namespace moldau::txn {

/// Under which a request came in; chosen by the host.
using AnswerId = Strong<struct AnswerIdTag, std::uint64_t>;
/// Of a producer id that is asked for.
using ProducerIdToken = Strong<struct ProducerIdTokenTag, std::uint64_t>;

using AddPartitionsTransaction = wire::AddPartitionsToTxnRequest::AddPartitionsToTxnTransaction;
using AddPartitionsResult = wire::AddPartitionsToTxnResponse::AddPartitionsToTxnResult;
using DescribedTransaction = wire::DescribeTransactionsResponse::TransactionState;

struct TxnSettings {
  /// transaction.max.timeout.ms
  Millis transaction_max_timeout{900'000};
  /// transactional.id.expiration.ms
  Millis transactional_id_expiration{604'800'000};
  /// transaction.abort.timed.out.transaction.cleanup.interval.ms
  Millis abort_timed_out_interval{10'000};
  /// transaction.remove.expired.transaction.cleanup.interval.ms
  Millis remove_expired_interval{3'600'000};
  /// transaction.two.phase.commit.enable
  bool two_phase_commit_enable = false;
  /// A marker that failed is sent again after the first pause, doubled up to the last.
  Millis marker_retry_pause{20};
  Millis marker_retry_pause_max{1'000};
  /// Half of it bounds a record: what a transaction's partitions may take.
  std::size_t batch_bytes_max = 1'000'000;
  /// Of this partition of the topic; more are refused with POLICY_VIOLATION.
  std::size_t transactional_ids_max = 1'000'000;
  /// More are refused with COORDINATOR_LOAD_IN_PROGRESS.
  std::size_t producer_id_waits_max = 10'000;
  /// Transactions looked at by one tick() or loaded(); what is left is due at once.
  std::size_t transactions_per_tick_max = 1'000;
};

/// The world at a step.
struct TxnContext {
  TxnContext(MonoTime n, Timestamp w, const image::MetadataImage& i, std::int16_t level)
      : now(n), wall(w), image(i), transaction_version(level) {}
  MonoTime now;
  Timestamp wall;
  /// The newest this node has: partitions that are not in it get no marker.
  const image::MetadataImage& image;
  /// The finalized level.
  std::int16_t transaction_version;
};

struct TxnAnswer {
  using Response = std::variant<wire::InitProducerIdResponse, AddPartitionsResult,
                                wire::AddOffsetsToTxnResponse, wire::EndTxnResponse>;
  TxnAnswer(AnswerId i, Response r) : id(i), response(std::move(r)) {}
  AnswerId id;
  Response response;
};

/// One transaction's end, for WriteTxnMarkers to the leaders of these partitions.
struct MarkersToWrite {
  MarkersToWrite() = default;
  std::string transactional_id;
  ProducerId producer_id;
  ProducerEpoch producer_epoch;
  LeaderEpoch coordinator_epoch;
  /// Else abort.
  bool commit = false;
  /// WriteTxnMarkers v2 carries it: 0 or 2.
  std::int8_t transaction_version = 0;
  std::vector<TopicPartition> partitions;
};

struct MarkerResult {
  MarkerResult(TopicPartition p, ErrorCode e) : partition(std::move(p)), error(e) {}
  TopicPartition partition;
  ErrorCode error;
};

/// What follows from a step, to be done in this order: append `batch` (the machine has replayed it
/// already) and ask for producer ids; when all that was appended before is committed, send the
/// answers and the markers. Batches are appended in the order of the steps.
struct TxnEffects {
  TxnEffects() = default;
  /// No records: nothing to append.
  record::KeyedBatch batch;
  std::vector<ProducerIdToken> need_producer_id;
  std::vector<TxnAnswer> answers;
  std::vector<MarkersToWrite> markers;
};

struct TxnCounters {
  std::uint64_t records_skipped = 0;
  std::uint64_t transactions_timed_out = 0;
  std::uint64_t transactional_ids_expired = 0;
  /// Partitions that will not take a marker of that epoch any more; they were left out.
  std::uint64_t markers_refused = 0;
};

/// What ListTransactions filters by; empty and -1 let everything through.
struct ListFilter {
  ListFilter() = default;
  std::set<TransactionState> states;
  /// A name that is no state was asked for: with no other name nothing matches.
  bool by_state = false;
  std::set<ProducerId> producer_ids;
  /// Open for longer than this.
  Millis duration{-1};
};

/// A transactional id in a list; the handler matches the pattern and the ACLs.
struct ListedTransaction {
  ListedTransaction(std::string i, ProducerId p, TransactionState s)
      : transactional_id(std::move(i)), producer_id(p), state(s) {}
  std::string transactional_id;
  ProducerId producer_id;
  TransactionState state;
};

/// The transactions of a request of any version: below 4 there is one.
std::vector<AddPartitionsTransaction> transactions_of(
    const wire::AddPartitionsToTxnRequest& request, std::int16_t version);
/// The response of any version of the results, in the order in which they came.
wire::AddPartitionsToTxnResponse response_of(std::vector<AddPartitionsResult> results,
                                             std::int16_t version);
/// All partitions asked for, with this error.
AddPartitionsResult result_of(const AddPartitionsTransaction& transaction, ErrorCode error);

/// The transaction coordinator for one partition of __transaction_state.
///
/// Every marker in the effects is answered by one markers_written(), with an error if the
/// connection broke or the leader is unknown; until then it is not sent again: a late copy of a
/// marker could end the next transaction of a producer that keeps its epoch.
///
/// Path     node/coordinator loads it by replay() and loaded(), and drives it.
/// Owner    the host of the partition; everything is copied in and out.
/// Thread   shard-bound value.
/// Bounds   TxnSettings; about 400 bytes for an id, 80 for a partition of an open transaction.
/// Errors   in the responses, those of Apache Kafka 4.3.1 per version; PRODUCER_FENCED becomes
///          INVALID_PRODUCER_EPOCH for clients that do not know it.
///          MOLDAU_CHECKs that no step comes before loaded().
/// Source   TransactionCoordinator, TransactionStateManager, TransactionMarkerChannelManager;
///          KIP-98, KIP-360, KIP-588, KIP-890, KIP-939 (refused).
class TxnMachine {
 public:
  /// `coordinator_epoch`: the leader epoch of the partition, in each marker.
  TxnMachine(const TxnSettings& settings, LeaderEpoch coordinator_epoch);

  /// A record as it lies in the log. Before loaded() for what was read; the machine itself calls it
  /// for what it decides.
  void replay(ByteView key, std::optional<ByteView> value);
  /// All of the log is replayed: transactions that were being ended go on with their markers.
  TxnEffects loaded(const TxnContext& context);

  /// The transactional id is not null: without one any broker gives out a producer id.
  TxnEffects init_producer_id(const TxnContext& context, AnswerId id,
                              const wire::InitProducerIdRequest& request, std::int16_t version);
  /// One transaction of a request; the answer is its AddPartitionsToTxnResult. The handler has
  /// checked that the partitions exist.
  TxnEffects add_partitions_to_txn(const TxnContext& context, AnswerId id,
                                   const AddPartitionsTransaction& transaction,
                                   std::int16_t version);
  /// `offsets_partition`: the partition of __consumer_offsets that has the group.
  TxnEffects add_offsets_to_txn(const TxnContext& context, AnswerId id,
                                const wire::AddOffsetsToTxnRequest& request,
                                PartitionId offsets_partition, std::int16_t version);
  TxnEffects end_txn(const TxnContext& context, AnswerId id, const wire::EndTxnRequest& request,
                     std::int16_t version);

  /// A producer id that was asked for, or why there is none.
  TxnEffects producer_id_given(const TxnContext& context, ProducerIdToken token,
                               const Result<ProducerId>& given);
  /// What became of markers; results may come in parts. Those of a transaction that is over, or for
  /// partitions that were not asked, change nothing.
  TxnEffects markers_written(const TxnContext& context, std::string_view transactional_id,
                             ProducerId producer_id, ProducerEpoch producer_epoch,
                             std::span<const MarkerResult> results);

  /// Sends markers again, aborts what has timed out, forgets ids that have expired.
  TxnEffects tick(const TxnContext& context);
  /// When tick() is due; may lie in the past. Nothing before loaded().
  std::optional<MonoTime> next_deadline() const;

  /// Errors in it: INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND.
  DescribedTransaction describe(std::string_view transactional_id) const;
  std::vector<ListedTransaction> list(const TxnContext& context, const ListFilter& filter) const;
  /// Null if the id is unknown.
  const TransactionMetadata* find(std::string_view transactional_id) const;
  /// Markers that are to be sent again and whose partition has no leader at present.
  std::size_t markers_without_leader(const image::MetadataImage& image) const;
  std::size_t transactional_ids() const { return entries_.size(); }
  const TxnCounters& counters() const { return counters_; }

 private:
  /// Whom the markers of a transaction have not reached yet.
  struct MarkerProgress {
    std::set<TopicPartition> missing;
    /// Those of them that are to be sent (again); the rest is under way.
    std::set<TopicPartition> to_send;
    Millis pause{0};
  };
  struct Entry {
    TransactionMetadata hard;
    // Soft state from here on.
    /// For a producer that repeats an InitProducerId (KIP-360); -1: none.
    ProducerEpoch last_producer_epoch{-1};
    bool waits_for_producer_id = false;
    /// Null until the markers are sent for the first time.
    std::unique_ptr<MarkerProgress> markers;
    // Under which it stands in retries_, timeouts_ and idle_.
    std::optional<MonoTime> retry_at;
    std::optional<Timestamp> timeout_at;
    std::optional<Timestamp> idle_since;

    /// A transition is under way: all but the producer's own retries have to wait.
    bool is_pending() const { return waits_for_producer_id || hard.is_preparing(); }
  };
  using Entries = std::map<std::string, Entry, std::less<>>;
  using Named = Entries::value_type;

  struct InitRequest {
    AnswerId id;
    std::string transactional_id;
    Millis timeout;
    std::optional<std::pair<ProducerId, ProducerEpoch>> expected;
    std::int16_t version = 0;
  };
  struct EndRequest {
    AnswerId id;
    std::string transactional_id;
    ProducerId producer_id;
    ProducerEpoch producer_epoch;
    bool commit = false;
    std::int16_t version = 0;

    bool bumps_epoch() const { return version > 4; }
  };
  struct TimedOut {
    std::string transactional_id;
  };
  /// What waits for a producer id, to be decided anew with it.
  using Waiting = std::variant<InitRequest, EndRequest, TimedOut>;

  // init_producer_id.cc
  ErrorCode check_init(const wire::InitProducerIdRequest&) const;
  void init(const TxnContext&, InitRequest, std::optional<ProducerId> given, TxnEffects&);
  void init_new(const TxnContext&, InitRequest, std::optional<ProducerId> given, TxnEffects&);
  void init_ongoing(const TxnContext&, InitRequest, Named&, std::optional<ProducerId> given,
                    TxnEffects&);
  void init_idle(const TxnContext&, InitRequest, Named&, std::optional<ProducerId> given,
                 TxnEffects&);
  static Result<std::pair<ProducerEpoch, ProducerEpoch>> next_epoch(const Entry&,
                                                                    const InitRequest&);

  // add_partitions.cc
  ErrorCode add(const TxnContext&, const AddPartitionsTransaction&, std::int16_t client_version,
                TxnEffects&);
  AddPartitionsResult verify(const AddPartitionsTransaction&) const;

  // end_txn.cc
  void end(const TxnContext&, EndRequest, std::optional<ProducerId> given, TxnEffects&);
  static ErrorCode judge_end(const Entry&, const EndRequest&);
  static ErrorCode judge_end_bumping(const Entry&, const EndRequest&);
  static bool fence_needs_producer_id(const TxnContext&, const Entry&);
  /// Aborts an open transaction, so that its producer cannot go on with it.
  void fence(const TxnContext&, Named&, std::optional<ProducerId> given, TxnEffects&);
  void prepare(const TxnContext&, Named&, const TransactionMetadata& next,
               ProducerEpoch last_producer_epoch, TxnEffects&);
  void complete(const TxnContext&, Named&, TxnEffects&);

  // markers.cc
  void send_markers(const TxnContext&, Named&, TxnEffects&);
  /// False if the partition is still to get its marker.
  bool is_settled(ErrorCode);
  void retry_markers_at(Named&, MonoTime at);

  TxnEffects begin(const TxnContext&);
  /// False if too many wait.
  bool wait_for_producer_id(Waiting, Named*, TxnEffects&);
  void end_wait(std::string_view transactional_id);
  static TransactionMetadata transition(const TransactionMetadata& from, TransactionState to,
                                        Timestamp wall);
  void write(const TxnContext&, std::string_view transactional_id, const TransactionMetadata&,
             ProducerEpoch last_producer_epoch, TxnEffects&);
  void append(record::KeyedRecord, TxnEffects&);
  bool has_room() const { return batch_bytes_ < settings_.batch_bytes_max / 2; }
  void index(Named&);
  void unindex(Named&);

  void tick_markers(const TxnContext&, std::size_t& budget, TxnEffects&);
  void tick_timeouts(const TxnContext&, std::size_t& budget, TxnEffects&);
  void tick_expiry(const TxnContext&, std::size_t& budget, TxnEffects&);

  TxnSettings settings_;
  LeaderEpoch coordinator_epoch_;
  Entries entries_;
  TxnCounters counters_;
  std::map<ProducerIdToken, Waiting> waiting_;
  ProducerIdToken next_token_{1};
  // The views are keys of entries_.
  std::set<std::pair<MonoTime, std::string_view>> retries_;
  std::set<std::pair<Timestamp, std::string_view>> timeouts_;
  std::set<std::pair<Timestamp, std::string_view>> idle_;
  bool is_loaded_ = false;
  MonoTime last_now_{0};
  Timestamp last_wall_{0};
  MonoTime next_expiry_search_{0};
  /// Of the step that is being decided.
  std::size_t batch_bytes_ = 0;
};

}  // namespace moldau::txn
