// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "env/disk.h"
#include "log/segment.h"
#include "machine/partition/leader_epochs.h"

namespace moldau::record {
class CompressionContext;
}

namespace moldau::log {

/// A fetch from one partition.
struct ReadRequest {
  Offset offset{0};
  /// Nothing at or above this: log end, high watermark or last stable offset.
  Offset upper_bound{0};
  std::uint32_t bytes_max = 0;
  /// Give the first batch whole even if it is larger than bytes_max.
  bool min_one_message = false;
  /// For read_committed: tell which transactions in the range were aborted.
  bool aborted_transactions = false;
  /// kNever: fail with env::is_cold() if what tells where the records lie is not in memory.
  env::Wait wait = env::Wait::kForDevice;
};

/// Bytes of a file, to be sent as they are.
struct FileRange {
  std::shared_ptr<env::File> file;
  std::uint64_t position = 0;
  std::uint32_t length = 0;
};

/// What a read found. As in Kafka it ends with its segment and may end in the middle of a batch.
struct ReadResult {
  /// length 0: there is nothing (yet).
  FileRange range;
  /// Base offset of the segment, for the position of the fetch.
  Offset segment_base_offset{0};
  /// bytes_max was below the size of the first batch (and min_one_message not set).
  bool first_batch_incomplete = false;
  std::vector<AbortedTransaction> aborted_transactions;
};

/// The answer of a search by time.
struct FoundOffset {
  Offset offset{-1};
  Timestamp timestamp{-1};
  LeaderEpoch leader_epoch{-1};
};

/// The special timestamps of ListOffsets.
inline constexpr Timestamp kLatestTimestamp{-1};
inline constexpr Timestamp kEarliestTimestamp{-2};
inline constexpr Timestamp kMaxTimestamp{-3};
inline constexpr Timestamp kEarliestLocalTimestamp{-4};
inline constexpr Timestamp kLatestTieredTimestamp{-5};
inline constexpr Timestamp kEarliestPendingUploadTimestamp{-6};

/// An unchanging look at a whole log, for what may block: cold reads, searches by time.
///
/// Owner    a value that shares the files.
/// Thread   any thread. The log may be truncated meanwhile: whoever took the view compares
///          PartitionLog::generation() before he believes the answer.
/// Bounds   about 200 bytes per segment.
/// Errors   as SegmentView; kOffsetOutOfRange.
class LogView {
 public:
  Offset log_start_offset{0};
  Offset log_end_offset{0};
  std::uint64_t generation = 0;
  std::optional<partition::EpochEntry> earliest_epoch;
  std::optional<partition::EpochEntry> latest_epoch;
  std::vector<SegmentView> segments;

  Result<ReadResult> read(const ReadRequest& request) const;
  /// ListOffsets for any timestamp, special ones included (kLatestTimestamp gives the log end;
  /// the host puts its own bound there). Nothing if no record is that new.
  Result<std::optional<FoundOffset>> offset_for_timestamp(
      Timestamp timestamp, record::CompressionContext& context) const;
  /// The record with the largest timestamp (the first of them).
  Result<std::optional<FoundOffset>> newest_record(record::CompressionContext& context) const;
  /// Transactions that touch [fetch_offset, upper_bound).
  Result<std::vector<AbortedTransaction>> aborted_transactions(Offset fetch_offset,
                                                               Offset upper_bound) const;
};

/// What one segment gives a read: the part both PartitionLog and LogView share.
/// `visible` is the end of what the reader may see in this segment, `first` the batch that holds
/// the first record.
Result<ReadResult> read_range(const LogFile& log, Offset segment_base_offset,
                              const ReadRequest& request, std::uint32_t visible,
                              const BatchPosition& first);

}  // namespace moldau::log
