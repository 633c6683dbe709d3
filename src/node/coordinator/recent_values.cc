// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/recent_values.h"

#include <algorithm>
#include <limits>

namespace moldau::coordinator {
namespace {

constexpr Millis kSample{30'000};

}  // namespace

std::shared_ptr<RecentValues> RecentValues::shown_as(env::Env& env, const std::string& name) {
  auto values = std::make_shared<RecentValues>(env.clock(), env.shard_count());
  env.metrics().gauge_of(name + "_max", {}, [values] { return values->largest(); });
  env.metrics().gauge_of(name + "_avg", {}, [values] { return values->mean(); });
  return values;
}

void RecentValues::record(env::ShardId shard, std::int64_t value) {
  const MonoTime now = clock_.mono();
  OfShard& here = shards_[shard.value()];
  const Sample& last = here.samples[here.current];
  if (last.count.read() == 0 || now >= MonoTime(last.begun.read()) + kSample) {
    here.current = (here.current + 1) % here.samples.size();
    Sample& next = here.samples[here.current];
    next.count.set(0);
    next.sum.set(0);
    next.begun.set(now.value());
  }
  Sample& sample = here.samples[here.current];
  if (sample.count.read() == 0 || value > sample.largest.read()) sample.largest.set(value);
  sample.sum.add(value);
  sample.count.add(1);
}

RecentValues::Total RecentValues::total() const {
  const MonoTime now = clock_.mono();
  Total out;
  for (const OfShard& shard : shards_) {
    for (const Sample& sample : shard.samples) {
      const std::int64_t count = sample.count.read();
      if (count == 0 || now >= MonoTime(sample.begun.read()) + kSample + kSample) continue;
      const std::int64_t largest = sample.largest.read();
      out.largest = out.count == 0 ? largest : std::max(out.largest, largest);
      out.count += count;
      out.sum += sample.sum.read();
    }
  }
  return out;
}

double RecentValues::largest() const {
  const Total recent = total();
  return recent.count == 0 ? std::numeric_limits<double>::quiet_NaN()
                           : static_cast<double>(recent.largest);
}

double RecentValues::mean() const {
  const Total recent = total();
  return recent.count == 0 ? std::numeric_limits<double>::quiet_NaN()
                           : static_cast<double>(recent.sum) / static_cast<double>(recent.count);
}

}  // namespace moldau::coordinator
