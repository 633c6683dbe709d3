// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "record/batch_view.h"
#include "record/record_iterator.h"

namespace moldau::client {

struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;
};

/// The records of one partition in one fetch answer, read piece by piece from a position on.
///
/// Passes over what the reader is not to see: records before the position, control records, with
/// read_committed records of aborted transactions, a batch that is cut short at the end.
/// Owner    shares the frame.
/// Thread   a value; read() with a context of its thread.
/// Bounds   as RecordIterator.
/// Errors   read(): kCorruptMessage, kInvalidRecord; the position is then where it met them.
/// Source   CompletedFetch of Apache's clients.
class FetchedRecords {
 public:
  struct Options {
    bool read_committed = false;
    bool check_crcs = true;
  };
  struct Outcome {
    std::size_t records = 0;
    LeaderEpoch epoch{-1};  // of the last batch that was begun
    bool at_end = false;
    Error error{ErrorCode::kNone};
  };

  FetchedRecords(Slice frame, ByteView batches, Offset from,
                 std::vector<AbortedTransaction> aborted, Options options);

  /// The offset that comes next.
  Offset position() const { return position_; }

  /// Up to `most` records: take(record, leader epoch of its batch).
  template <class Take>
  Outcome read(std::size_t most, record::CompressionContext& codecs, Take take);

 private:
  /// The next batch whose records are to be seen, opened; false at the end or at an error.
  bool open_batch(record::CompressionContext& codecs, Outcome& outcome);
  bool is_aborted(const record::BatchView& batch);

  Slice frame_;
  ByteView rest_;  // batches that are not opened yet
  Offset position_;
  Options options_;
  std::deque<AbortedTransaction> aborted_;  // by first offset
  std::set<ProducerId> aborting_;
  std::optional<record::BatchView> batch_;
  std::unique_ptr<record::RecordIterator> records_;
  record::RecordView held_;  // read from records_, not handed out
};

template <class Take>
FetchedRecords::Outcome FetchedRecords::read(std::size_t most, record::CompressionContext& codecs,
                                             Take take) {
  Outcome outcome;
  while (outcome.records < most) {
    if (!records_ && !open_batch(codecs, outcome)) return outcome;
    outcome.epoch = batch_->leader_epoch();
    if (!records_->next(held_)) {
      if (!records_->status().ok()) {
        outcome.error = records_->status().error();
        return outcome;
      }
      position_ = std::max(position_, batch_->next_offset());
      records_.reset();
      continue;
    }
    if (held_.offset < position_) continue;
    take(held_, batch_->leader_epoch());
    position_ = held_.offset + 1;
    ++outcome.records;
  }
  return outcome;
}

}  // namespace moldau::client
