// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "env/disk.h"
#include "log/meta_properties.h"

namespace moldau::offline {

inline constexpr const char* kMetadataPartitionDirectory = "__cluster_metadata-0";
/// Ours: names, in the metadata log directory, the directories that a format is working on.
inline constexpr const char* kUnfinishedFormatName = ".moldau-format-unfinished";

/// What the log directories of a node say of themselves.
/// Thread   a value; load() blocks.
/// Errors   kInvalidConfig in Apache's words; kKafkaStorageError.
/// Source   MetaPropertiesEnsemble.
class StorageState {
 public:
  /// Directories of an interrupted format count as not formatted, as long as they hold nothing
  /// but what format puts there.
  static Result<StorageState> load(env::Disk& disk, const std::vector<std::string>& log_dirs,
                                   const std::string& metadata_log_dir);

  /// All formatted ones belong to this cluster and node and differ in their directory ids.
  Result<void> verify(const std::string& cluster_id, NodeId node_id) const;
  std::vector<std::string> unformatted() const;
  std::optional<std::string> first_formatted() const;
  bool has_directory_id(const DirectoryId& id) const;

 private:
  std::map<std::string, std::optional<log::MetaProperties>> directories_;
};

/// Creates a directory and makes the names on the way to it durable.
Result<void> make_durable_directory(env::Disk& disk, const std::string& path);
Result<void> begin_format(env::Disk& disk, const std::string& metadata_log_dir,
                          const std::vector<std::string>& directories);
Result<void> end_format(env::Disk& disk, const std::string& metadata_log_dir);

}  // namespace moldau::offline
