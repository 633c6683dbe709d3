// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace moldau::sim {

/// The subset of TOML that scenarios use: `key = "text" | number | true | false`, [section],
/// [[section]], # comments.
/// Thread   a value.
struct TomlSection {
  using Value = std::variant<std::string, std::int64_t, bool>;
  std::string name;  // "" before the first header
  bool is_element = false;
  std::map<std::string, Value> values;

  std::string text(const std::string& key, std::string otherwise = {}) const;
  std::int64_t number(const std::string& key, std::int64_t otherwise) const;
  bool flag(const std::string& key, bool otherwise) const;
};

/// Errors   kInvalidConfig with the line.
Result<std::vector<TomlSection>> parse_toml(std::string_view text);

/// What one kind of run consists of.
/// Thread   a value.
struct Scenario {
  struct Topic {
    std::string name;
    std::int32_t partitions = 1;
    bool durable = false;
    bool churns = false;
    bool expires = false;    // retention moves its log start
    bool compacted = false;  // cleanup.policy=compact
    bool transactional = false;
    std::vector<std::pair<std::string, std::string>> configs;
  };
  struct Workload {
    /// admin, producer, consumer, committed_consumer, transactional_producer, transformer,
    /// group_member, consumer_member, share_member, streams_member,
    /// offset_committer, group_deleter
    std::string kind;
    std::string topic;
    std::int64_t count = 1;
    bool idempotent = true;
    std::int64_t acks = -1;
    std::int64_t records_max = 2'000;
    std::int64_t pause_ms = 40;
    std::int64_t keys = 0;  // so many different keys; 0: records have none
    bool deletes_records = false;
    std::string from;   // what a transformer reads
    std::string also;   // what members subscribe to besides, now and then
    std::string group;  // of members; each transformer's is its own
    bool is_static = false;
    bool is_steady = false;  // group_members that stay, so that their group is never empty
    /// All of this workload fight for one transactional id.
    bool shares_id = false;
    std::int64_t timeout_ms = 4'000;  // of transactions
    bool silent = true;               // lets transactions time out now and then
    std::int64_t restarts = 2;        // per mille of its looks at what is to be done
    bool deletes = false;             // an offset_committer: offsets, and its group
    bool lets_expire = false;   // an offset_committer: leaves offsets alone beyond their retention
    bool whole_groups = false;  // a group_deleter: not only offsets
    /// Of an admin: log dirs, by comma, between which replicas are moved now and then.
    std::string moves_between;
  };
  struct Fault {
    std::string kind;
    std::int64_t every_ms = 5'000;  // on average
    std::int64_t calls_max = 300;   // of those that count system calls or steps
    bool at_start = false;          // armed anew before each start, too
  };

  std::string name;
  std::int64_t seconds = 20;
  std::int64_t shards_max = 3;
  std::int64_t resets_per_million = 0;
  std::int64_t slow_per_mille = 0;
  /// How often what is read is not in memory.
  std::int64_t cold_per_mille = 50;
  std::map<std::string, std::string> properties;
  std::vector<Topic> topics;
  std::vector<Workload> workloads;
  std::vector<Fault> faults;
};

/// Errors   kInvalidConfig: no TOML of ours, an unknown section, key, kind or topic.
Result<Scenario> parse_scenario(std::string_view name, std::string_view text);

/// The scenarios that were built in, by name.
struct ScenarioText {
  std::string_view name;
  std::string_view text;
};
const std::vector<ScenarioText>& all_scenarios();

}  // namespace moldau::sim
