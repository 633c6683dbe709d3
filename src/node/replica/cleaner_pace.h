// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "base/types.h"

namespace moldau::replica {

/// log.cleaner.io.max.bytes.per.second: what all passes of the cleaner may read and write
/// together.
/// Thread   any thread.
/// Bounds   nobody waits longer than kLongest at once, however low the rate.
/// Source   Throttler.
class CleanerPace {
 public:
  static constexpr Millis kLongest{60'000};

  /// Not positive: as fast as it goes. What is owed at another rate is forgiven.
  void set_rate(double bytes_per_second) {
    if (rate_.exchange(bytes_per_second) != bytes_per_second) wake();
  }
  /// Who waits goes on now.
  void wake() {
    free_at_.store(0);
    wakes_.fetch_add(1);
  }
  std::uint64_t wakes() const { return wakes_.load(); }

  /// So many bytes were moved: the caller goes on at the time that is returned, behind all who
  /// told of theirs before.
  MonoTime take(std::uint64_t bytes, MonoTime now) {
    const double rate = rate_.load();
    if (bytes == 0 || !(rate > 0)) return now;
    const MonoTime latest = now + kLongest;
    const double ns = 1e9 * static_cast<double>(bytes) / rate;
    const auto longest = static_cast<double>(kLongest.value()) * 1e6;
    const auto wait = static_cast<std::int64_t>(ns < longest ? ns : longest);
    std::int64_t before = free_at_.load();
    for (;;) {
      const std::int64_t from = before > now.value() ? before : now.value();
      const std::int64_t until = from + wait < latest.value() ? from + wait : latest.value();
      if (free_at_.compare_exchange_weak(before, until)) return MonoTime(until);
    }
  }

 private:
  std::atomic<double> rate_{0};
  /// When what was moved so far would have been at that rate.
  std::atomic<std::int64_t> free_at_{0};
  std::atomic<std::uint64_t> wakes_{0};
};

}  // namespace moldau::replica
