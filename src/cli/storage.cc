// SPDX-License-Identifier: Apache-2.0
#include "cli/storage.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <optional>
#include <ostream>
#include <string_view>

#include "cli/storage_config.h"
#include "offline/storage_format.h"

namespace moldau::cli {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;

struct Arguments {
  std::string config;
  std::string release_version;
  std::string initial_controllers;
  std::vector<std::string> dependencies;
  offline::FormatOptions format;
};

void print(std::ostream& out, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) out << line << "\n";
}

int fail(std::ostream& err, const Error& error) {
  err << error.detail << "\n";
  return kFailed;
}

CLI::App* add_format(CLI::App& app, Arguments& arguments) {
  CLI::App* format = app.add_subcommand("format", "Format the Kafka log directories.");
  offline::FormatOptions& options = arguments.format;
  format->add_option("-c,--config", arguments.config, "The Kafka configuration file to use.")
      ->required();
  format->add_option("-t,--cluster-id", options.cluster_id, "The cluster ID to use.")->required();
  format
      ->add_option("-S,--add-scram", options.scram,
                   "A SCRAM credential to add to the metadata log, e.g. "
                   "'SCRAM-SHA-256=[name=alice,password=alice-secret]'. May be repeated.")
      ->take_all()
      ->expected(1);
  format->add_flag("-g,--ignore-formatted", options.ignore_formatted,
                   "Leave directories alone that are formatted already.");
  format->add_option("-r,--release-version", arguments.release_version,
                     "The release the new cluster begins with; the newest if not given.");
  format
      ->add_option("-f,--feature", options.features,
                   "The level of a feature of the new cluster, in feature=level form. May be "
                   "repeated.")
      ->take_all()
      ->expected(1);
  CLI::Option* standalone = format->add_flag("-s,--standalone", options.standalone,
                                             "This controller is the only voter at first.");
  CLI::Option* none =
      format->add_flag("-N,--no-initial-controllers", options.no_initial_controllers,
                       "Format without voters: this node joins a cluster.");
  CLI::Option* named =
      format->add_option("-I,--initial-controllers", arguments.initial_controllers,
                         "The first voters, as id@host:port:directory-id, comma-separated.");
  standalone->excludes(none)->excludes(named);
  none->excludes(named);
  return format;
}

int run_format(const Arguments& arguments, const offline::FormatOptions& config, env::Disk& disk,
               env::Clock& clock, env::Random& random, std::ostream& out, std::ostream& err) {
  offline::FormatOptions options = arguments.format;
  options.node_id = config.node_id;
  options.is_controller = config.is_controller;
  options.log_dirs = config.log_dirs;
  options.metadata_log_dir = config.metadata_log_dir;
  options.has_static_voters = config.has_static_voters;
  options.controller_listener = config.controller_listener;
  options.controller_endpoint = config.controller_endpoint;
  if (!arguments.release_version.empty()) options.release_version = arguments.release_version;
  offline::FormatInputs inputs;
  inputs.now = clock.wall();
  inputs.random = [&random] { return random.next(); };
  const auto lines = offline::format_storage(disk, options, inputs);
  if (!lines.ok()) return fail(err, lines.error());
  print(out, *lines);
  return kDone;
}

int run_info(const offline::FormatOptions& config, env::Disk& disk, std::ostream& out) {
  const offline::StorageReport report = offline::describe_storage(disk, config.log_dirs);
  print(out, report.lines);
  return report.has_problems ? kFailed : kDone;
}

int print_result(const Result<std::vector<std::string>>& lines, std::ostream& out,
                 std::ostream& err) {
  if (!lines.ok()) return fail(err, lines.error());
  print(out, *lines);
  return kDone;
}

}  // namespace

int storage_main(const std::vector<std::string>& args, env::Disk& disk, env::Clock& clock,
                 env::Random& random, std::ostream& out, std::ostream& err) {
  CLI::App app("The Kafka storage tool.", "moldau storage");
  app.require_subcommand(1);
  Arguments arguments;
  CLI::App* info = app.add_subcommand("info", "Get information about the log directories.");
  info->add_option("-c,--config", arguments.config, "The Kafka configuration file to use.")
      ->required();
  CLI::App* format = add_format(app, arguments);
  CLI::App* mapping = app.add_subcommand("version-mapping",
                                         "The metadata.version and feature levels of a release.");
  mapping->add_option("-r,--release-version", arguments.release_version, "The release to use.");
  CLI::App* dependencies =
      app.add_subcommand("feature-dependencies", "What levels of features need of others.");
  dependencies
      ->add_option("-f,--feature", arguments.dependencies,
                   "The feature level to look up, in feature=level form. May be repeated.")
      ->required()
      ->take_all()
      ->expected(1);
  CLI::App* uuid = app.add_subcommand("random-uuid", "Print a random UUID.");
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    // Help is no error; anything else is wrong usage, which Apache's tool ends with 1.
    return app.exit(error, out, err) == 0 ? kDone : kFailed;
  }
  if (uuid->parsed()) {
    out << Uuid::random([&random] { return random.next(); }).text() << "\n";
    return kDone;
  }
  if (mapping->parsed()) {
    std::optional<std::string> release;
    if (!arguments.release_version.empty()) release = arguments.release_version;
    return print_result(offline::describe_version_mapping(release), out, err);
  }
  if (dependencies->parsed())
    return print_result(offline::describe_feature_dependencies(arguments.dependencies), out, err);
  const auto config = load_format_options(disk, arguments.config);
  if (!config.ok()) return fail(err, config.error());
  if (info->parsed()) return run_info(*config, disk, out);
  if (format->get_option("--initial-controllers")->count() > 0)
    arguments.format.initial_controllers = arguments.initial_controllers;
  return run_format(arguments, *config, disk, clock, random, out, err);
}

}  // namespace moldau::cli
