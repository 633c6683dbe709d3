// SPDX-License-Identifier: Apache-2.0
#include "machine/client/fetched_records.h"

#include <algorithm>

#include "record/control_record.h"

namespace moldau::client {

FetchedRecords::FetchedRecords(Slice frame, ByteView batches, Offset from,
                               std::vector<AbortedTransaction> aborted, Options options)
    : frame_(std::move(frame)), rest_(batches), position_(from), options_(options) {
  std::sort(aborted.begin(), aborted.end(),
            [](const AbortedTransaction& a, const AbortedTransaction& b) {
              return a.first_offset < b.first_offset;
            });
  aborted_.assign(aborted.begin(), aborted.end());
}

/// An aborted transaction of a producer lasts from its first offset to its marker.
bool FetchedRecords::is_aborted(const record::BatchView& batch) {
  while (!aborted_.empty() && aborted_.front().first_offset <= batch.last_offset()) {
    aborting_.insert(aborted_.front().producer_id);
    aborted_.pop_front();
  }
  if (batch.is_control()) {
    aborting_.erase(batch.producer_id());
    return false;
  }
  return batch.is_transactional() && aborting_.contains(batch.producer_id());
}

bool FetchedRecords::open_batch(record::CompressionContext& codecs, Outcome& outcome) {
  for (;;) {
    const auto size = record::batch_size_of(rest_);
    // A broker may cut the last batch short.
    if (size.ok() && (!*size || **size > rest_.size())) {
      outcome.at_end = true;
      return false;
    }
    const auto batch = record::BatchView::parse(rest_);
    if (!batch.ok()) {
      outcome.error = batch.error();
      return false;
    }
    rest_ = rest_.subspan(batch->size());
    if (options_.check_crcs) {
      if (const auto sound = batch->check_crc(); !sound.ok()) {
        outcome.error = sound.error();
        return false;
      }
    }
    outcome.epoch = batch->leader_epoch();
    const bool hidden = options_.read_committed && is_aborted(*batch);
    // Old compressed messages tell their offsets only inside.
    if (batch->is_v2() && (hidden || batch->is_control() || batch->next_offset() <= position_)) {
      position_ = std::max(position_, batch->next_offset());
      continue;
    }
    batch_ = *batch;
    records_ = std::make_unique<record::RecordIterator>(*batch, codecs);
    return true;
  }
}

}  // namespace moldau::client
