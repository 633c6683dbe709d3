// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "sim/client.h"

namespace moldau::sim {

/// Creates the topics of the model until they are there; if asked to, churns others and deletes
/// records. After each start of the node compares what it says of topics with what it promised.
///
/// Thread   one thread.
/// Bounds   one request at a time.
class Admin final : public Client {
 public:
  Admin(Model& model, env::fake::FakeShard& shard, bool deletes_records)
      : Client(model, shard), deletes_records_(deletes_records) {}

  /// Moves replicas between these log dirs (their paths, by comma).
  void move_between(const std::string& log_dirs);
  bool all_there() const;

 protected:
  void work() override;
  void on_connected() override { busy_ = false; }

 private:
  void create(ModelTopic& topic);
  void remove(ModelTopic& topic);
  void delete_records(const ModelTopic& topic);
  void move_replica(const ModelTopic& topic);
  void compare_topics();
  void compare(ModelTopic& topic, ErrorCode code, const TopicId& id, std::size_t partitions);

  const bool deletes_records_;
  std::vector<std::string> log_dirs_;
  bool busy_ = false;
};

}  // namespace moldau::sim
