// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/broker_config.h"
#include "env/fake/fake_env.h"
#include "node/assembly/node.h"
#include "sim/observations.h"

namespace moldau::sim {

/// One life of the node: formats the disk if that is due, as the program does without a file,
/// then runs the whole node until it is stopped or dies.
///
/// Owner    Simulation; outlived by world and disk.
/// Thread   one thread.
class NodeProcess {
 public:
  NodeProcess(env::fake::World& world, env::fake::FakeDisk& disk,
              std::shared_ptr<const config::BrokerConfig> config,
              const env::fake::FakeEnvOptions& options);
  ~NodeProcess();

  env::fake::FakeEnv& env() { return *env_; }
  bool is_running() const { return node_ && node_->is_running() && !env_->dead() && !stopping_; }
  bool is_dead() const { return env_->dead(); }
  /// It gave up by itself, with an exit code.
  std::optional<int> exit_code() const { return exit_code_; }
  void stop();
  bool is_stopped() const { return stopped_; }
  image::ImagePtr image() const { return node_ ? node_->image() : image::ImagePtr(); }
  MonoTime started() const { return started_; }
  /// The last lines it wrote, newest last.
  std::string last_lines(std::size_t count) const;

 private:
  void start();
  Result<void> maybe_format();

  const std::shared_ptr<const config::BrokerConfig> config_;
  MonoTime started_;
  std::unique_ptr<env::fake::FakeEnv> env_;
  std::unique_ptr<assembly::Node> node_;
  std::optional<int> exit_code_;
  bool stopping_ = false;
  bool stopped_ = false;
};

}  // namespace moldau::sim
