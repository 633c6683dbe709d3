// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "env/disk.h"

namespace moldau::log {

/// A promise to be kept: after sync(), everything below end() survives a power cut.
///
/// Path     PartitionLog::flush_point → sync() on the pool → PartitionLog::mark_flushed. For group
///          commit the host syncs the points of all waiting logs of a device in one round.
/// Owner    shares the files: they may be deleted or rolled meanwhile.
/// Thread   a value for any thread; sync() blocks and may overlap with appends.
/// Errors   kKafkaStorageError: the log has failed then (mark_failed): a second fsync would lie.
class FlushPoint {
 public:
  Offset end() const { return end_; }
  bool empty() const { return files_.empty() && directory_.empty(); }
  Result<void> sync() const;

 private:
  friend class PartitionLog;

  env::Disk* disk_ = nullptr;
  Offset end_{0};
  std::uint64_t generation_ = 0;
  /// All segments below are closed for ever once this is synced.
  Offset active_base_{0};
  std::vector<std::shared_ptr<env::File>> files_;
  /// Names were made in it since the last time; "" if none.
  std::string directory_;
  std::uint64_t directory_changes_ = 0;
  bool with_birth_ = false;
};

}  // namespace moldau::log
