// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

namespace moldau::group {

/// For metrics: sizes as they are, events since the machine was made.
/// Thread   a value.
struct GroupCounts {
  std::int64_t groups = 0;
  /// By group_type_name and state_name.
  std::map<std::pair<std::string_view, std::string_view>, std::int64_t> by_state;
  std::int64_t classic_groups = 0;
  /// Classic groups by state.
  std::int64_t empty = 0;
  std::int64_t preparing_rebalance = 0;
  std::int64_t completing_rebalance = 0;
  std::int64_t stable = 0;
  std::int64_t offsets = 0;
  std::int64_t open_transactions = 0;

  std::int64_t offset_commits = 0;
  std::int64_t offset_expirations = 0;
  std::int64_t offset_deletions = 0;
  std::int64_t completed_rebalances = 0;
  std::int64_t expired_members = 0;
  /// New group epochs.
  std::int64_t consumer_rebalances = 0;
  std::int64_t share_rebalances = 0;
  std::int64_t streams_rebalances = 0;

  /// Records that replay has skipped.
  std::int64_t damaged_records = 0;
  std::int64_t unknown_records = 0;
};

}  // namespace moldau::group
