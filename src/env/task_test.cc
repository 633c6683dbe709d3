// SPDX-License-Identifier: Apache-2.0
#include "env/task.h"

#include <gtest/gtest.h>

#include <memory>

#include "env/metrics.h"

namespace moldau::env {
namespace {

Task<int> add(int a, int b) {
  co_return a + b;
}

Task<void> sum_to(int n, int& out) {
  for (int i = 1; i <= n; ++i) {
    const int s = co_await add(out, i);
    out = s;
  }
}

TEST(TaskTest, ManyAwaitsDoNotGrowTheStack) {
  TaskScope scope;
  int out = 0;
  scope.spawn(sum_to(1000, out));
  EXPECT_EQ(out, 500500);
  EXPECT_EQ(scope.running(), 0U);
}

struct Never {
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() {}
};

Task<void> hold(std::shared_ptr<int> held) {
  co_await Never();
  (void)held;
}

TEST(TaskTest, AScopeDestroysWhatIsSuspended) {
  auto held = std::make_shared<int>(1);
  {
    TaskScope scope;
    scope.spawn(hold(held));
    EXPECT_EQ(scope.running(), 1U);
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(MetricsTest, SeriesOfOneNameAreSummed) {
  Metrics metrics;
  metrics.counter("a_total", "x=\"1\"").add(2);
  metrics.counter("a_total", "x=\"1\"").add(3);
  EXPECT_NE(metrics.text().find("a_total{x=\"1\"} 5"), std::string::npos);
}

TEST(MetricsTest, QuantilesAreWithinTheBucketError) {
  Histogram h;
  for (std::uint64_t i = 1; i <= 1000; ++i) h.record(i);
  EXPECT_NEAR(static_cast<double>(h.quantile(0.5)), 500, 65);
  EXPECT_NEAR(static_cast<double>(h.quantile(0.99)), 990, 130);
}

}  // namespace
}  // namespace moldau::env
