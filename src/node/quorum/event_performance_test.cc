// SPDX-License-Identifier: Apache-2.0
#include "node/quorum/event_performance.h"

#include <gtest/gtest.h>

#include <vector>

namespace moldau::quorum {
namespace {

class Lines final : public env::Logger {
 public:
  bool enabled(env::LogLevel, std::string_view) const override { return true; }
  void write(env::LogLevel, std::string_view, std::string_view text) override {
    lines.emplace_back(text);
  }
  std::vector<std::string> lines;
};

TEST(EventPerformanceTest, SlowEventsAreToldAtOnceAndTheOthersTogether) {
  Lines log;
  EventPerformance events(Millis(100), Millis(1'000));
  MonoTime now(5'000'000'000);
  const auto event = [&](std::string_view what, std::int64_t took_ms) {
    const MonoTime began = now;
    now = now + Millis(took_ms);
    events.observe(what, began, now, log);
  };
  event("request", 99);
  EXPECT_TRUE(log.lines.empty());
  event("duty", 100);
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_EQ(log.lines[0], "exceptionally slow controller event kind=duty took_ms=100.0");
  now = now + Millis(800);
  event("request", 5);
  ASSERT_EQ(log.lines.size(), 2U);
  EXPECT_EQ(log.lines[1],
            "controller events count=3 in_ms=1004 average_ms=68.000 slowest_ms=100.000 "
            "slowest=duty");
  event("request", 7);
  EXPECT_EQ(log.lines.size(), 2U);
}

}  // namespace
}  // namespace moldau::quorum
