// SPDX-License-Identifier: Apache-2.0
#include "offline/storage_state.h"

#include <algorithm>
#include <set>

#include "machine/raft/snapshot_file.h"

namespace moldau::offline {
namespace {

constexpr std::size_t kMarkerBytesMax = std::size_t{1} << 20;

Error invalid(std::string detail) {
  return {ErrorCode::kInvalidConfig, std::move(detail)};
}

std::string marker_path(const std::string& metadata_log_dir) {
  return metadata_log_dir + "/" + kUnfinishedFormatName;
}

Result<bool> is_there(env::Disk& disk, const std::string& path) {
  MOLDAU_ASSIGN_OR_RETURN(const std::optional<env::FileStat> stat, disk.stat(path));
  return stat.has_value();
}

// The directories that an interrupted format named.
Result<std::set<std::string>> unfinished(env::Disk& disk, const std::string& metadata_log_dir) {
  std::set<std::string> names;
  MOLDAU_ASSIGN_OR_RETURN(const bool marked, is_there(disk, marker_path(metadata_log_dir)));
  if (!marked) return names;
  MOLDAU_ASSIGN_OR_RETURN(
      const std::string text,
      env::read_small_file(disk, marker_path(metadata_log_dir), kMarkerBytesMax));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    names.insert(text.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

bool is_of_format(std::string name) {
  if (name.ends_with(".tmp")) name.resize(name.size() - 4);
  return name == log::kMetaPropertiesName || name == raft::kBootstrapCheckpointName ||
         name == kUnfinishedFormatName || name == ".lock" || name == "lost+found";
}

// Nothing but what format writes: no node has worked here.
Result<bool> is_untouched(env::Disk& disk, const std::string& log_dir) {
  MOLDAU_ASSIGN_OR_RETURN(const auto entries, disk.list(log_dir));
  for (const env::DirectoryEntry& entry : entries) {
    if (is_of_format(entry.name)) continue;
    if (entry.name != kMetadataPartitionDirectory) return false;
    MOLDAU_ASSIGN_OR_RETURN(const auto files, disk.list(log_dir + "/" + entry.name));
    const std::string first = raft::snapshot_name(raft::OffsetAndEpoch());
    for (const env::DirectoryEntry& file : files)
      if (file.name != first && file.name != first + ".part") return false;
  }
  return true;
}

Result<std::optional<log::MetaProperties>> load_meta(env::Disk& disk, const std::string& dir) {
  const std::string path = dir + "/" + log::kMetaPropertiesName;
  MOLDAU_ASSIGN_OR_RETURN(const bool formatted, is_there(disk, path));
  std::optional<log::MetaProperties> meta;
  if (!formatted) return meta;
  MOLDAU_ASSIGN_OR_RETURN(const std::string text, env::read_small_file(disk, path));
  auto parsed = log::MetaProperties::parse(text);
  if (!parsed.ok())
    return invalid("I/O error trying to read log directory " + dir + ": " + parsed.error().detail);
  meta = *parsed;
  return meta;
}

}  // namespace

Result<StorageState> StorageState::load(env::Disk& disk, const std::vector<std::string>& log_dirs,
                                        const std::string& metadata_log_dir) {
  StorageState state;
  MOLDAU_ASSIGN_OR_RETURN(const auto named, unfinished(disk, metadata_log_dir));
  for (const std::string& dir : log_dirs) {
    MOLDAU_ASSIGN_OR_RETURN(const bool exists, is_there(disk, dir));
    state.directories_[dir] = std::nullopt;
    if (!exists) continue;
    if (named.contains(dir)) {
      MOLDAU_ASSIGN_OR_RETURN(const bool untouched, is_untouched(disk, dir));
      if (untouched) continue;
    }
    MOLDAU_ASSIGN_OR_RETURN(state.directories_[dir], load_meta(disk, dir));
  }
  return state;
}

Result<void> StorageState::verify(const std::string& cluster_id, NodeId node_id) const {
  std::map<DirectoryId, std::string> seen;
  for (const auto& [dir, meta] : directories_) {
    if (!meta) continue;
    const std::string path = dir + "/" + log::kMetaPropertiesName;
    if (!meta->cluster_id.empty() && meta->cluster_id != cluster_id)
      return invalid("Invalid cluster.id in: " + path + ". Expected " + cluster_id + ", but read " +
                     meta->cluster_id);
    if (meta->node_id.value() >= 0 && meta->node_id != node_id)
      return invalid("Stored node id " + std::to_string(meta->node_id.value()) +
                     " doesn't match previous node id " + std::to_string(node_id.value()) + " in " +
                     path +
                     ". If you moved your data, make sure your configured node id matches. If "
                     "you intend to create a new node, you should remove all data in your data "
                     "directories.");
    if (meta->directory_id.is_zero()) continue;
    if (meta->directory_id.is_reserved())
      return invalid("Invalid reserved directory ID " + meta->directory_id.text() + " found in " +
                     dir);
    const auto [other, first] = seen.emplace(meta->directory_id, dir);
    if (!first)
      return invalid("Duplicate directory ID " + meta->directory_id.text() +
                     " found. It was the ID of " + other->second + ", but also of " + dir);
  }
  return {};
}

std::vector<std::string> StorageState::unformatted() const {
  std::vector<std::string> out;
  for (const auto& [dir, meta] : directories_)
    if (!meta) out.push_back(dir);
  return out;
}

std::optional<std::string> StorageState::first_formatted() const {
  for (const auto& [dir, meta] : directories_)
    if (meta) return dir;
  return std::nullopt;
}

bool StorageState::has_directory_id(const DirectoryId& id) const {
  return std::any_of(directories_.begin(), directories_.end(), [&](const auto& entry) {
    return entry.second && entry.second->directory_id == id;
  });
}

Result<void> make_durable_directory(env::Disk& disk, const std::string& path) {
  std::vector<std::string> missing;
  for (std::string at = path;;) {
    MOLDAU_ASSIGN_OR_RETURN(const bool exists, is_there(disk, at));
    if (exists) break;
    missing.push_back(at);
    const std::string above = env::parent_of(at);
    if (above == at) break;
    at = above;
  }
  MOLDAU_TRY(disk.make_directories(path));
  for (const std::string& made : missing) MOLDAU_TRY(disk.sync_directory(env::parent_of(made)));
  return {};
}

Result<void> begin_format(env::Disk& disk, const std::string& metadata_log_dir,
                          const std::vector<std::string>& directories) {
  std::string text;
  for (const std::string& dir : directories) text += dir + "\n";
  return env::write_small_file(disk, marker_path(metadata_log_dir), as_view(text));
}

Result<void> end_format(env::Disk& disk, const std::string& metadata_log_dir) {
  MOLDAU_TRY(disk.remove_file(marker_path(metadata_log_dir)));
  return disk.sync_directory(metadata_log_dir);
}

}  // namespace moldau::offline
