// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace moldau::partition {

/// A leader epoch and the offset of its first record.
struct EpochEntry {
  LeaderEpoch epoch{-1};
  Offset start_offset{-1};
  bool operator==(const EpochEntry&) const = default;
};

/// Where an epoch ends: the answer of OffsetsForLeaderEpoch. Both -1: unknown.
struct EpochEndOffset {
  LeaderEpoch epoch{-1};
  Offset end_offset{-1};
  bool operator==(const EpochEndOffset&) const = default;
};

/// Which leader epoch wrote which part of a log; decides where a follower truncates.
///
/// Thread   a value.
/// Bounds   one entry (16 bytes) per epoch that still has records; parse() refuses more than
///          kEntriesMax.
/// Source   KIP-101, KIP-279; LeaderEpochFileCache, LeaderEpochCheckpointFile.
class LeaderEpochs {
 public:
  static constexpr std::size_t kEntriesMax = 1'000'000;

  /// A record of `epoch` at `start_offset`. Entries that contradict it (same or later epoch or
  /// offset) go. True if anything changed.
  bool assign(LeaderEpoch epoch, Offset start_offset);
  void clear() { entries_.clear(); }

  bool empty() const { return entries_.empty(); }
  /// Ordered by epoch and by start offset.
  const std::vector<EpochEntry>& entries() const { return entries_; }
  std::optional<EpochEntry> latest() const;
  std::optional<EpochEntry> earliest() const;
  std::optional<LeaderEpoch> epoch_for_offset(Offset offset) const;

  /// The largest epoch not above `requested` and where it ends.
  EpochEndOffset end_offset_for(LeaderEpoch requested, Offset log_end) const;

  /// Forgets epochs that begin at or after `end`; true if any did.
  bool truncate_from_end(Offset end);
  /// Forgets epochs that end before `start`; the first remaining one begins there. True if
  /// anything changed.
  bool truncate_from_start(Offset start);

  /// The content of leader-epoch-checkpoint.
  std::string serialize() const;
  /// Errors   kCorruptMessage: not such a file, or out of order.
  static Result<LeaderEpochs> parse(std::string_view text);

 private:
  std::vector<EpochEntry> entries_;
};

}  // namespace moldau::partition
