// SPDX-License-Identifier: Apache-2.0
#include "offline/storage_format.h"

#include <algorithm>

#include "config/properties.h"
#include "log/meta_properties.h"
#include "machine/image/record.h"
#include "machine/image/record_list.h"
#include "machine/raft/snapshot_file.h"
#include "offline/format_arguments.h"
#include "offline/storage_state.h"

namespace moldau::offline {
namespace {

Error invalid(std::string detail) {
  return {ErrorCode::kInvalidConfig, std::move(detail)};
}

std::string joined(const std::vector<Slice>& parts) {
  std::string bytes;
  for (const Slice& part : parts) bytes.append(as_text(part.view()));
  return bytes;
}

// What is to be written, decided before anything is touched.
struct Plan {
  ChosenFeatures features;
  std::optional<raft::VoterSet> voters;
  std::string bootstrap;  // bytes of bootstrap.checkpoint
  std::string summary;
};

Result<std::optional<raft::VoterSet>> choose_voters(const FormatOptions& options,
                                                    FormatInputs& inputs) {
  const bool named = options.initial_controllers.has_value();
  if (options.has_static_voters && (named || options.standalone))
    return invalid(
        "You cannot specify controller.quorum.voters and format the node with "
        "--initial-controllers or --standalone. If you want to use dynamic quorum, please remove "
        "controller.quorum.voters and specify controller.quorum.bootstrap.servers instead.");
  if (options.standalone) {
    if (!options.is_controller) return invalid("You can only use --standalone on a controller.");
    if (!options.controller_endpoint) return invalid("No controller listeners found.");
    raft::Endpoint endpoint = *options.controller_endpoint;
    endpoint.listener = options.controller_listener;
    if (endpoint.host.empty()) endpoint.host = "localhost";
    const raft::ReplicaKey key(options.node_id, Uuid::random(inputs.random));
    std::optional<raft::VoterSet> voters(std::in_place);
    voters->put(raft::Voter(key, {endpoint}));
    return voters;
  }
  std::optional<raft::VoterSet> voters;
  if (named) {
    MOLDAU_ASSIGN_OR_RETURN(voters, parse_initial_controllers(*options.initial_controllers,
                                                              options.controller_listener));
  }
  if (!voters && !options.no_initial_controllers && options.is_controller &&
      !options.has_static_voters)
    return invalid(
        "Because controller.quorum.voters is not set on this controller, you must specify one of "
        "the following: --standalone, --initial-controllers, or --no-initial-controllers.");
  return voters;
}

Result<void> check_options(const FormatOptions& options) {
  const int ways = (options.standalone ? 1 : 0) + (options.no_initial_controllers ? 1 : 0) +
                   (options.initial_controllers ? 1 : 0);
  if (ways > 1)
    return invalid(
        "Only one of --standalone, --initial-controllers and --no-initial-controllers may be "
        "given.");
  if (options.node_id.value() < 0) return invalid("You must specify a valid non-negative node ID.");
  if (options.cluster_id.empty()) return invalid("You must specify the cluster id.");
  if (options.log_dirs.empty()) return invalid("You must specify at least one directory to format");
  if (options.controller_listener.empty())
    return invalid("You must specify the name of the initial controller listener.");
  const auto& dirs = options.log_dirs;
  if (std::find(dirs.begin(), dirs.end(), options.metadata_log_dir) == dirs.end())
    return invalid("The specified metadata log directory, " + options.metadata_log_dir +
                   " was not one of the given directories: " + options.log_dirs.front());
  return {};
}

Result<Plan> make_plan(const FormatOptions& options, FormatInputs& inputs) {
  MOLDAU_TRY(check_options(options));
  Plan plan;
  MOLDAU_ASSIGN_OR_RETURN(plan.voters, choose_voters(options, inputs));
  const bool dynamic =
      !options.has_static_voters && (plan.voters || options.no_initial_controllers);
  MOLDAU_ASSIGN_OR_RETURN(plan.features,
                          choose_features(options.features, options.release_version, dynamic));
  const image::MetadataVersion version = plan.features.metadata_version;

  image::RecordList records(version);
  plan.summary = "Bootstrap metadata:";
  const auto add_feature = [&](std::string_view name, std::int16_t level) {
    records.feature_level(name, level);
    plan.summary += " " + std::string(name) + "=" + std::to_string(level);
  };
  add_feature(image::kMetadataVersionFeature, version.level());
  // kraft.version lives in control records; a level of 0 is said by silence.
  for (const auto& [name, level] : plan.features.levels)
    if (level > 0 && name != image::kMetadataVersionFeature && name != image::kKraftVersionFeature)
      add_feature(name, level);
  if (!options.scram.empty() && !version.has_scram())
    return invalid("SCRAM is only supported in metadata.version 3.5-IV2 or later.");
  for (const std::string& text : options.scram) {
    MOLDAU_ASSIGN_OR_RETURN(const auto user, parse_scram(text, inputs.random));
    records.scram(user.first, user.second);
    plan.summary += " SCRAM credential of " + user.first.second;
  }
  raft::SnapshotWriter writer(LeaderEpoch(0), raft::SnapshotPrologue(), inputs.now);
  for (const image::MetadataRecord& record : records.records()) {
    const std::vector<std::byte> value = image::serialize_record(record);
    writer.append(value);
  }
  plan.bootstrap = joined(writer.finish());
  return plan;
}

/// Writes one checkpoint as Apache leaves it: complete, read-only, under its name.
Result<void> write_checkpoint(env::Disk& disk, const std::string& directory,
                              const std::string& bytes) {
  const std::string path = directory + "/" + raft::snapshot_name(raft::OffsetAndEpoch());
  const std::string part = path + ".part";
  {
    MOLDAU_ASSIGN_OR_RETURN(const std::optional<env::FileStat> old, disk.stat(part));
    // One that a cut left behind is read-only.
    if (old) MOLDAU_TRY(disk.remove_file(part));
    MOLDAU_ASSIGN_OR_RETURN(const auto file, disk.open(part, env::OpenMode::kOpenOrCreate));
    MOLDAU_TRY(file->write(as_view(bytes), 0));
    MOLDAU_TRY(file->sync());
  }
  MOLDAU_TRY(disk.set_read_only(part));
  MOLDAU_TRY(disk.rename(part, path));
  return disk.sync_directory(directory);
}

Result<void> write_voters(env::Disk& disk, const std::string& log_dir, const Plan& plan,
                          Timestamp now) {
  const std::string directory = log_dir + "/" + kMetadataPartitionDirectory;
  MOLDAU_TRY(disk.make_directories(directory));
  MOLDAU_TRY(disk.sync_directory(log_dir));
  raft::SnapshotPrologue prologue;
  prologue.last_contained = now;
  prologue.kraft_version = plan.features.levels.find(image::kKraftVersionFeature)->second;
  prologue.voters = *plan.voters;
  raft::SnapshotWriter writer(LeaderEpoch(0), prologue, now);
  return write_checkpoint(disk, directory, joined(writer.finish()));
}

std::string_view kind_of(const std::string& dir, const FormatOptions& options, const Plan& plan) {
  if (dir != options.metadata_log_dir) return "data directory";
  if (!plan.voters) return "metadata directory";
  return plan.voters->contains(options.node_id) ? "dynamic metadata voter directory"
                                                : "dynamic metadata directory";
}

// Files in the order that Java's hash map gives them, so that a comparison shows no difference.
Result<void> write_meta(env::Disk& disk, const std::string& dir, const FormatOptions& options,
                        DirectoryId id, Timestamp now) {
  const std::string text =
      config::write_properties({{"node.id", std::to_string(options.node_id.value())},
                                {"directory.id", id.text()},
                                {"version", "1"},
                                {"cluster.id", options.cluster_id}},
                               "", now);
  return env::write_small_file(disk, dir + "/" + log::kMetaPropertiesName, as_view(text));
}

DirectoryId new_directory_id(const std::string& dir, const FormatOptions& options, const Plan& plan,
                             const StorageState& state, FormatInputs& inputs) {
  if (dir == options.metadata_log_dir && plan.voters && plan.voters->contains(options.node_id))
    return plan.voters->find(options.node_id)->key.directory;
  for (;;) {
    const DirectoryId id = Uuid::random(inputs.random);
    if (!state.has_directory_id(id)) return id;
  }
}

Result<void> write_all(env::Disk& disk, const FormatOptions& options, const Plan& plan,
                       const StorageState& state, FormatInputs& inputs,
                       std::vector<std::string>& lines) {
  const std::vector<std::string> empty = state.unformatted();
  for (const std::string& dir : empty) MOLDAU_TRY(make_durable_directory(disk, dir));
  MOLDAU_TRY(make_durable_directory(disk, options.metadata_log_dir));
  MOLDAU_TRY(begin_format(disk, options.metadata_log_dir, empty));
  for (const std::string& dir : empty) {
    lines.push_back("Formatting " + std::string(kind_of(dir, options, plan)) + " " + dir +
                    " with metadata.version " + std::string(plan.features.metadata_version.name()) +
                    ".");
    MOLDAU_TRY(env::write_small_file(disk, dir + "/" + std::string(raft::kBootstrapCheckpointName),
                                     as_view(plan.bootstrap)));
    if (dir == options.metadata_log_dir && plan.voters)
      MOLDAU_TRY(write_voters(disk, dir, plan, inputs.now));
  }
  // From here on directories count as formatted: after all else stands in all of them.
  for (const std::string& dir : empty) {
    const DirectoryId id = new_directory_id(dir, options, plan, state, inputs);
    MOLDAU_TRY(write_meta(disk, dir, options, id, inputs.now));
  }
  return end_format(disk, options.metadata_log_dir);
}

}  // namespace

Result<std::vector<std::string>> format_storage(env::Disk& disk, const FormatOptions& options,
                                                FormatInputs& inputs) {
  MOLDAU_ASSIGN_OR_RETURN(const Plan plan, make_plan(options, inputs));
  MOLDAU_ASSIGN_OR_RETURN(const StorageState state,
                          StorageState::load(disk, options.log_dirs, options.metadata_log_dir));
  MOLDAU_TRY(state.verify(options.cluster_id, options.node_id));
  const std::optional<std::string> formatted = state.first_formatted();
  if (formatted && !options.ignore_formatted)
    return invalid("Log directory " + *formatted +
                   " is already formatted. Use --ignore-formatted to ignore this directory and "
                   "format the others.");
  std::vector<std::string> lines;
  if (state.unformatted().empty()) {
    lines.emplace_back("All of the log directories are already formatted.");
    return lines;
  }
  lines.push_back(plan.summary);
  MOLDAU_TRY(write_all(disk, options, plan, state, inputs, lines));
  return lines;
}

}  // namespace moldau::offline
