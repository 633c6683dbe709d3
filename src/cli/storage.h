// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "env/clock.h"
#include "env/disk.h"
#include "env/random.h"

namespace moldau::cli {

/// `moldau storage …`, as Apache's kafka-storage: format, info, random-uuid, version-mapping,
/// feature-dependencies. `args` begins behind "storage".
///
/// Thread   blocks until it is done.
/// Errors   none; they are printed to `err`. Exit codes: 0 done; 1 refused, problems found, or
///          wrong usage, as Apache's tool.
int storage_main(const std::vector<std::string>& args, env::Disk& disk, env::Clock& clock,
                 env::Random& random, std::ostream& out, std::ostream& err);

}  // namespace moldau::cli
