// SPDX-License-Identifier: Apache-2.0
#include "env/log_levels.h"

#include <gtest/gtest.h>

#include <map>

namespace moldau::env {
namespace {

TEST(LogLevelsTest, ComponentsFollowTheOneAboveThem) {
  LogLevels levels;
  EXPECT_TRUE(levels.admits(LogLevel::kInfo, "log.cleaner"));
  EXPECT_FALSE(levels.admits(LogLevel::kDebug, "log.cleaner"));
  levels.set("log", LogLevel::kDebug);
  EXPECT_TRUE(levels.admits(LogLevel::kDebug, "log.cleaner"));
  EXPECT_TRUE(levels.admits(LogLevel::kDebug, "log.something"));
  EXPECT_FALSE(levels.admits(LogLevel::kDebug, "net"));
  levels.set("log.cleaner", LogLevel::kError);
  EXPECT_FALSE(levels.admits(LogLevel::kWarn, "log.cleaner"));
  EXPECT_TRUE(levels.admits(LogLevel::kDebug, "log"));
  levels.unset("log.cleaner");
  levels.unset("log");
  EXPECT_FALSE(levels.admits(LogLevel::kDebug, "log.cleaner"));
  EXPECT_TRUE(levels.admits(LogLevel::kInfo, "log.cleaner"));
}

TEST(LogLevelsTest, RootHoldsForAllWithoutALevelOfTheirOwn) {
  LogLevels levels(LogLevel::kWarn);
  EXPECT_FALSE(levels.admits(LogLevel::kInfo, "never heard of"));
  levels.set("net", LogLevel::kTrace);
  levels.set(LogLevels::kRoot, LogLevel::kError);
  EXPECT_FALSE(levels.admits(LogLevel::kWarn, "broker"));
  EXPECT_TRUE(levels.admits(LogLevel::kTrace, "net"));
  std::map<std::string_view, LogLevel> listed;
  for (const auto& [name, level] : levels.list()) listed[name] = level;
  EXPECT_EQ(listed["root"], LogLevel::kError);
  EXPECT_EQ(listed["net"], LogLevel::kTrace);
  EXPECT_EQ(listed["quorum.loader"], LogLevel::kError);
}

TEST(LogLevelsTest, NamesOfLevels) {
  for (LogLevel level : {LogLevel::kTrace, LogLevel::kWarn, LogLevel::kFatal})
    EXPECT_EQ(parse_log_level(log_level_name(level)), level);
  EXPECT_EQ(parse_log_level("dEbUg"), LogLevel::kDebug);
  EXPECT_EQ(parse_log_level("DEBU"), std::nullopt);
  EXPECT_EQ(parse_log_level(""), std::nullopt);
  EXPECT_EQ(parse_log_level("WARNING"), std::nullopt);
}

}  // namespace
}  // namespace moldau::env
