// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "env/shard.h"

namespace moldau::env {

/// Compaction reads and writes for minutes: the pools of the log directories stay free for what
/// somebody waits for. As many passes run there at once as their sender begins.
inline constexpr PoolId kCleanerPool{0xFFFFFFFEU};
inline constexpr std::size_t kCleanerPoolThreadsMax = 256;

}  // namespace moldau::env
