// SPDX-License-Identifier: Apache-2.0
#include "os/spdlog_logger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "env/disk.h"
#include "os/file_disk.h"
#include "os/log_limiter.h"

namespace moldau::os {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

TEST(LogLimiterTest, HoldsBackWhatRepeatsAndSumsItUp) {
  LogLimiter limiter(3);
  std::vector<std::string> summaries;
  int admitted = 0;
  for (int i = 0; i < 10; ++i) {
    const std::string line = "closed peer=10.0.0." + std::to_string(i);
    admitted += limiter.admit("net", line, MonoTime(i), summaries) ? 1 : 0;
  }
  EXPECT_EQ(admitted, 3);
  EXPECT_TRUE(limiter.admit("net", "something else", MonoTime(11), summaries));
  EXPECT_TRUE(summaries.empty());
  EXPECT_TRUE(limiter.admit("net", "closed peer=10.0.0.1", MonoTime(1'000'000'001), summaries));
  EXPECT_THAT(summaries,
              testing::ElementsAre("... and 7 more lines like \"closed peer\" within a second"));
}

TEST(LogLimiterTest, LinesOfTheAuditLogHoldBackOnlyTheirLike) {
  LogLimiter limiter(1);
  std::vector<std::string> summaries;
  const MonoTime now{1};
  EXPECT_TRUE(limiter.admit("kafka.authorizer.logger", "Principal = a", now, summaries));
  EXPECT_TRUE(limiter.admit("kafka.authorizer.logger", "Principal = b", now, summaries));
  EXPECT_FALSE(limiter.admit("kafka.authorizer.logger", "Principal = a", now, summaries));
  EXPECT_TRUE(limiter.admit("other", "Principal = a", now, summaries));
  EXPECT_FALSE(limiter.admit("other", "Principal = b", now, summaries));
}

TEST(LogLimiterTest, SummariesComeWithoutALaterLineToo) {
  LogLimiter limiter(1);
  std::vector<std::string> summaries;
  limiter.admit("net", "x", MonoTime(0), summaries);
  limiter.admit("net", "x", MonoTime(0), summaries);
  limiter.collect(MonoTime(5), summaries);
  EXPECT_TRUE(summaries.empty());
  limiter.collect(MonoTime(2'000'000'000), summaries);
  EXPECT_EQ(summaries.size(), 1U);
  limiter.collect(MonoTime(4'000'000'000), summaries);
  EXPECT_EQ(summaries.size(), 1U);
}

TEST(SpdlogLoggerTest, LinesHaveApachesLayoutAndCannotBeForged) {
  const std::string path = testing::TempDir() + "moldau-log-" + std::to_string(getpid());
  LogOptions options;
  options.file = path;
  options.burst = 2;
  {
    auto logger = make_logger(options).value();
    logger->info("test", "up port={}\n[2020-01-01 00:00:00,000] ERROR forged", 9092);
    logger->debug("test", "unseen");
    for (int i = 0; i < 5; ++i) logger->warn("test", "again number={}", i);
  }
  FileDisk disk;
  const std::string text = env::read_small_file(disk, path).value();
  const std::string first = text.substr(0, text.find('\n'));
  EXPECT_THAT(first, MatchesRegex("\\[[0-9]+-[0-9]+-[0-9]+ [0-9]+:[0-9]+:[0-9]+,[0-9]+\\] INFO up "
                                  "port=9092 .2020.* ERROR forged \\(test\\)"));
  EXPECT_THAT(text, Not(HasSubstr("unseen")));
  EXPECT_THAT(text, HasSubstr("WARN again number=1 (test)"));
  EXPECT_THAT(text, Not(HasSubstr("number=2")));
  EXPECT_THAT(text, HasSubstr("... and 3 more lines like \"again number\" within a second"));
  EXPECT_TRUE(disk.remove_file(path).ok());
}

TEST(SpdlogLoggerTest, AFileThatCannotBeOpenedIsAnError) {
  LogOptions options;
  options.file = "/proc/nowhere/log";
  EXPECT_EQ(make_logger(options).code(), ErrorCode::kKafkaStorageError);
}

TEST(SpdlogLoggerTest, TheEnvironmentSetsLevelAndFile) {
  setenv("MOLDAU_LOG_LEVEL", "debug", 1);
  setenv("MOLDAU_LOG_FILE", "/var/log/x", 1);
  const LogOptions options = log_options_from_environment().value();
  EXPECT_EQ(options.level, env::LogLevel::kDebug);
  EXPECT_EQ(options.file, "/var/log/x");
  setenv("MOLDAU_LOG_LEVEL", "shout", 1);
  EXPECT_EQ(log_options_from_environment().code(), ErrorCode::kInvalidConfig);
  unsetenv("MOLDAU_LOG_LEVEL");
  unsetenv("MOLDAU_LOG_FILE");
}

}  // namespace
}  // namespace moldau::os
