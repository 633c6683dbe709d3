// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "wire/message_lines.h"

namespace moldau::wire {
namespace {

constexpr const char* kCorpus = "tests/golden/wire/messages.txt";

TEST(GoldenTest, ApachesBytesOfEveryMessageComeBackTheSame) {
  std::ifstream in(kCorpus);
  ASSERT_TRUE(in.good()) << kCorpus;
  std::set<std::string> seen;
  for (std::string line; std::getline(in, line);) {
    EXPECT_EQ(check_line(line), "");
    seen.insert(line.substr(0, line.find(' ', line.find(' ') + 1)));
  }
  for (const MessageCase* one : all_message_cases()) {
    for (std::int16_t version = one->min_version; version <= one->max_version; ++version)
      EXPECT_TRUE(seen.contains(std::string(one->name) + " " + std::to_string(version)))
          << one->name << " v" << version << " is not in the corpus";
  }
}

TEST(GoldenTest, AWrongLineIsNoticed) {
  EXPECT_EQ(check_line("ResponseHeader 0 random 00000007"), "");
  EXPECT_NE(check_line("ResponseHeader 0 plain 00000007"), "");
  EXPECT_NE(check_line("ResponseHeader 0 random 0000000700"), "");
  EXPECT_NE(check_line("ResponseHeader 9 random 00000007"), "");
  EXPECT_NE(check_line("NoSuchMessage 0 random 00"), "");
}

}  // namespace
}  // namespace moldau::wire
