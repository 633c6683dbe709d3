// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "env/disk.h"

namespace moldau::log {

/// Replaces a segment that holds offsets beyond 2^31 of its base offset (old cleaners made such)
/// by several that do not, without indexes: loading builds them. `end` is where the next segment
/// begins.
///
/// Path     LogLoader, which finds it and then loads the log anew.
/// Thread   blocks: the pool. Nobody else may use the log.
/// Bounds   memory: 1 MiB and a few words per part; disk: the segment once more.
/// Durable  when it returns. A crash leaves the old segment or what finish_swaps makes the new
///          ones of.
/// Errors   kKafkaStorageError; kCorruptMessage: offsets out of order or not below `end`, so it
///          is damage; nothing to split. Nothing has changed then.
/// Source   UnifiedLog.splitOverflowedSegment; KAFKA-6264.
Result<void> split_segment(env::Disk& disk, const std::shared_ptr<const std::string>& directory,
                           Offset base_offset, Offset end, Timestamp now);

/// Whether one of its batches ends at `offset` or behind it.
Result<bool> reaches(env::Disk& disk, const std::shared_ptr<const std::string>& directory,
                     Offset base_offset, Offset offset, Timestamp now);

}  // namespace moldau::log
