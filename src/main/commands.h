// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace moldau::program {

/// The commands of the binary; each gives the exit code of the process.
/// Thread   the main thread.
int run_server(const std::vector<std::string>& arguments);
int run_storage(const std::vector<std::string>& arguments);

}  // namespace moldau::program
