// SPDX-License-Identifier: Apache-2.0
#include "os/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <string_view>

namespace moldau::os {
namespace {

constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();
/// Where even the size of the machine cannot be read.
constexpr std::uint64_t kGuess = std::uint64_t{1} << 30;

/// "max", an empty file and what is no number set no limit.
std::uint64_t number_in(const std::string& path) {
  std::ifstream in(path);
  std::string text;
  in >> text;
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && value > 0 ? value : kUnknown;
}

std::uint64_t machine_memory(const std::string& root) {
  std::ifstream in(root + "/proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  std::string unit;
  while (in >> name >> kib) {
    if (name == "MemTotal:") return kib * 1024;
    std::getline(in, unit);
  }
  return kUnknown;
}

/// The least of the limits from `group` up to the root of its hierarchy.
std::uint64_t least_upwards(const std::string& hierarchy, std::string group, const char* file) {
  std::uint64_t least = kUnknown;
  for (;;) {
    least = std::min(least, number_in(hierarchy + group + "/" + file));
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos) return least;
    group.resize(slash);
  }
}

}  // namespace

std::uint64_t memory_limit(const std::string& root) {
  std::uint64_t least = machine_memory(root);
  std::ifstream in(root + "/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    // "0::/a/b" is version 2, "7:cpu,memory:/a/b" version 1.
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (controllers == ",,") {
      least = std::min(least, least_upwards(root + "/sys/fs/cgroup", group, "memory.max"));
    } else if (controllers.find(",memory,") != std::string::npos) {
      least = std::min(
          least, least_upwards(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
  }
  return least == kUnknown ? kGuess : least;
}

}  // namespace moldau::os
