// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "base/types.h"
#include "machine/raft/messages.h"
#include "machine/raft/voter_set.h"
#include "record/batch_builder.h"

namespace moldau::raft {

/// No batch of the metadata log or of a snapshot is larger, save one record that is by itself.
inline constexpr std::size_t kMetadataBatchBytesMax = std::size_t{8} << 20;

inline constexpr std::string_view kBootstrapCheckpointName = "bootstrap.checkpoint";
/// "00000000000000000208-0000000001.checkpoint"
std::string snapshot_name(OffsetAndEpoch id);
/// Nothing for a name that no complete snapshot has.
std::optional<OffsetAndEpoch> parse_snapshot_name(std::string_view name);

/// What stands in front of the records of a snapshot.
struct SnapshotPrologue {
  SnapshotPrologue() = default;
  /// Of the last record contained; 0 in bootstrap.checkpoint.
  Timestamp last_contained{0};
  /// Since kraft.version 1 only.
  std::optional<std::int16_t> kraft_version;
  std::optional<VoterSet> voters;
};

/// Makes the bytes of a snapshot: a control batch (SnapshotHeader, KRaftVersion, KRaftVoters),
/// batches of records, a control batch (SnapshotFooter). Offsets count from 0.
///
///   header batch | records … | records … | footer batch
///
/// Owner    keeps what it has made until finish().
/// Thread   a value.
/// Bounds   kMetadataBatchBytesMax per batch.
/// Source   RecordsSnapshotWriter; KIP-630, KIP-853.
class SnapshotWriter {
 public:
  SnapshotWriter(LeaderEpoch epoch, const SnapshotPrologue& prologue, Timestamp now);

  /// The value of one record of the metadata log; copied.
  void append(ByteView value);
  /// The file, in parts to be written one after the other.
  std::vector<Slice> finish();

 private:
  void end_batch();

  LeaderEpoch epoch_;
  Timestamp now_;
  Offset next_{0};
  std::vector<Slice> parts_;
  std::optional<record::BatchBuilder> batch_;
};

/// A snapshot that was read. The values borrow the bytes it was parsed from.
struct SnapshotContent {
  SnapshotContent() = default;
  SnapshotPrologue prologue;
  std::vector<ByteView> records;
};

/// Checks a whole snapshot file and takes it apart.
/// Errors   kCorruptMessage: checksums, no header, no footer, bytes behind it, compressed batches
///          (nobody writes them); kInvalidRecord.
/// Source   RecordsSnapshotReader.
Result<SnapshotContent> parse_snapshot(ByteView file);

}  // namespace moldau::raft
