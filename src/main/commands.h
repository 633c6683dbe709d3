// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moldau::program {

/// The commands of the binary; each gives the exit code of the process.
/// Thread   the main thread.
int run_server(const std::vector<std::string>& arguments);
int run_storage(const std::vector<std::string>& arguments);
/// A tool by the name of its script, with or without folder and ".sh"; nullopt: there is none.
std::optional<int> run_tool(std::string_view name, const std::vector<std::string>& arguments);

}  // namespace moldau::program
