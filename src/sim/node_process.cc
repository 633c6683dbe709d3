// SPDX-License-Identifier: Apache-2.0
#include "sim/node_process.h"

#include <algorithm>
#include <utility>

#include "offline/storage_format.h"

namespace moldau::sim {
namespace {

env::fake::FakeShard& first_shard(env::fake::FakeEnv& env) {
  return env.shard(env::ShardId(0));
}

}  // namespace

NodeProcess::NodeProcess(env::fake::World& world, env::fake::FakeDisk& disk,
                         std::shared_ptr<const config::BrokerConfig> config,
                         const env::fake::FakeEnvOptions& options)
    : config_(std::move(config)),
      started_(world.now()),
      env_(std::make_unique<env::fake::FakeEnv>(world, disk, options)) {
  first_shard(*env_).post([this] { start(); });
}

NodeProcess::~NodeProcess() {
  if (!env_->dead()) env_->die(env::fake::FakeEnv::Death::kKill);
  env::fake::CurrentShard current(&first_shard(*env_));
  env_->drop_all();
  node_.reset();
  env_->drop_all();
}

Result<void> NodeProcess::maybe_format() {
  MOLDAU_ASSIGN_OR_RETURN(
      const bool formatted,
      offline::is_formatted(env_->disk(), config_->log_dirs, config_->metadata_log_dir));
  if (formatted) return {};
  env::Random& random = first_shard(*env_).random();
  offline::FormatInputs inputs;
  inputs.now = env_->clock().wall();
  inputs.random = [&random] { return random.next(); };
  offline::FormatOptions options;
  options.node_id = config_->node_id;
  options.is_controller = true;
  options.log_dirs = config_->log_dirs;
  if (std::find(options.log_dirs.begin(), options.log_dirs.end(), config_->metadata_log_dir) ==
      options.log_dirs.end())
    options.log_dirs.push_back(config_->metadata_log_dir);
  options.metadata_log_dir = config_->metadata_log_dir;
  options.controller_listener = config_->controller_listener_names.front();
  const config::Listener& controller = config_->advertised_controller_listeners.front();
  options.controller_endpoint =
      raft::Endpoint(controller.name, controller.host, static_cast<std::uint16_t>(controller.port));
  options.cluster_id = Uuid::random([&random] { return random.next(); }).text();
  options.standalone = true;
  options.ignore_formatted = true;
  MOLDAU_TRY(offline::format_storage(env_->disk(), options, inputs));
  return {};
}

void NodeProcess::start() {
  const Result<void> formatted = maybe_format();
  if (env_->dead()) return;
  if (!formatted.ok()) {
    env_->logger().write(env::LogLevel::kError, "storage", formatted.error().text());
    exit_code_ = 1;
    return;
  }
  assembly::NodeEvents events;
  events.fatal = [this](int code) {
    if (!env_->dead()) exit_code_ = code;
  };
  node_ = std::make_unique<assembly::Node>(*env_, config_, std::move(events));
  node_->start();
}

void NodeProcess::stop() {
  if (std::exchange(stopping_, true)) return;
  first_shard(*env_).post([this] { node_->stop([this] { stopped_ = true; }); });
}

std::string NodeProcess::last_lines(std::size_t count) const {
  const auto& lines = env_->logger().lines();
  std::string out;
  for (std::size_t i = lines.size() > count ? lines.size() - count : 0; i < lines.size(); ++i)
    out += "    " + std::to_string(lines[i].when.value() / 1'000'000) + " " + lines[i].component +
           ": " + lines[i].text + "\n";
  return out;
}

}  // namespace moldau::sim
