// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/buffer.h"
#include "base/types.h"
#include "record/batch_builder.h"

namespace moldau::client {

/// A position in the cycle of sequences: after 2^31-1 comes 0.
/// Source   DefaultRecordBatch.incrementSequence.
constexpr std::int32_t sequence_after(std::int32_t sequence, std::int32_t count) {
  constexpr std::int64_t kSequences = std::int64_t{INT32_MAX} + 1;
  return static_cast<std::int32_t>((std::int64_t{sequence} + count) % kSequences);
}

/// True if `a` was given out before `b`, of sequences that are under way together.
constexpr bool sequence_precedes(std::int32_t a, std::int32_t b) {
  constexpr std::int64_t kSequences = std::int64_t{INT32_MAX} + 1;
  const std::int64_t ahead = (std::int64_t{b} - a + kSequences) % kSequences;
  return ahead > 0 && ahead < kSequences / 2;
}

/// Records of one partition that travel together, from their first record to their fate.
///
/// Owner    ProducerMachine: in the queue of its partition, in a request, or both after a failure.
/// Thread   a value under the machine's guard.
struct ProducerBatch {
  enum class Place { kQueued, kOnTheWire };

  /// Names the batch in completions. The parts of a batch that was split keep its name, and say
  /// from which record on they go.
  std::uint64_t id = 0;
  std::int32_t first_record = 0;
  std::int32_t records = 0;

  record::BatchBuilder builder{record::BatchFields()};
  bool closed = false;  // takes no more records
  Slice bytes;          // the encoded batch, once it was sent
  std::size_t uncompressed = 0;
  std::size_t reserved = 0;  // of buffer.memory

  MonoTime created;
  MonoTime not_before;  // the end of a pause after a failure
  std::uint32_t attempts = 0;
  Place place = Place::kQueued;
  /// An attempt ended so that it may be in the log.
  bool maybe_stored = false;
  /// Its records have been answered for; what still comes only tells of sequences.
  bool done = false;

  // Of idempotent producers, from the first sending on.
  ProducerId producer_id = record::kNoProducerId;
  ProducerEpoch producer_epoch = record::kNoProducerEpoch;
  std::int32_t base_sequence = record::kNoSequence;

  bool has_sequence() const { return base_sequence != record::kNoSequence; }
  std::int32_t last_sequence() const { return sequence_after(base_sequence, records - 1); }
};

using BatchPtr = std::shared_ptr<ProducerBatch>;

}  // namespace moldau::client
