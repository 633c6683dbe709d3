// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace moldau::partition {

/// Who appends: decides which of the producer's numbers are checked.
enum class AppendOrigin : std::uint8_t {
  kClient,       // sequences and epochs
  kCoordinator,  // epochs only (markers, internal topics)
  kReplication,  // nothing: the leader has checked
  kRaftLeader,   // nothing: offsets are given
};

/// The end of a transaction as its control record tells it.
struct EndTransactionMarker {
  bool is_abort = false;
  std::int32_t coordinator_epoch = -1;
};

/// Says that a partition asked the coordinator for a transaction; 0 says nothing.
using VerificationGuard = Strong<struct VerificationGuardTag, std::uint64_t>;

/// What an appender says of the transaction of its batches.
struct TransactionClaim {
  /// The first batch of a transaction needs the guard below.
  bool must_be_verified = false;
  VerificationGuard guard{0};
  /// Of markers: from 2 on each transaction has an epoch of its own (KIP-1228).
  std::int8_t transaction_version = 0;
};

/// What producer state needs to know of a batch.
struct ProducerBatch {
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  std::int32_t first_sequence = -1;
  std::int32_t last_sequence = -1;
  Offset first_offset{-1};
  Offset last_offset{-1};
  Timestamp max_timestamp{-1};
  bool is_transactional = false;
  bool is_control = false;
  /// Of control batches that end a transaction.
  std::optional<EndTransactionMarker> marker = std::nullopt;
};

/// A batch as it is remembered for finding duplicates.
struct BatchMetadata {
  Offset last_offset{-1};
  Timestamp timestamp{-1};
  std::int32_t last_sequence = -1;
  std::int32_t offset_delta = 0;

  Offset first_offset() const { return last_offset - offset_delta; }
  std::int32_t first_sequence() const;
};

/// One producer's state in one partition.
/// Thread   a value.
/// Bounds   the last kBatchesMax batches.
class ProducerEntry {
 public:
  static constexpr std::size_t kBatchesMax = 5;

  ProducerEpoch producer_epoch{-1};

 private:
  std::uint8_t count_ = 0;  // here it takes no room; a million producers are usual

 public:
  std::int32_t coordinator_epoch = -1;
  Timestamp last_timestamp{-1};
  /// First offset of the ongoing transaction; -1 if there is none.
  Offset current_txn_first_offset{-1};

  bool has_batches() const { return count_ > 0; }
  std::size_t batch_count() const { return count_; }
  /// 0 is the oldest.
  const BatchMetadata& batch(std::size_t n) const { return batches_[n]; }
  std::int32_t last_sequence() const { return count_ ? batches_[count_ - 1].last_sequence : -1; }
  Offset last_data_offset() const { return count_ ? batches_[count_ - 1].last_offset : Offset(-1); }
  std::int32_t last_offset_delta() const { return count_ ? batches_[count_ - 1].offset_delta : 0; }

  void set_epoch(ProducerEpoch epoch);
  void add_batch(const BatchMetadata& batch);
  const BatchMetadata* find_duplicate(const ProducerBatch& batch) const;

 private:
  std::array<BatchMetadata, kBatchesMax> batches_;
};
static_assert(sizeof(ProducerEntry) <= 144);

/// Whether `last` is `expiration` before `now`. Timestamps come from clients and may be anything.
inline bool is_expired(Timestamp last, Timestamp now, Millis expiration) {
  return last <= now &&
         static_cast<std::uint64_t>(now.value()) - static_cast<std::uint64_t>(last.value()) >=
             static_cast<std::uint64_t>(expiration.value());
}

/// A transaction that ended in this partition; goes into the transaction index if aborted.
struct CompletedTransaction {
  ProducerId producer_id{-1};
  Offset first_offset{-1};
  /// That of the marker.
  Offset last_offset{-1};
  bool is_aborted = false;
  /// The last stable offset once the marker is below the high watermark.
  Offset last_stable_offset{-1};
};

/// What became of a batch: new (possibly ending a transaction), or one we have already.
struct ProducerVerdict {
  std::optional<BatchMetadata> duplicate;
  std::optional<CompletedTransaction> completed;
};

/// Producer ids, epochs, sequences and transactions of one partition: idempotence lives here.
///
/// Path     PartitionLog::stage → append(); after the write commit(), or roll_back_to() and the
///          state is exactly what it was.
/// Thread   a value of its log's owner.
/// Bounds   about 200 bytes per known producer id; ids go after producer.id.expiration.ms
///          without a batch (remove_expired), verifications as well, of which there are at most
///          kVerificationsMax. decode_snapshot refuses counts beyond the bytes.
/// Errors   append: kOutOfOrderSequenceNumber, kInvalidProducerEpoch, kInvalidTxnState,
///          kTransactionCoordinatorFenced.
/// Source   KIP-98, KIP-360, KIP-447, KIP-890, KIP-1228; ProducerStateManager,
///          ProducerAppendInfo, ProducerStateEntry, VerificationStateEntry.
class ProducerState {
 public:
  using Mark = std::size_t;
  static constexpr std::size_t kVerificationsMax = 100'000;

  /// Checks a batch and takes it in; a duplicate changes nothing. On an error nothing changed.
  Result<ProducerVerdict> append(const ProducerBatch& batch, AppendOrigin origin,
                                 const TransactionClaim& claim = {});

  /// The first batch of a transaction came: what to claim once the coordinator knows of it.
  /// Nothing if its transaction is open here. A marker in between makes the guard void.
  /// `adds_itself`: the producer leaves it to us to add the partition (transaction version 2).
  /// Errors   kNotEnoughReplicas (to be tried again): too many are being verified.
  Result<std::optional<VerificationGuard>> begin_verification(const ProducerBatch& batch,
                                                              bool adds_itself, Timestamp now);

  /// What append() would say of a producer's next transactional batch, sequences aside.
  ErrorCode check_transactional(ProducerId producer_id, ProducerEpoch epoch,
                                const TransactionClaim& claim) const;

  /// A point to return to; valid until commit().
  Mark mark() const { return undo_.size(); }
  void roll_back_to(Mark mark);
  /// Everything appended is in the log now.
  void commit() { undo_.clear(); }

  const ProducerEntry* find(ProducerId id) const;
  std::size_t size() const { return producers_.size(); }
  bool empty() const { return producers_.empty() && unreplicated_.empty(); }
  /// In no order.
  const std::unordered_map<std::int64_t, ProducerEntry>& producers() const { return producers_; }

  /// The first offset that read_committed must not pass: that of the oldest transaction which is
  /// open, or whose marker is not below the high watermark yet.
  std::optional<Offset> first_unstable_offset() const;
  /// The first offset of the oldest open transaction.
  std::optional<Offset> first_undecided_offset() const;
  void on_high_watermark(Offset high_watermark);

  /// Offset up to which this state holds (exclusive).
  Offset end_offset() const { return end_offset_; }
  void set_end_offset(Offset offset) { end_offset_ = offset; }

  void clear();
  /// Ids without an open transaction whose last batch is `expiration` old go.
  std::size_t remove_expired(Timestamp now, Millis expiration);

  /// The content of a .snapshot file (version 1); producers in the order of their ids.
  std::string encode_snapshot() const;
  /// Replaces everything by the content of a .snapshot file; entries that have expired are left
  /// out. On an error the state is empty.
  /// Errors   kCorruptMessage: version, checksum, or a count that does not fit the bytes.
  Result<void> decode_snapshot(ByteView bytes, Timestamp now, Millis expiration);

 private:
  struct Undo {
    enum class Kind : std::uint8_t { kEntry, kNewEntry, kTxnStarted, kTxnCompleted };
    Kind kind;
    ProducerId producer_id{-1};
    Offset offset{-1};
    ProducerEntry entry;
  };

  /// Keeps later batches of a producer from being first while an earlier one is tried again.
  struct Verification {
    VerificationGuard guard;
    Timestamp begun;
    std::int32_t lowest_sequence = 0;
    ProducerEpoch epoch;
    bool adds_itself = false;
  };

  static bool is_open(const ProducerEntry& entry, const ProducerBatch& batch) {
    return entry.current_txn_first_offset.value() >= 0 &&
           entry.producer_epoch == batch.producer_epoch;
  }
  Result<void> check_verified(const ProducerEntry& entry, const ProducerBatch& batch,
                              const TransactionClaim& claim) const;
  Result<void> check_marker_epoch(const ProducerEntry& entry, const ProducerBatch& batch,
                                  AppendOrigin origin, std::int8_t transaction_version) const;
  Result<void> check_epoch(const ProducerEntry& entry, const ProducerBatch& batch,
                           AppendOrigin origin) const;
  Result<void> check_sequence(const ProducerEntry& entry, const ProducerBatch& batch) const;
  Result<ProducerVerdict> append_data(ProducerEntry updated, const ProducerBatch& batch,
                                      AppendOrigin origin);
  Result<ProducerVerdict> append_marker(ProducerEntry updated, const ProducerBatch& batch,
                                        AppendOrigin origin, std::int8_t transaction_version);
  Offset stable_after(const CompletedTransaction& completed) const;
  void store(ProducerId id, const ProducerEntry& entry);

  std::unordered_map<std::int64_t, ProducerEntry> producers_;
  struct Ended {
    ProducerId producer_id{-1};
    Offset marker{-1};
  };

  std::map<Offset, ProducerId> ongoing_;  // by first offset
  std::map<Offset, Ended> unreplicated_;  // by first offset; marker not below the high watermark
  std::vector<Undo> undo_;
  std::unordered_map<std::int64_t, Verification> verifications_;
  std::uint64_t last_guard_ = 0;
  Offset end_offset_{0};
};

}  // namespace moldau::partition
