// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "log/txn_index.h"
#include "machine/partition/producer_state.h"

namespace moldau::log {

/// Tells the cleaner, batch by batch, which records belong to aborted transactions and which
/// markers have no records left.
///
/// Thread   one pool thread.
/// Bounds   the transactions that overlap the section being cleaned.
/// Source   CleanedTransactionMetadata.
class CleanedTransactions {
 public:
  void add_aborted(const std::vector<AbortedTransaction>& aborted);

  /// A marker: true if nothing of its transaction is left, so that it may go in time.
  /// `kept` gets the entry of the transaction index that the marker needs if it stays.
  bool on_marker(const partition::ProducerBatch& batch, std::optional<AbortedTransaction>& kept);
  /// A batch of records: true if they were aborted.
  bool on_records(const partition::ProducerBatch& batch);

 private:
  struct Ongoing {
    AbortedTransaction transaction;
    bool has_records = false;
  };
  void begin_up_to(Offset offset);

  std::multimap<Offset, AbortedTransaction> waiting_;  // by first offset
  std::map<ProducerId, Ongoing> aborted_;
  std::set<ProducerId> committed_;
};

}  // namespace moldau::log
