// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/types.h"
#include "env/fake/fake_env.h"
#include "record/compression.h"
#include "sim/invariant.h"

namespace moldau::sim {

/// A topic that was asked for, and what became of it.
struct ModelTopic {
  enum class State { kWanted, kCreating, kThere, kDeleting, kGone };
  std::string name;
  std::int32_t partitions = 1;
  bool durable = false;
  std::vector<std::pair<std::string, std::string>> configs;
  bool expires = false;
  bool compacted = false;
  /// Some of its records belong to transactions.
  bool transactional = false;
  /// Made and removed again by admin clients.
  bool churns = false;
  State state = State::kWanted;
  TopicId id;
  /// Counts what was asked for and learnt: an answer about an earlier state says nothing.
  std::uint64_t changes = 0;
  /// A request without an answer may still be on its way until then.
  MonoTime unsure_until;
};

/// What all model clients share: the topics, the checks, where the node is and whether they may
/// talk to it.
/// Thread   one thread.
struct Model {
  explicit Model(env::fake::World& w) : world(w), random(w.random().fork()) {}

  env::fake::World& world;
  env::fake::SeededRandom random;
  Checks checks;
  std::map<std::string, ModelTopic> topics;
  /// Whose state is compared across a restart.
  std::set<std::string> groups;
  /// Those of them that have epochs.
  std::set<std::string> consumer_groups;
  /// Those of them whose offsets go away by themselves, some time after offsets_retention.
  std::set<std::string> expiring_groups;
  Millis offsets_retention{0};
  /// With the topic that each reads.
  std::map<std::string, std::string> share_groups;
  std::map<std::string, std::string> streams_groups;
  std::set<std::string> transactional_ids;
  record::CompressionContext compression;
  env::SocketAddress node{"127.0.0.1", 9092};
  /// Closed behind a power cut until it is known what it took; and at the end.
  bool gate_open = false;
  bool draining = false;

  Life lives_ended = 0;
  /// The node stood still until then: its timers were late.
  MonoTime paused_until;

  // Progress.
  std::uint64_t acked = 0;
  std::uint64_t read = 0;
  std::uint64_t produce_errors = 0;
  std::uint64_t sessions = 0;
  std::uint64_t full_reads = 0;
  std::uint64_t transactions_committed = 0;
  std::uint64_t offset_commits = 0;  // asked for
  std::uint64_t assignments = 0;

  Millis retention_of(const std::string& group) const {
    return expiring_groups.contains(group) ? offsets_retention : Millis(0);
  }
  const ModelTopic* topic_of(const TopicId& id) const {
    for (const auto& [name, topic] : topics)
      if (topic.id == id) return &topic;
    return nullptr;
  }
};

}  // namespace moldau::sim
