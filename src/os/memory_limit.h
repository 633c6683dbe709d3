// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace moldau::os {

/// Bytes of memory this process may use: the machine's, or the least that one of its control
/// groups allows (version 1 and 2). `root` stands before /proc and /sys, for tests.
/// Thread   any thread; reads small files of the kernel.
std::uint64_t memory_limit(const std::string& root = "");

}  // namespace moldau::os
