// SPDX-License-Identifier: Apache-2.0
#include "main/first_start.h"

#include <algorithm>

#include "offline/storage_format.h"
#include "os/file_disk.h"
#include "os/kernel_random.h"
#include "os/real_clock.h"

namespace moldau::program {

Result<void> format_first_start(const config::BrokerConfig& config, env::Logger& logger) {
  os::FileDisk disk;
  MOLDAU_ASSIGN_OR_RETURN(const bool formatted,
                          offline::is_formatted(disk, config.log_dirs, config.metadata_log_dir));
  if (formatted) return {};
  os::RealClock clock;
  os::KernelRandom random;
  offline::FormatInputs inputs;
  inputs.now = clock.wall();
  inputs.random = [&random] { return random.next(); };
  offline::FormatOptions options;
  options.node_id = config.node_id;
  options.is_controller = true;
  options.log_dirs = config.log_dirs;
  // It may be one of its own.
  if (std::find(options.log_dirs.begin(), options.log_dirs.end(), config.metadata_log_dir) ==
      options.log_dirs.end())
    options.log_dirs.push_back(config.metadata_log_dir);
  options.metadata_log_dir = config.metadata_log_dir;
  options.controller_listener = config.controller_listener_names.front();
  const config::Listener& controller = config.advertised_controller_listeners.front();
  options.controller_endpoint =
      raft::Endpoint(controller.name, controller.host, static_cast<std::uint16_t>(controller.port));
  options.cluster_id = Uuid::random([&random] { return random.next(); }).text();
  options.standalone = true;
  options.ignore_formatted = true;
  MOLDAU_ASSIGN_OR_RETURN(const std::vector<std::string> lines,
                          offline::format_storage(disk, options, inputs));
  for (const std::string& line : lines) logger.info("storage", "{}", line);
  return {};
}

}  // namespace moldau::program
