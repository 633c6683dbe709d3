// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <thread>

#include "config/broker_config.h"
#include "main/commands.h"
#include "main/first_start.h"
#include "main/node_program.h"
#include "os/run.h"
#include "os/spdlog_logger.h"

namespace moldau::program {
namespace {

struct ServerArguments {
  std::optional<std::string> file;
  std::vector<std::string> overrides;
};

Result<ServerArguments> parse_arguments(const std::vector<std::string>& arguments) {
  ServerArguments out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--override") {
      if (i + 1 == arguments.size())
        return Error(ErrorCode::kInvalidConfig, "--override needs KEY=VALUE");
      out.overrides.push_back(arguments[++i]);
    } else if (argument.starts_with("--override=")) {
      out.overrides.push_back(argument.substr(11));
    } else if (argument.starts_with("-")) {
      return Error(ErrorCode::kInvalidConfig, "unknown option " + argument);
    } else if (out.file) {
      return Error(ErrorCode::kInvalidConfig, "more than one configuration file");
    } else {
      out.file = argument;
    }
  }
  return out;
}

Result<config::PropertySet> read_properties(const ServerArguments& arguments) {
  config::PropertySet set;
  if (arguments.file) {
    std::ifstream in(*arguments.file, std::ios::binary);
    if (!in) return Error(ErrorCode::kInvalidConfig, "cannot read " + *arguments.file);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    MOLDAU_ASSIGN_OR_RETURN(set, config::parse_properties(text, *arguments.file));
  } else {
    set = config::default_single_node_properties();
  }
  for (const std::string& override_text : arguments.overrides)
    MOLDAU_TRY(config::apply_override(set, override_text));
  return set;
}

os::RealEnvOptions env_options_of(const config::BrokerConfig& config) {
  os::RealEnvOptions options;
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const std::int32_t wanted = config.values.moldau_shards;
  // The other half is for the kernel, the pools and the neighbours: docs/decisions/0005.
  options.shards = wanted > 0 ? static_cast<std::uint32_t>(wanted) : std::max(1U, cores / 2);
  options.log_dirs = static_cast<std::uint32_t>(config.log_dirs.size() + 1);
  if (config.values.moldau_pool_threads > 0)
    options.threads_per_pool = static_cast<std::uint32_t>(config.values.moldau_pool_threads);
  return options;
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "moldau: %s\n", error.detail.c_str());
  return code;
}

}  // namespace

int run_server(const std::vector<std::string>& arguments) {
  auto parsed = parse_arguments(arguments);
  if (!parsed.ok()) return complain(parsed.error(), 2);
  auto properties = read_properties(*parsed);
  if (!properties.ok()) return complain(properties.error(), 2);
  auto loaded = config::load_broker_config(*properties);
  if (!loaded.ok()) return complain(loaded.error(), 2);
  auto config = std::make_shared<const config::BrokerConfig>(std::move(loaded->config));

  os::block_signals();
  os::LogOptions log;
  const auto level = env::parse_log_level(config->values.moldau_log_level);
  if (!level)
    return complain(Error(ErrorCode::kInvalidConfig,
                          "moldau.log.level: \"" + config->values.moldau_log_level +
                              "\" is no log level: trace, debug, info, warn, error, fatal"),
                    2);
  log.level = *level;
  auto logger = os::make_logger(log);
  if (!logger.ok()) return complain(logger.error(), 2);
  for (const std::string& warning : loaded->warnings)
    (*logger)->write(env::LogLevel::kWarn, "config", warning);
  if (!parsed->file) {
    if (auto formatted = format_first_start(*config, **logger); !formatted.ok())
      return complain(formatted.error(), 1);
  }

  os::RealEnvOptions options = env_options_of(*config);
  options.logger = std::move(logger).value();
  std::optional<config::PropertySet> shown;
  if (!parsed->file) shown = std::move(*properties);
  return os::run(std::move(options), [config, shown](env::Env& env, os::Control& control) {
    return make_node_program(env, control, config, shown);
  });
}

}  // namespace moldau::program
