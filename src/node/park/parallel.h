// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "env/shard.h"

namespace moldau::park {

/// Makes one piece of work; must not itself be a coroutine with captures.
using WorkAt = UniqueFunction<env::Task<void>(std::size_t index)>;

/// Runs work(0) … work(count-1), at most `at_once` of them at a time, and ends when all have.
/// Thread   the shard; `tasks` must outlive the call.
env::Task<void> run_parallel(env::Shard& shard, env::TaskScope& tasks, std::size_t count,
                             std::size_t at_once, WorkAt work);

}  // namespace moldau::park
