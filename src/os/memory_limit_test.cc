// SPDX-License-Identifier: Apache-2.0
#include "os/memory_limit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace moldau::os {
namespace {

class MemoryLimitTest : public testing::Test {
 protected:
  MemoryLimitTest() {
    std::filesystem::remove_all(root_);
    put("/proc/meminfo", "MemTotal:        8000000 kB\nMemFree:  1 kB\n");
  }
  ~MemoryLimitTest() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    const std::filesystem::path file(root_ + path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::string root_ = testing::TempDir() + "moldau-memory-limit";
};

TEST_F(MemoryLimitTest, WithoutGroupsItIsTheMachines) {
  EXPECT_EQ(memory_limit(root_), 8'000'000ULL * 1024);
}

TEST_F(MemoryLimitTest, TheTightestGroupCounts) {
  put("/proc/self/cgroup", "0::/outer/inner\n");
  put("/sys/fs/cgroup/outer/inner/memory.max", "max\n");
  put("/sys/fs/cgroup/outer/memory.max", "134217728\n");
  EXPECT_EQ(memory_limit(root_), 134'217'728U);
  put("/sys/fs/cgroup/outer/inner/memory.max", "67108864\n");
  EXPECT_EQ(memory_limit(root_), 67'108'864U);
}

TEST_F(MemoryLimitTest, GroupsOfVersionOneCountToo) {
  put("/proc/self/cgroup", "12:cpu:/x\n7:hugetlb,memory:/a\n0::/\n");
  put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000000\n");
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(memory_limit(root_), 1'000'000U);
}

TEST_F(MemoryLimitTest, NothingToReadGivesAGuess) {
  EXPECT_EQ(memory_limit(root_ + "/nowhere"), 1ULL << 30);
}

TEST_F(MemoryLimitTest, OfThisMachineItIsSomething) {
  EXPECT_GT(memory_limit(), 1U << 20);
}

}  // namespace
}  // namespace moldau::os
