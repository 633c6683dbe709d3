// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "base/types.h"
#include "env/disk.h"
#include "machine/image/image.h"
#include "machine/image/loader.h"
#include "machine/image/record.h"
#include "machine/raft/effects.h"
#include "machine/raft/snapshot_file.h"

namespace moldau::quorum {

inline constexpr std::string_view kMetadataTopic = "__cluster_metadata";
inline constexpr std::string_view kMetadataDirectory = "__cluster_metadata-0";

/// Snapshots that are on disk, with their sizes; the 0-0 checkpoint is not among them.
using SnapshotSizes = std::map<raft::OffsetAndEpoch, std::int64_t>;

/// The newest snapshot, read and taken apart.
struct LoadedSnapshot {
  LoadedSnapshot() = default;
  raft::OffsetAndEpoch id;
  raft::SnapshotPrologue prologue;
  Slice bytes;  // the records borrow them
  std::vector<image::MetadataRecord> records;
};

/// What stands in the metadata log directory besides the log itself.
struct StoredMetadata {
  StoredMetadata() = default;
  std::optional<raft::ElectionState> election;
  /// Of the 0-0 checkpoint.
  std::optional<raft::SnapshotPrologue> first_voters;
  SnapshotSizes snapshots;
  std::optional<LoadedSnapshot> newest;
  /// Of bootstrap.checkpoint; the newest features if there is none.
  image::MetadataImage bootstrap;
};

/// The small files of the metadata log: quorum-state, snapshots, bootstrap.checkpoint.
///
/// Path     QuorumHost calls it on the pool of the directory.
/// Owner    QuorumHost; `disk` outlives it.
/// Thread   any thread, all calls block; one at a time for a file.
/// Bounds   a snapshot is read whole: kSnapshotBytesMax.
/// Durable  when a call returns; a cut leaves the old file or the new one.
/// Errors   kKafkaStorageError; kCorruptMessage, kInvalidRecord: a file that cannot be read.
/// Source   FileQuorumStateStore, KafkaRaftLog, BootstrapDirectory.
class MetadataStore {
 public:
  /// `log_dir` holds __cluster_metadata-0.
  MetadataStore(env::Disk& disk, std::string log_dir);

  const std::string& directory() const { return directory_; }
  /// Also removes what interrupted writes and deletes left behind.
  Result<StoredMetadata> load();

  Result<void> write_quorum_state(std::string_view text);
  /// Gives the size.
  Result<std::int64_t> write_snapshot(raft::OffsetAndEpoch id, const std::vector<Slice>& parts);
  Result<void> delete_snapshot(raft::OffsetAndEpoch id);
  /// When the last record in it was written.
  Result<Timestamp> snapshot_time(raft::OffsetAndEpoch id);

  static constexpr std::size_t kSnapshotBytesMax = std::size_t{4} << 30;

 private:
  Result<void> load_entry(const env::DirectoryEntry& entry, StoredMetadata& out);
  Result<LoadedSnapshot> load_snapshot(raft::OffsetAndEpoch id);
  Result<image::MetadataImage> load_bootstrap();
  std::string path_of(raft::OffsetAndEpoch id) const;

  env::Disk& disk_;
  std::string log_dir_;
  std::string directory_;
};

}  // namespace moldau::quorum
