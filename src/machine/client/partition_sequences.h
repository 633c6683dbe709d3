// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/types.h"
#include "machine/client/producer_batch.h"

namespace moldau::client {

/// Who an idempotent producer is.
/// Thread   a value.
struct ProducerIdentity {
  ProducerId id = record::kNoProducerId;
  ProducerEpoch epoch = record::kNoProducerEpoch;
  bool valid() const { return id != record::kNoProducerId; }
  bool operator==(const ProducerIdentity&) const = default;
};

/// The sequences of one partition: which comes next, which were acknowledged, which are under way.
///
/// A sequence is used for one batch only. A batch that was sent and whose fate is not known when
/// its time is over leaves a doubt behind: nothing new is sent until the batches behind it tell
/// what became of it, or the epoch is bumped, which starts the sequences anew.
///
/// Owner    ProducerMachine.
/// Thread   a value. Pure.
/// Bounds   max.in.flight.requests.per.connection batches under way.
/// Source   TxnPartitionMap and TransactionManager; KIP-98, KIP-360.
class PartitionSequences {
 public:
  /// Follows the producer to a new epoch once nothing of the old one is under way.
  void adopt(const ProducerIdentity& producer);
  bool stale(const ProducerIdentity& producer) const { return !(producer_ == producer); }

  /// Gives the batch the next sequences.
  void assign(ProducerBatch& batch);
  void track(BatchPtr batch);
  void forget(const ProducerBatch& batch);
  /// The parts of a batch that was split take its place.
  void replace(const ProducerBatch& batch, const std::vector<BatchPtr>& parts);
  /// Something that was given out before this sequence is still under way.
  bool any_before(std::int32_t sequence) const;
  bool any_under_way() const { return !under_way_.empty(); }
  const std::vector<BatchPtr>& under_way() const { return under_way_; }
  /// The one with the oldest sequence must be sent first when there is something to send again.
  bool is_first(const ProducerBatch& batch) const {
    return under_way_.empty() || under_way_.front()->base_sequence == batch.base_sequence;
  }

  /// The batch is stored.
  void acknowledged(const ProducerBatch& batch);
  bool any_acknowledged() const { return last_acknowledged_ != record::kNoSequence; }
  /// The batch follows the last one that was acknowledged.
  bool is_next(std::int32_t base_sequence) const;

  /// The batch was given up without its fate being known.
  void doubt(const ProducerBatch& batch) {
    doubted_next_ = sequence_after(batch.last_sequence(), 1);
  }
  bool doubtful() const { return doubted_next_.has_value(); }
  bool follows_doubt(std::int32_t base_sequence) const { return doubted_next_ == base_sequence; }
  /// Ends the doubt if all that was sent turned out to be stored; false if it did not.
  bool resolve();

  /// Sequences from 0 under a new epoch; batches that wait to be sent again are renumbered.
  void restart(const ProducerIdentity& producer);

 private:
  ProducerIdentity producer_;
  std::int32_t next_ = 0;
  std::int32_t last_acknowledged_ = record::kNoSequence;
  std::optional<std::int32_t> doubted_next_;
  std::vector<BatchPtr> under_way_;  // by sequence
};

}  // namespace moldau::client
