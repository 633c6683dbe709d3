// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "record/keyed_record.h"

namespace moldau::txn {

/// The numbers are in the records, the names on the wire. Dead is a tombstone and PrepareEpochFence
/// is passed through in one step: neither is ever written.
enum class TransactionState : std::int8_t {
  kEmpty = 0,
  kOngoing = 1,
  kPrepareCommit = 2,
  kPrepareAbort = 3,
  kCompleteCommit = 4,
  kCompleteAbort = 5,
  kDead = 6,
  kPrepareEpochFence = 7,
};

/// "PrepareCommit"
std::string_view state_name(TransactionState state);
/// Nothing if there is no state of that name; case matters.
std::optional<TransactionState> state_named(std::string_view name);

/// The highest epoch a producer may write with; one more is left for fencing it.
inline constexpr ProducerEpoch kProducerEpochMax{32766};
inline constexpr ProducerEpoch kFencedEpochMax{32767};
/// The timeout of transactions under two-phase commit: none.
inline constexpr Millis kNoTimeout{2147483647};

/// What the log says about a transactional id.
/// Thread   a value.
/// Source   TransactionMetadata, TransactionLogValue 0-1.
struct TransactionMetadata {
  TransactionMetadata() = default;

  ProducerId producer_id{-1};
  /// The one before the last transition: the same, unless that was a rotation.
  ProducerId previous_producer_id{-1};
  /// Takes over when the markers are written; -1 unless the epochs run out with this transaction.
  ProducerId next_producer_id{-1};
  ProducerEpoch producer_epoch{-1};
  Millis timeout{0};
  TransactionState state = TransactionState::kEmpty;
  std::set<TopicPartition> partitions;
  Timestamp last_update{-1};
  Timestamp start{-1};
  /// The client's: 2 bumps the epoch with each transaction (KIP-890), 0 does not.
  std::int16_t client_transaction_version = 0;

  bool is_preparing() const {
    return state == TransactionState::kPrepareCommit || state == TransactionState::kPrepareAbort;
  }
  bool is_epoch_exhausted() const { return producer_epoch >= kProducerEpochMax; }
  bool operator==(const TransactionMetadata&) const = default;
};

/// A record of the topic, read.
struct TransactionRecord {
  TransactionRecord() = default;
  std::string transactional_id;
  /// Nothing: a tombstone.
  std::optional<TransactionMetadata> metadata;
};

/// What 4.3.1 writes at this finalized level of transaction.version: value version 1 from level 1
/// on, else 0, which has neither other producer ids nor the client's version.
record::KeyedRecord serialize_transaction(std::string_view transactional_id,
                                          const TransactionMetadata& metadata,
                                          std::int16_t transaction_version);
record::KeyedRecord serialize_tombstone(std::string_view transactional_id);

/// Thread   any thread.
/// Errors   kInvalidRecord: unknown type, version or state, bytes missing or left over, numbers
/// that
///          cannot be.
Result<TransactionRecord> parse_transaction(ByteView key, std::optional<ByteView> value);

}  // namespace moldau::txn
