// SPDX-License-Identifier: Apache-2.0
#include "env/metrics.h"

#include <fmt/core.h>

#include <bit>
#include <cmath>

namespace moldau::env {
namespace {

std::size_t bucket_of(std::uint64_t value) {
  if (value < 8) return static_cast<std::size_t>(value);
  const int top = 63 - std::countl_zero(value);
  const auto step = static_cast<std::size_t>(value >> (top - 3) & 7);
  const std::size_t bucket = static_cast<std::size_t>(top - 2) * 8 + step;
  return bucket < Histogram::kBuckets ? bucket : Histogram::kBuckets - 1;
}

std::uint64_t upper_edge_of(std::size_t bucket) {
  if (bucket < 8) return bucket;
  const std::size_t top = bucket / 8 + 2;
  return ((8 + bucket % 8 + 1) << (top - 3)) - 1;
}

std::string series(const std::string& name, const std::string& labels, std::string_view extra) {
  std::string inside = labels;
  if (!extra.empty()) inside += (inside.empty() ? "" : ",") + std::string(extra);
  return inside.empty() ? name : name + "{" + inside + "}";
}

void add_type(std::string& out, std::string& last, const std::string& name, const char* type) {
  if (last == name) return;
  last = name;
  out += "# TYPE " + name + " " + type + "\n";
}

/// As the format spells those that are no numbers.
std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

}  // namespace

void Histogram::record(std::uint64_t value) {
  buckets_[bucket_of(value)].add();
  count_.add();
  sum_.add(value);
}

std::uint64_t Histogram::quantile(double fraction) const {
  const auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(count()));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i].read();
    if (seen > wanted) return upper_edge_of(i);
  }
  return 0;
}

Counter& Metrics::counter(std::string_view name, std::string_view labels) {
  std::lock_guard lock(mutex_);
  return counters_[Key(name, labels)].emplace_back();
}

Gauge& Metrics::gauge(std::string_view name, std::string_view labels) {
  std::lock_guard lock(mutex_);
  return gauges_[Key(name, labels)].emplace_back();
}

Histogram& Metrics::histogram(std::string_view name, std::string_view labels) {
  std::lock_guard lock(mutex_);
  return histograms_[Key(name, labels)].emplace_back();
}

void Metrics::gauge_of(std::string_view name, std::string_view labels,
                       UniqueFunction<double()> read) {
  std::lock_guard lock(mutex_);
  asked_[Key(name, labels)] = std::move(read);
}

void Metrics::put(const std::string& name, const std::string& labels, double value) {
  std::lock_guard lock(mutex_);
  told_[Key(name, labels)] = value;
}

void Metrics::drop(const std::string& name, const std::string& labels) {
  std::lock_guard lock(mutex_);
  told_.erase(Key(name, labels));
}

std::string Metrics::text() const {
  std::lock_guard lock(mutex_);
  std::string out;
  std::string last;
  for (const auto& [key, series_of_key] : counters_) {
    std::uint64_t sum = 0;
    for (const Counter& counter : series_of_key) sum += counter.read();
    add_type(out, last, key.first, "counter");
    out += fmt::format("{} {}\n", series(key.first, key.second, ""), sum);
  }
  for (const auto& [key, series_of_key] : gauges_) {
    std::int64_t sum = 0;
    for (const Gauge& gauge : series_of_key) sum += gauge.read();
    add_type(out, last, key.first, "gauge");
    out += fmt::format("{} {}\n", series(key.first, key.second, ""), sum);
  }
  for (auto& [key, read] : asked_) {
    add_type(out, last, key.first, "gauge");
    out += fmt::format("{} {}\n", series(key.first, key.second, ""), number(read()));
  }
  for (const auto& [key, value] : told_) {
    add_type(out, last, key.first, "gauge");
    out += fmt::format("{} {}\n", series(key.first, key.second, ""), number(value));
  }
  for (const auto& [key, series_of_key] : histograms_) {
    // Quantiles of shards cannot be summed; the worst one is shown.
    std::uint64_t count = 0;
    std::uint64_t sum = 0;
    add_type(out, last, key.first, "summary");
    for (const auto& [label, fraction] :
         {std::pair("quantile=\"0.5\"", 0.5), std::pair("quantile=\"0.99\"", 0.99),
          std::pair("quantile=\"0.999\"", 0.999)}) {
      std::uint64_t worst = 0;
      for (const Histogram& h : series_of_key) worst = std::max(worst, h.quantile(fraction));
      out += fmt::format("{} {}\n", series(key.first, key.second, label), worst);
    }
    for (const Histogram& h : series_of_key) {
      count += h.count();
      sum += h.sum();
    }
    out += fmt::format("{} {}\n", series(key.first + "_count", key.second, ""), count);
    out += fmt::format("{} {}\n", series(key.first + "_sum", key.second, ""), sum);
  }
  return out;
}

}  // namespace moldau::env
