// SPDX-License-Identifier: Apache-2.0
#include "machine/client/partition_sequences.h"

#include <algorithm>

#include "base/check.h"
#include "record/batch_view.h"

namespace moldau::client {

void PartitionSequences::adopt(const ProducerIdentity& producer) {
  if (!stale(producer) || any_under_way()) return;
  restart(producer);
}

void PartitionSequences::assign(ProducerBatch& batch) {
  MOLDAU_CHECK(!batch.has_sequence(), "a batch is numbered once");
  batch.producer_id = producer_.id;
  batch.producer_epoch = producer_.epoch;
  batch.base_sequence = next_;
  next_ = sequence_after(next_, batch.records);
}

void PartitionSequences::track(BatchPtr batch) {
  // They come in the order of their sequences, across the end of the cycle too.
  under_way_.push_back(std::move(batch));
}

void PartitionSequences::forget(const ProducerBatch& batch) {
  std::erase_if(under_way_, [&](const BatchPtr& one) { return one.get() == &batch; });
}

void PartitionSequences::replace(const ProducerBatch& batch, const std::vector<BatchPtr>& parts) {
  const auto place = std::find_if(under_way_.begin(), under_way_.end(),
                                  [&](const BatchPtr& one) { return one.get() == &batch; });
  under_way_.insert(under_way_.erase(place), parts.begin(), parts.end());
}

bool PartitionSequences::any_before(std::int32_t sequence) const {
  return std::any_of(under_way_.begin(), under_way_.end(), [&](const BatchPtr& one) {
    return sequence_precedes(one->base_sequence, sequence);
  });
}

void PartitionSequences::acknowledged(const ProducerBatch& batch) {
  if (batch.producer_id != producer_.id || batch.producer_epoch != producer_.epoch) return;
  const std::int32_t last = batch.last_sequence();
  // Answers of one connection come in order; after a retry an older one may come late.
  if (last_acknowledged_ == record::kNoSequence || sequence_precedes(last_acknowledged_, last))
    last_acknowledged_ = last;
}

bool PartitionSequences::is_next(std::int32_t base_sequence) const {
  if (last_acknowledged_ == record::kNoSequence) return base_sequence == 0;
  return base_sequence == sequence_after(last_acknowledged_, 1);
}

bool PartitionSequences::resolve() {
  if (!is_next(next_)) return false;
  doubted_next_.reset();
  return true;
}

void PartitionSequences::restart(const ProducerIdentity& producer) {
  producer_ = producer;
  next_ = 0;
  last_acknowledged_ = record::kNoSequence;
  doubted_next_.reset();
  for (const BatchPtr& batch : under_way_) {
    MOLDAU_CHECK(batch->place == ProducerBatch::Place::kQueued, "nothing may be on the wire");
    batch->base_sequence = record::kNoSequence;
    assign(*batch);
    if (!batch->bytes.empty())
      record::set_producer(batch->bytes.mutable_view(), batch->producer_id, batch->producer_epoch,
                           batch->base_sequence);
  }
}

}  // namespace moldau::client
