// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_function.h"

namespace moldau::env {

/// A number that only grows. One shard adds (no locked instruction), anybody reads.
/// Thread   add on the owning shard; read anywhere.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A number that goes up and down.
/// Thread   set and add on the owning shard; read anywhere.
class Gauge {
 public:
  void set(std::int64_t n) { value_.store(n, std::memory_order_relaxed); }
  void add(std::int64_t n) { set(read() + n); }
  std::int64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Counts of values in power-of-two buckets with eight steps each (error below 13 %); values are
/// microseconds or bytes as the name says.
/// Thread   record on the owning shard; read anywhere.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 40 * 8;
  void record(std::uint64_t value);
  std::uint64_t count() const { return count_.read(); }
  std::uint64_t sum() const { return sum_.read(); }
  /// The value below which `fraction` of the recorded ones lie.
  std::uint64_t quantile(double fraction) const;

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter count_;
  Counter sum_;
};

/// The register of all metrics of a node. Names follow Apache's JMX names in Prometheus style
/// (kafka_server_brokertopicmetrics_messagesin_total). Each call makes a new series; series of
/// one name and equal labels (one per shard) are summed when read.
/// Owner    metrics live as long as the register: names are few, per-topic ones are bounded by
///          whoever makes them.
/// Thread   any thread for making and reading.
class Metrics {
 public:
  Counter& counter(std::string_view name, std::string_view labels = {});
  Gauge& gauge(std::string_view name, std::string_view labels = {});
  Histogram& histogram(std::string_view name, std::string_view labels = {});
  /// A value asked for when somebody reads; `read` must be safe on any thread.
  void gauge_of(std::string_view name, std::string_view labels, UniqueFunction<double()> read);
  /// A value that others tell and that goes with them; whoever puts it bounds their number. The
  /// name must be nobody else's.
  void put(const std::string& name, const std::string& labels, double value);
  void drop(const std::string& name, const std::string& labels);
  /// The Prometheus text format.
  std::string text() const;

 private:
  using Key = std::pair<std::string, std::string>;
  mutable std::mutex mutex_;  // guards the maps; the values need none
  std::map<Key, std::deque<Counter>> counters_;
  std::map<Key, std::deque<Gauge>> gauges_;
  std::map<Key, std::deque<Histogram>> histograms_;
  mutable std::map<Key, UniqueFunction<double()>> asked_;
  std::map<Key, double> told_;
};

}  // namespace moldau::env
