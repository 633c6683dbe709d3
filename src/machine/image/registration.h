// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace moldau::image {

/// Where a node is reached under a listener's name.
struct Endpoint {
  Endpoint() = default;
  std::string listener;
  std::string host;
  std::uint16_t port = 0;
  /// 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
  std::int16_t security_protocol = 0;
  bool operator==(const Endpoint&) const = default;
};

struct FeatureRange {
  FeatureRange() = default;
  std::string name;
  std::int16_t min_level = 0;
  std::int16_t max_level = 0;
  bool contains(std::int16_t level) const { return level >= min_level && level <= max_level; }
  bool operator==(const FeatureRange&) const = default;
};

inline const Endpoint* find_endpoint(const std::vector<Endpoint>& all, std::string_view listener) {
  const auto it = std::find_if(all.begin(), all.end(),
                               [&](const Endpoint& e) { return e.listener == listener; });
  return it == all.end() ? nullptr : &*it;
}
inline const FeatureRange* find_range(const std::vector<FeatureRange>& all, std::string_view name) {
  const auto it =
      std::find_if(all.begin(), all.end(), [&](const FeatureRange& f) { return f.name == name; });
  return it == all.end() ? nullptr : &*it;
}

/// A broker as the metadata log knows it.
/// Thread   a value.
/// Source   BrokerRegistration; KIP-631, KIP-858 (directories), KIP-1066 (cordoned ones).
struct BrokerRegistration {
  BrokerRegistration() = default;
  NodeId id{-1};
  BrokerEpoch epoch{-1};
  Uuid incarnation_id;
  std::vector<Endpoint> listeners;
  std::vector<FeatureRange> features;
  std::optional<std::string> rack;
  bool fenced = true;
  bool in_controlled_shutdown = false;
  bool is_migrating_zk_broker = false;
  /// The directories that are online.
  std::vector<DirectoryId> log_dirs;
  /// Not known before the broker's first heartbeat that tells it.
  std::optional<std::vector<DirectoryId>> cordoned_log_dirs;

  /// May lead and be in an ISR.
  bool active() const { return !fenced && !in_controlled_shutdown; }
  /// A directory nobody has decided on yet is taken to be online; a lost one is not.
  bool has_online_dir(const DirectoryId& dir) const {
    if (dir == kDirectoryMigrating || dir == kDirectoryUnassigned) return true;
    if (dir == kDirectoryLost) return false;
    // Without a list of directories (older versions) there is nothing to check against.
    return log_dirs.empty() || std::find(log_dirs.begin(), log_dirs.end(), dir) != log_dirs.end();
  }
  bool operator==(const BrokerRegistration&) const = default;
};

/// A controller as the metadata log knows it.
/// Thread   a value.
/// Source   KIP-919.
struct ControllerRegistration {
  ControllerRegistration() = default;
  NodeId id{-1};
  Uuid incarnation_id;
  bool zk_migration_ready = false;
  std::vector<Endpoint> listeners;
  std::vector<FeatureRange> features;
  bool operator==(const ControllerRegistration&) const = default;
};

}  // namespace moldau::image
