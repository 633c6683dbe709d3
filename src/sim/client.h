// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "sim/connection.h"
#include "sim/model.h"

namespace moldau::sim {

/// A model client: wakes up now and then, keeps a connection, does its work when it may.
///
/// Owner    Simulation; lives until the end of the run.
/// Thread   one thread.
class Client {
 public:
  Client(Model& model, env::fake::FakeShard& shard)
      : model_(model), shard_(shard), random_(model.random.fork()) {}
  virtual ~Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void start() { tick(); }
  /// Nothing it has asked for is unanswered.
  virtual bool idle() const { return !connection_ || connection_->waiting() == 0; }
  /// For the report of a run that does not come to rest: what it still waits for.
  virtual std::string waits_for() const { return "a client waits for answers"; }
  /// Breaks the connection, or forgets it while it still delivers.
  void disturb();

 protected:
  /// Called every few milliseconds while the gate is open.
  virtual void work() = 0;
  /// A connection is there anew; what was under way has failed.
  virtual void on_connected() {}
  virtual std::int64_t pause_ms_max() const { return 40; }

  bool connected() const { return connection_ && !connection_->broken(); }
  Model& model_;
  env::fake::FakeShard& shard_;
  env::fake::SeededRandom random_;
  std::shared_ptr<Connection> connection_;

 private:
  void tick();
  MonoTime retry_at_;
  std::shared_ptr<Connection> forgotten_;
};

}  // namespace moldau::sim
