// SPDX-License-Identifier: Apache-2.0
#include "machine/client/partitioner.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"

namespace moldau::client {

PartitionId partition_of_key(ByteView key, std::int32_t partitions) {
  MOLDAU_CHECK(partitions > 0, "a topic has partitions");
  return PartitionId((murmur2(key) & INT32_MAX) % partitions);
}

void StickyPartitioner::set_loads(std::span<const Load> loads, bool adaptive) {
  partitions_.clear();
  weights_.clear();
  const bool any =
      std::any_of(loads.begin(), loads.end(), [](const Load& l) { return l.available; });
  std::uint32_t longest = 0;
  bool alike = true;
  std::vector<std::uint32_t> queued;
  for (const Load& load : loads) {
    if (any && !load.available) continue;
    if (!queued.empty() && load.queued != queued[0]) alike = false;
    partitions_.push_back(load.partition);
    queued.push_back(load.queued);
    longest = std::max(longest, load.queued);
  }
  if (!adaptive || alike) return;
  std::uint64_t sum = 0;
  for (const std::uint32_t one : queued) weights_.push_back(sum += longest + 1 - one);
}

PartitionId StickyPartitioner::partition(std::uint64_t random) {
  MOLDAU_CHECK(!partitions_.empty(), "loads come first");
  if (current_ >= 0) return PartitionId(static_cast<std::int32_t>(current_));
  std::size_t index = 0;
  if (weights_.empty()) {
    index = random % partitions_.size();
  } else {
    const std::uint64_t drawn = random % weights_.back();
    index = static_cast<std::size_t>(std::upper_bound(weights_.begin(), weights_.end(), drawn) -
                                     weights_.begin());
  }
  current_ = partitions_[index].value();
  bytes_ = 0;
  return partitions_[index];
}

void StickyPartitioner::produced(std::size_t bytes, std::size_t switch_bytes, bool batch_full) {
  bytes_ += bytes;
  const bool enough = bytes_ >= switch_bytes && batch_full;
  if (enough || bytes_ >= 2 * switch_bytes) current_ = -1;
}

}  // namespace moldau::client
