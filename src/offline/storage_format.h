// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "base/unique_function.h"
#include "env/disk.h"
#include "machine/image/metadata_version.h"
#include "machine/raft/voter_set.h"

namespace moldau::offline {

/// What `kafka-storage format` is told, by its options and by the configuration.
struct FormatOptions {
  FormatOptions() = default;

  // The configuration.
  NodeId node_id{-1};
  bool is_controller = false;
  std::vector<std::string> log_dirs;
  std::string metadata_log_dir;
  bool has_static_voters = false;
  /// The first of controller.listener.names.
  std::string controller_listener;
  /// How others reach it; for --standalone.
  std::optional<raft::Endpoint> controller_endpoint;

  // The command line.
  std::string cluster_id;
  bool standalone = false;
  bool no_initial_controllers = false;
  /// id@host:port:directoryId,…
  std::optional<std::string> initial_controllers;
  std::optional<std::string> release_version;
  /// "name=level"
  std::vector<std::string> features;
  /// SCRAM-SHA-256=[name=…,password=…]
  std::vector<std::string> scram;
  bool ignore_formatted = false;
};

/// Time and chance, which a tool takes from its process.
struct FormatInputs {
  FormatInputs() = default;
  Timestamp now{0};
  /// 64 random bits.
  UniqueFunction<std::uint64_t()> random;
};

/// Prepares the log directories of a node as Apache's `kafka-storage format` does.
///
///   <log dir>/bootstrap.checkpoint                     feature levels, SCRAM credentials
///   <metadata log dir>/__cluster_metadata-0/
///       00000000000000000000-0000000000.checkpoint     the first voters (dynamic quorum)
///   <log dir>/meta.properties                          last: from now on it is formatted
///
/// Everything is written new, synced and renamed. While it runs, a file of ours in the metadata
/// log directory names the directories it began with; if the power is cut, the next run formats
/// those anew, unless a node has put something there.
/// Thread   blocks; one at a time per directory.
/// Durable  all of it when this returns; after a crash, the next format succeeds.
/// Errors   kInvalidConfig: options that do not fit, already formatted, another cluster's or
///          node's directories; kKafkaStorageError. The detail is what Apache's tool prints.
/// Source   Formatter, StorageTool; KIP-631, KIP-853, KIP-1022.
Result<std::vector<std::string>> format_storage(env::Disk& disk, const FormatOptions& options,
                                                FormatInputs& inputs);

/// True if a node may start on these directories: each has meta.properties and no format was
/// interrupted.
Result<bool> is_formatted(env::Disk& disk, const std::vector<std::string>& log_dirs,
                          const std::string& metadata_log_dir);

/// A report of `kafka-storage info`.
struct StorageReport {
  StorageReport() = default;
  std::vector<std::string> lines;
  bool has_problems = false;
};
StorageReport describe_storage(env::Disk& disk, const std::vector<std::string>& log_dirs);

/// The level of "4.3-IV0", "4.3", "4.3.1".
/// Errors   kInvalidConfig with all that are known.
Result<image::MetadataVersion> parse_release_version(std::string_view text);

/// What `version-mapping` and `feature-dependencies` print.
Result<std::vector<std::string>> describe_version_mapping(
    const std::optional<std::string>& release_version);
Result<std::vector<std::string>> describe_feature_dependencies(
    const std::vector<std::string>& features);

}  // namespace moldau::offline
