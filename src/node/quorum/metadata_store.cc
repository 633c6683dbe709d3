// SPDX-License-Identifier: Apache-2.0
#include "node/quorum/metadata_store.h"

#include "machine/image/delta.h"
#include "machine/image/record_list.h"
#include "machine/raft/quorum_state_file.h"

namespace moldau::quorum {
namespace {

constexpr raft::OffsetAndEpoch kFirstVoters;

Error within(const std::string& path, Error error) {
  error.detail = path + ": " + error.detail;
  return error;
}

// What the records hold borrows the values.
Result<std::vector<image::MetadataRecord>> parse_records(const std::vector<ByteView>& values) {
  std::vector<image::MetadataRecord> records;
  records.reserve(values.size());
  for (const ByteView value : values) {
    MOLDAU_ASSIGN_OR_RETURN(image::MetadataRecord record, image::parse_record(value));
    records.push_back(std::move(record));
  }
  return records;
}

// A new cluster formatted by nobody's tool: all features as new as this software knows them.
Result<image::MetadataImage> newest_features() {
  image::MetadataDelta delta{image::MetadataImage()};
  image::RecordList records;
  const image::MetadataVersion version(image::MetadataVersion::kLatest);
  for (const image::FeatureSupport& feature : image::supported_features()) {
    const std::int16_t level = image::default_feature_level(feature, version);
    if (level > 0 && feature.name != image::kKraftVersionFeature)
      records.feature_level(feature.name, level);
  }
  for (const image::MetadataRecord& record : records.records()) MOLDAU_TRY(delta.replay(record));
  return delta.image();
}

}  // namespace

MetadataStore::MetadataStore(env::Disk& disk, std::string log_dir)
    : disk_(disk),
      log_dir_(std::move(log_dir)),
      directory_(log_dir_ + "/" + std::string(kMetadataDirectory)) {}

std::string MetadataStore::path_of(raft::OffsetAndEpoch id) const {
  return directory_ + "/" + raft::snapshot_name(id);
}

Result<StoredMetadata> MetadataStore::load() {
  StoredMetadata out;
  MOLDAU_TRY(disk_.make_directories(directory_));
  MOLDAU_TRY(disk_.sync_directory(log_dir_));
  MOLDAU_ASSIGN_OR_RETURN(const std::vector<env::DirectoryEntry> entries, disk_.list(directory_));
  for (const env::DirectoryEntry& entry : entries) MOLDAU_TRY(load_entry(entry, out));
  if (!out.snapshots.empty()) {
    MOLDAU_ASSIGN_OR_RETURN(out.newest, load_snapshot(out.snapshots.rbegin()->first));
  }
  MOLDAU_ASSIGN_OR_RETURN(out.bootstrap, load_bootstrap());
  return out;
}

Result<void> MetadataStore::load_entry(const env::DirectoryEntry& entry, StoredMetadata& out) {
  const std::string path = directory_ + "/" + entry.name;
  if (entry.name == raft::kQuorumStateName) {
    MOLDAU_ASSIGN_OR_RETURN(const std::string text,
                            env::read_small_file(disk_, path, raft::kQuorumStateBytesMax));
    auto state = raft::parse_quorum_state(text);
    if (!state.ok()) return within(path, std::move(state).error());
    out.election = *state;
    return {};
  }
  if (entry.name.ends_with(".checkpoint.part") || entry.name.ends_with(".checkpoint.deleted"))
    return disk_.remove_file(path);
  const auto id = raft::parse_snapshot_name(entry.name);
  if (!id) return {};
  if (*id == kFirstVoters) {
    MOLDAU_ASSIGN_OR_RETURN(const LoadedSnapshot first, load_snapshot(*id));
    out.first_voters = first.prologue;
    return {};
  }
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<env::FileStat> stat, disk_.stat(path));
  out.snapshots[*id] = stat ? static_cast<std::int64_t>(stat->size) : 0;
  return {};
}

Result<LoadedSnapshot> MetadataStore::load_snapshot(raft::OffsetAndEpoch id) {
  const std::string path = path_of(id);
  MOLDAU_ASSIGN_OR_RETURN(const auto file, disk_.open(path, env::OpenMode::kRead));
  MOLDAU_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  if (size > kSnapshotBytesMax)
    return Error(ErrorCode::kCorruptMessage, path + " is larger than any snapshot");
  LoadedSnapshot loaded;
  loaded.id = id;
  loaded.bytes = Slice::allocate(size);
  MOLDAU_ASSIGN_OR_RETURN(const std::size_t got, file->read(loaded.bytes.mutable_view(), 0));
  auto content = raft::parse_snapshot(loaded.bytes.view().first(got));
  if (!content.ok()) return within(path, std::move(content).error());
  loaded.prologue = std::move(content->prologue);
  auto records = parse_records(content->records);
  if (!records.ok()) return within(path, std::move(records).error());
  loaded.records = std::move(records).value();
  return loaded;
}

Result<image::MetadataImage> MetadataStore::load_bootstrap() {
  const std::string path = log_dir_ + "/" + std::string(raft::kBootstrapCheckpointName);
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<env::FileStat> stat, disk_.stat(path));
  if (!stat) return newest_features();
  MOLDAU_ASSIGN_OR_RETURN(const std::string text, env::read_small_file(disk_, path));
  auto content = raft::parse_snapshot(as_view(text));
  if (!content.ok()) return within(path, std::move(content).error());
  auto records = parse_records(content->records);
  if (!records.ok()) return within(path, std::move(records).error());
  image::MetadataDelta delta{image::MetadataImage()};
  for (const image::MetadataRecord& record : *records) {
    auto replayed = delta.replay(record);
    if (!replayed.ok()) return within(path, std::move(replayed).error());
  }
  return delta.image();
}

Result<void> MetadataStore::write_quorum_state(std::string_view text) {
  return env::write_small_file(disk_, directory_ + "/" + std::string(raft::kQuorumStateName),
                               as_view(text));
}

Result<std::int64_t> MetadataStore::write_snapshot(raft::OffsetAndEpoch id,
                                                   const std::vector<Slice>& parts) {
  const std::string path = path_of(id);
  const std::string part_path = path + ".part";
  std::int64_t size = 0;
  {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<env::FileStat> old, disk_.stat(part_path));
    if (old) MOLDAU_TRY(disk_.remove_file(part_path));
    MOLDAU_ASSIGN_OR_RETURN(const auto file, disk_.open(part_path, env::OpenMode::kCreateNew));
    for (const Slice& part : parts) {
      MOLDAU_TRY(file->write(part.view(), static_cast<std::uint64_t>(size)));
      size += static_cast<std::int64_t>(part.size());
    }
    MOLDAU_TRY(file->sync());
  }
  MOLDAU_TRY(disk_.set_read_only(part_path));
  MOLDAU_TRY(disk_.rename(part_path, path));
  MOLDAU_TRY(disk_.sync_directory(directory_));
  return size;
}

Result<void> MetadataStore::delete_snapshot(raft::OffsetAndEpoch id) {
  MOLDAU_TRY(disk_.remove_file(path_of(id)));
  return disk_.sync_directory(directory_);
}

Result<Timestamp> MetadataStore::snapshot_time(raft::OffsetAndEpoch id) {
  MOLDAU_ASSIGN_OR_RETURN(const LoadedSnapshot loaded, load_snapshot(id));
  return loaded.prologue.last_contained;
}

}  // namespace moldau::quorum
