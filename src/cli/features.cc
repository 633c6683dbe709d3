// SPDX-License-Identifier: Apache-2.0
// kafka-features. Source: FeatureCommand of 4.3.1.
#include <fmt/core.h>

#include <charconv>
#include <map>
#include <ostream>

#include "cli/admin_session.h"
#include "cli/argparse.h"
#include "cli/java_text.h"
#include "cli/tools.h"
#include "client/admin/features.h"
#include "machine/image/metadata_version.h"
#include "offline/storage_format.h"

namespace moldau::cli {
namespace {

namespace admin = client::admin;
using Updates = std::map<std::string, admin::FeatureUpdate>;
using UpdateType = admin::FeatureUpdate::Type;

constexpr const char* kMetadataVersion = "metadata.version";

Option many(std::string name, std::string description) {
  Option out;
  out.names = {std::move(name)};
  out.takes = Option::Takes::kArgument;
  out.description = std::move(description);
  out.repeated = true;
  return out;
}

Command command(std::string name, std::string description) {
  Command out;
  out.name = std::move(name);
  out.description = std::move(description);
  return out;
}

Command level_command(const std::string& name, const std::string& description, bool down) {
  Command out = command(name, description);
  out.options.argument("metadata", "", "Old: the metadata.version to go to, such as 3.3-IV3.")
      .argument("release-version", "", "The release whose levels all features are to have.")
      .add(many("feature", "A feature and its level, as metadata.version=5; may be repeated."));
  if (down) out.options.flag("unsafe", "Go down even if metadata are lost.");
  out.options.flag("dry-run", "Only ask whether it could be done.");
  return out;
}

CommandTable command_table() {
  CommandTable out;
  out.program = "kafka-features";
  out.description = "Look at the features of a cluster, and change their levels.";
  out.options
      .argument("bootstrap-server", "", "Brokers to begin with, as host:port, separated by commas.")
      .argument("bootstrap-controller", "", "Controllers to begin with instead.")
      .argument("command-config", "", "A file of properties for the connection.");
  ExclusiveGroup group;
  group.names = {"bootstrap-server", "bootstrap-controller"};
  out.groups.push_back(std::move(group));
  Command describe = command("describe", "Print the features and their levels.");
  describe.options.argument("node-id", "", "The node to ask; any one if not given.",
                            ArgumentType::kInteger);
  out.commands.push_back(std::move(describe));
  out.commands.push_back(level_command("upgrade", "Raise the levels of features.", false));
  out.commands.push_back(level_command("downgrade", "Lower the levels of features.", true));
  Command disable = command("disable", "Lower features to level 0.");
  disable.options.add(many("feature", "The feature; may be repeated."))
      .flag("unsafe", "Disable it even if metadata are lost.")
      .flag("dry-run", "Only ask whether it could be done.");
  out.commands.push_back(std::move(disable));
  Command mapping = command("version-mapping", "Print the levels that a release has.");
  mapping.options.argument("release-version", "", "The release; the newest if not given.");
  out.commands.push_back(std::move(mapping));
  Command needs = command("feature-dependencies", "Print what levels of features need of others.");
  Option feature = many("feature", "A feature and its level, as share.version=1; may be repeated.");
  feature.required = true;
  needs.options.add(std::move(feature));
  out.commands.push_back(std::move(needs));
  return out;
}

std::string level_text(const std::string& feature, std::int16_t level) {
  if (feature != kMetadataVersion) return std::to_string(level);
  const std::string_view name = image::MetadataVersion(level).name();
  return name.empty() ? "UNKNOWN " + std::to_string(level) : std::string(name);
}

env::Task<Result<void>> describe(ToolContext& context, AdminSession& session,
                                 const ParsedOptions& options) {
  const auto id = options.number("node-id");
  if (!id.ok()) co_return id.error();
  std::optional<NodeId> node;
  if (*id) node = NodeId(static_cast<std::int32_t>(**id));
  if (node && node->value() < 0)
    co_return wrong(fmt::format("Invalid node id {}: must be non-negative.", node->value()));
  auto told_features =
      co_await admin::describe_features(session.cluster(), node, session.deadline());
  if (!told_features.ok()) co_return told(context, told_features.error(), "describeFeatures");
  const admin::FeatureDescription& features = *told_features;
  for (const auto& [name, range] : features.supported) {
    const auto level = features.finalized.find(name);
    context.out << fmt::format(
        "Feature: {:<40}  SupportedMinVersion: {:<15}  SupportedMaxVersion: {:<15}  "
        "FinalizedVersionLevel: {:<15}  Epoch: {}\n",
        name, level_text(name, range.min), level_text(name, range.max),
        level_text(name, level == features.finalized.end() ? std::int16_t{0} : level->second),
        features.epoch ? std::to_string(*features.epoch) : "-");
  }
  co_return Result<void>();
}

/// "name=level".
Result<std::pair<std::string, std::int16_t>> parse_level(const std::string& text) {
  const std::size_t sign = text.find('=');
  if (sign == std::string::npos)
    return wrong("Can't parse feature=level string " + text + ": equals sign not found.");
  const std::string name(trim(text.substr(0, sign)));
  const std::string level(trim(text.substr(sign + 1)));
  const auto number = parse_int(level);
  if (!number.ok() || *number < INT16_MIN || *number > INT16_MAX)
    return wrong("Can't parse feature=level string " + text + ": unable to parse " + level +
                 " as a short.");
  return std::pair(name, static_cast<std::int16_t>(*number));
}

void put(Updates& updates, const std::string& feature, std::int16_t level, UpdateType type) {
  admin::FeatureUpdate& one = updates[feature];
  one.feature = feature;
  one.level = level;
  one.type = type;
}

/// The levels of a release: metadata.version, and what new clusters of it begin with.
Result<Updates> updates_to(const std::string& release, UpdateType type) {
  MOLDAU_ASSIGN_OR_RETURN(const auto version, offline::parse_release_version(release));
  Updates out;
  put(out, kMetadataVersion, version.level(), type);
  for (const image::FeatureSupport& feature : image::supported_features()) {
    if (feature.name == kMetadataVersion) continue;
    const std::int16_t level = image::default_feature_level(feature, version);
    if (type != UpdateType::kUpgrade || level > 0) put(out, std::string(feature.name), level, type);
  }
  return out;
}

Result<Updates> read_updates(ToolContext& context, const ParsedCommand& command, UpdateType type) {
  const ParsedOptions& options = command.options;
  Updates out;
  if (command.name == "disable") {
    for (const std::string& feature : options.values("feature")) {
      if (out.contains(feature))
        return wrong("Feature " + feature + " was specified more than once.");
      put(out, feature, 0, type);
    }
    return out;
  }
  MOLDAU_ASSIGN_OR_RETURN(const auto release, options.value("release-version"));
  MOLDAU_ASSIGN_OR_RETURN(const auto metadata, options.value("metadata"));
  if (release && (metadata || options.has("feature")))
    return wrong("Can not specify `release-version` with other feature flags.");
  if (release) return updates_to(*release, type);
  if (metadata) {
    context.out << " `metadata` flag is deprecated and may be removed in a future release.\n";
    MOLDAU_ASSIGN_OR_RETURN(const auto version, offline::parse_release_version(*metadata));
    put(out, kMetadataVersion, version.level(), type);
  }
  for (const std::string& text : options.values("feature")) {
    MOLDAU_ASSIGN_OR_RETURN(const auto level, parse_level(text));
    if (out.contains(level.first))
      return wrong("Feature " + level.first + " was specified more than once.");
    put(out, level.first, level.second, type);
  }
  return out;
}

env::Task<Result<void>> update(ToolContext& context, AdminSession& session,
                               const ParsedCommand& command) {
  const std::string& doing = command.name;
  UpdateType type = UpdateType::kUpgrade;
  if (doing != "upgrade")
    type =
        command.options.has("unsafe") ? UpdateType::kUnsafeDowngrade : UpdateType::kSafeDowngrade;
  const auto updates = read_updates(context, command, type);
  if (!updates.ok()) co_return updates.error();
  if (updates->empty()) co_return wrong("You must specify at least one feature to " + doing);
  const bool dry = command.options.has("dry-run");
  std::vector<admin::FeatureUpdate> list;
  for (const auto& [name, one] : *updates) list.push_back(one);
  const auto done =
      co_await admin::update_features(session.cluster(), std::move(list), dry, session.deadline());
  std::size_t failed = 0;
  for (const auto& outcome : done) {
    const std::string& name = outcome.key;
    const std::int16_t level = updates->at(name).level;
    const bool off = doing == "disable";
    if (outcome.result.ok()) {
      context.out << name << (dry ? " can be " : " was ")
                  << (off ? "disabled." : fmt::format("{}d to {}.", doing, level)) << "\n";
      continue;
    }
    ++failed;
    context.out << (dry ? "Can not " : "Could not ") << doing << " " << name
                << (off ? "" : fmt::format(" to {}", level)) << ". "
                << java_message(context, outcome.result.error(), "updateFeatures") << "\n";
  }
  if (failed > 0)
    co_return wrong(fmt::format("{} out of {} operation(s) failed.", failed, updates->size()));
  co_return Result<void>();
}

/// The commands that ask no cluster.
Result<void> print_offline(ToolContext& context, const ParsedCommand& command) {
  const ParsedOptions& options = command.options;
  if (command.name == "feature-dependencies") {
    // One after the other: what is fine is printed before the first that is not.
    for (const std::string& feature : options.values("feature")) {
      MOLDAU_ASSIGN_OR_RETURN(const auto lines, offline::describe_feature_dependencies({feature}));
      for (const std::string& line : lines) context.out << line << "\n";
    }
    return {};
  }
  MOLDAU_ASSIGN_OR_RETURN(const auto release, options.value("release-version"));
  MOLDAU_ASSIGN_OR_RETURN(const auto lines, offline::describe_version_mapping(release));
  for (const std::string& line : lines) context.out << line << "\n";
  return {};
}

int end(ToolContext& context, const Result<void>& done) {
  if (!done.ok()) context.err << done.error().detail << "\n";
  return done.ok() ? 0 : 1;
}

}  // namespace

env::Task<int> run_features(ToolContext& context, std::vector<std::string> arguments) {
  const CommandTable table = command_table();
  const CommandStart start = start_command(context, table, arguments, 0);
  if (start.ended) co_return *start.ended;
  const ParsedCommand& command = start.command;
  if (command.name == "version-mapping" || command.name == "feature-dependencies")
    co_return end(context, print_offline(context, command));
  if (!command.options.has("bootstrap-server") && !command.options.has("bootstrap-controller"))
    co_return end(context,
                  wrong("You must specify either --bootstrap-controller or --bootstrap-server."));
  const auto properties = connection_properties(context, command.options);
  if (!properties.ok()) co_return end(context, properties.error());
  auto session = AdminSession::open(context, *properties);
  if (!session.ok()) co_return end(context, session.error());
  Result<void> done;
  if (command.name == "describe") {
    auto described = co_await describe(context, **session, command.options);
    done = std::move(described);
  } else {
    auto updated = co_await update(context, **session, command);
    done = std::move(updated);
  }
  co_return end(context, done);
}

}  // namespace moldau::cli
