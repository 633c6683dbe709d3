// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace moldau::log {

inline constexpr const char* kMetaPropertiesName = "meta.properties";

/// Who a log directory belongs to: its meta.properties.
/// Thread   a value.
/// Errors   parse: kInvalidConfig, the detail names the key.
/// Source   MetaProperties, KIP-858.
struct MetaProperties {
  /// 1; 0 is that of the ZooKeeper era (broker.id, cluster.id may be missing).
  int version = 1;
  std::string cluster_id;
  NodeId node_id{-1};
  /// Zero if there is none yet.
  DirectoryId directory_id;

  /// `date_line` stands behind the second '#', as Java writes the time there; may be empty.
  std::string serialize(std::string_view date_line) const;
  static Result<MetaProperties> parse(std::string_view text);
};

}  // namespace moldau::log
