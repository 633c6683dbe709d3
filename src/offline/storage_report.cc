// SPDX-License-Identifier: Apache-2.0
// What the sub-commands of `storage` print that only look: info, version-mapping,
// feature-dependencies; and whether a node may start.
#include <algorithm>

#include "log/meta_properties.h"
#include "machine/image/metadata_version.h"
#include "offline/format_arguments.h"
#include "offline/storage_format.h"
#include "offline/storage_state.h"

namespace moldau::offline {
namespace {

using image::FeatureSupport;
using image::MetadataVersion;

std::string meta_text(const log::MetaProperties& meta) {
  std::string text = "{";
  const auto add = [&](const char* key, const std::string& value) {
    text += (text.size() > 1 ? ", " : "") + std::string(key) + "=" + value;
  };
  const std::string id = std::to_string(meta.node_id.value());
  if (meta.version == 0 && meta.node_id.value() >= 0) add("broker.id", id);
  if (!meta.cluster_id.empty()) add("cluster.id", meta.cluster_id);
  if (!meta.directory_id.is_zero()) add("directory.id", meta.directory_id.text());
  if (meta.version == 1) add("node.id", id);
  add("version", std::to_string(meta.version));
  return text + "}";
}

// Looks at one directory; what is wrong goes to `problems`.
void inspect(env::Disk& disk, const std::string& dir, std::vector<std::string>& found,
             std::optional<log::MetaProperties>& first, std::vector<std::string>& problems) {
  const auto stat = disk.stat(dir);
  if (!stat.ok() || !*stat) {
    problems.push_back(dir + (stat.ok() ? " does not exist" : ": " + stat.error().detail));
    return;
  }
  if (!(*stat)->is_directory) {
    problems.push_back(dir + " is not a directory");
    return;
  }
  found.push_back(dir);
  const std::string path = dir + "/" + log::kMetaPropertiesName;
  const auto file = disk.stat(path);
  if (file.ok() && !*file) {
    problems.push_back(dir + " is not formatted.");
    return;
  }
  const auto text = env::read_small_file(disk, path);
  if (!text.ok()) {
    problems.push_back("Error loading " + path + ": " + text.error().detail);
    return;
  }
  const auto meta = log::MetaProperties::parse(*text);
  if (!meta.ok())
    problems.push_back("Error loading " + path + ": " + meta.error().detail);
  else if (!first)
    first = *meta;
  else if (first->cluster_id != meta->cluster_id)
    problems.emplace_back("Mismatched cluster IDs between storage directories.");
  else if (first->node_id != meta->node_id)
    problems.emplace_back("Mismatched node IDs between storage directories.");
}

}  // namespace

Result<bool> is_formatted(env::Disk& disk, const std::vector<std::string>& log_dirs,
                          const std::string& metadata_log_dir) {
  MOLDAU_ASSIGN_OR_RETURN(const StorageState state,
                          StorageState::load(disk, log_dirs, metadata_log_dir));
  return state.unformatted().empty();
}

StorageReport describe_storage(env::Disk& disk, const std::vector<std::string>& log_dirs) {
  StorageReport report;
  std::vector<std::string> dirs = log_dirs;
  std::sort(dirs.begin(), dirs.end());
  std::vector<std::string> found;
  std::vector<std::string> problems;
  std::optional<log::MetaProperties> meta;
  for (const std::string& dir : dirs) inspect(disk, dir, found, meta, problems);
  if (meta && meta->version == 0)
    problems.emplace_back(
        "The kafka configuration file appears to be for a cluster in KRaft mode, but the "
        "directories are formatted for legacy mode.");
  const auto add = [&](const char* one, const char* several, std::vector<std::string>& lines) {
    if (lines.empty()) return;
    report.lines.emplace_back(lines.size() == 1 ? one : several);
    for (const std::string& line : lines) report.lines.push_back("  " + line);
    report.lines.emplace_back();
  };
  add("Found log directory:", "Found log directories:", found);
  if (meta) {
    report.lines.push_back("Found metadata: " + meta_text(*meta));
    report.lines.emplace_back();
  }
  add("Found problem:", "Found problems:", problems);
  report.has_problems = !problems.empty();
  return report;
}

Result<MetadataVersion> parse_release_version(std::string_view text) {
  // "4.3.1" is the release 4.3, and a release means its last metadata.version.
  const std::size_t dot = text.find('.');
  const std::size_t second = dot == text.npos ? text.npos : text.find('.', dot + 1);
  const std::string_view wanted = text.substr(0, second);
  std::string known;
  std::optional<MetadataVersion> found;
  for (std::int16_t level = MetadataVersion::kLowest; level <= MetadataVersion::kLatest; ++level) {
    const MetadataVersion version(level);
    const std::string_view name = version.name();
    known += (known.empty() ? "" : ", ") + std::string(name);
    if (name == wanted || name.substr(0, name.find('-')) == wanted) found = version;
  }
  if (found) return *found;
  return Error(ErrorCode::kInvalidConfig, "Unknown metadata.version '" + std::string(text) +
                                              "'. Supported metadata.version are: " + known);
}

Result<std::vector<std::string>> describe_version_mapping(
    const std::optional<std::string>& release_version) {
  MetadataVersion version(MetadataVersion::kLatest);
  if (release_version) {
    MOLDAU_ASSIGN_OR_RETURN(version, parse_release_version(*release_version));
  }
  std::vector<std::string> lines;
  lines.push_back("metadata.version=" + std::to_string(version.level()) + " (" +
                  release_version.value_or(std::string(version.name())) + ")");
  // The order of Apache's enumeration of features.
  for (const std::string_view name :
       {image::kKraftVersionFeature, image::kTransactionFeature, image::kGroupFeature,
        image::kElrFeature, image::kShareFeature, image::kStreamsFeature})
    lines.push_back(
        std::string(name) + "=" +
        std::to_string(image::default_feature_level(*image::find_feature(name), version)));
  return lines;
}

Result<std::vector<std::string>> describe_feature_dependencies(
    const std::vector<std::string>& features) {
  std::vector<std::string> lines;
  for (const std::string& text : features) {
    MOLDAU_ASSIGN_OR_RETURN(const auto asked, parse_feature(text));
    const auto& [name, level] = asked;
    const FeatureSupport* feature = image::find_feature(name);
    if (!feature) return Error(ErrorCode::kInvalidConfig, "Unknown feature: " + name);
    if (level < feature->min_level || level > feature->max_level)
      return Error(ErrorCode::kInvalidConfig, "Feature level " + std::to_string(level) +
                                                  " is not supported for feature " + name);
    std::string title = name + "=" + std::to_string(level);
    if (name == image::kMetadataVersionFeature)
      title += " (" + std::string(MetadataVersion(level).name()) + ")";
    const MetadataVersion needed(feature->needs_metadata_version);
    if (level == 0 || !MetadataVersion::known(needed.level())) {
      lines.push_back(title + " has no dependencies.");
      continue;
    }
    lines.push_back(title + " requires:");
    lines.push_back("    metadata.version=" + std::to_string(needed.level()) + " (" +
                    std::string(needed.name()) + ")");
  }
  return lines;
}

}  // namespace moldau::offline
