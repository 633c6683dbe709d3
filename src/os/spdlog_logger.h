// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "env/logger.h"

namespace moldau::os {

struct LogOptions {
  /// Empty: standard error.
  std::string file;
  env::LogLevel level = env::LogLevel::kInfo;
  /// Lines of one place per second; more are counted and summed up.
  std::uint32_t burst = 100;
};

/// A logger in Apache's layout: "[2026-11-21 09:00:00,123] INFO text (component)".
///
/// Thread   any thread; lines are written by a thread of its own, so that a full pipe or a slow
///          disk never stops a shard.
/// Bounds   8,192 lines wait; then the oldest are dropped. A file is rotated at 64 MiB, 4 are
///          kept. FATAL lines are written before the call returns.
/// Errors   kKafkaStorageError if the file cannot be opened.
Result<std::unique_ptr<env::Logger>> make_logger(const LogOptions& options);

/// MOLDAU_LOG_LEVEL and MOLDAU_LOG_FILE of the environment; kInvalidConfig names a wrong level.
Result<LogOptions> log_options_from_environment();

}  // namespace moldau::os
