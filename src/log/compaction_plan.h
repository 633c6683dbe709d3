// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/types.h"

namespace moldau::log {

/// How dirty a log is: what the cleaner chooses by.
/// Source   LogToClean, LogCleanerManager.cleanableOffsets.
struct CompactionPlan {
  Offset first_dirty{0};
  /// Nothing from here on is touched: active segment, open transactions, min.compaction.lag.ms.
  Offset first_uncleanable{0};
  std::uint64_t clean_bytes = 0;
  std::uint64_t cleanable_bytes = 0;
  /// max.compaction.lag.ms has passed.
  bool overdue = false;
  /// The checkpointed offset made no sense and is to be replaced by first_dirty.
  bool checkpoint_was_wrong = false;

  double ratio() const {
    const std::uint64_t all = clean_bytes + cleanable_bytes;
    return all == 0 ? 0 : static_cast<double>(cleanable_bytes) / static_cast<double>(all);
  }
  bool worth_it(double min_ratio) const {
    return cleanable_bytes > 0 && (overdue || ratio() > min_ratio);
  }
};

/// Means of the cleaner, shared by all its passes on one pool thread.
struct CleanerLimits {
  std::size_t offset_map_bytes_max = std::size_t{128} << 20;  // log.cleaner.dedupe.buffer.size
  double offset_map_load_factor = 0.9;                        // log.cleaner.io.buffer.load.factor
  std::size_t io_buffer_bytes = std::size_t{512} << 10;       // log.cleaner.io.buffer.size
};

}  // namespace moldau::log
