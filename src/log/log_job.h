// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "base/types.h"
#include "base/unique_function.h"

namespace moldau::log {

/// Something that blocks and that a log wants done: write a snapshot, rename and later unlink
/// deleted files. The host runs `work` on the directory's pool, then `done` on the shard.
///
/// Owner    `work` holds all it needs; `done` does nothing if the log is gone meanwhile.
/// Thread   jobs of one log run one after the other in the order given (delayed ones apart).
struct LogJob {
  UniqueFunction<Result<void>()> work;
  /// May be empty.
  UniqueFunction<void(const Result<void>&)> done;
  /// Not before so much time has passed (file.delete.delay.ms).
  Millis delay{0};
  /// For the log line of a failure.
  const char* what = "";
};

}  // namespace moldau::log
