// SPDX-License-Identifier: Apache-2.0
#include "log/cleaned_transactions.h"

namespace moldau::log {

void CleanedTransactions::add_aborted(const std::vector<AbortedTransaction>& aborted) {
  for (const AbortedTransaction& transaction : aborted)
    waiting_.emplace(transaction.first_offset, transaction);
}

void CleanedTransactions::begin_up_to(Offset offset) {
  while (!waiting_.empty() && waiting_.begin()->first <= offset) {
    const AbortedTransaction& transaction = waiting_.begin()->second;
    aborted_.try_emplace(transaction.producer_id, Ongoing{transaction, false});
    waiting_.erase(waiting_.begin());
  }
}

bool CleanedTransactions::on_marker(const partition::ProducerBatch& batch,
                                    std::optional<AbortedTransaction>& kept) {
  begin_up_to(batch.last_offset);
  // A batch without its record holds a place only.
  if (!batch.marker) return true;
  if (!batch.marker->is_abort) return committed_.erase(batch.producer_id) == 0;
  const auto found = aborted_.find(batch.producer_id);
  if (found == aborted_.end()) return true;
  const bool has_records = found->second.has_records;
  if (has_records) kept = found->second.transaction;
  aborted_.erase(found);
  return !has_records;
}

bool CleanedTransactions::on_records(const partition::ProducerBatch& batch) {
  begin_up_to(batch.last_offset);
  if (!batch.is_transactional) return false;
  const auto found = aborted_.find(batch.producer_id);
  if (found == aborted_.end()) {
    committed_.insert(batch.producer_id);
    return false;
  }
  found->second.has_records = true;
  return true;
}

}  // namespace moldau::log
