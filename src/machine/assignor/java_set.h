// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "machine/assignor/java_order.h"

namespace moldau::assignor {

/// Buckets that Apache's assignors ask for when they know how many keys will come.
inline std::size_t planned_capacity(std::size_t count) {
  const auto wanted = static_cast<std::size_t>(static_cast<float>(count + 1) / 0.75F + 1.0F);
  std::size_t capacity = 1;
  while (capacity < wanted) capacity *= 2;
  return capacity;
}

/// Which key of a bucket comes first: HashMap.put() adds behind the others, computeIfAbsent()
/// before them.
enum class JavaBucket : bool { kOldestFirst, kNewestFirst };

/// A set that shows its keys as Java's HashSet (or the keys of a HashMap) does: by bucket, and
/// within one by age. It grows when it fills and never shrinks. `java_hash(key)` must be known.
/// Thread   a value.
template <class Key>
class JavaSet {
 public:
  explicit JavaSet(std::size_t capacity = 16, JavaBucket order = JavaBucket::kOldestFirst)
      : capacity_(capacity), step_(order == JavaBucket::kOldestFirst ? 1 : -1) {}

  void insert(const Key& key) {
    if (!ages_.emplace(key, next_age_).second) return;
    next_age_ += step_;
    if (ages_.size() > capacity_ * 3 / 4) capacity_ *= 2;
  }
  void erase(const Key& key) { ages_.erase(key); }
  bool contains(const Key& key) const { return ages_.contains(key); }
  std::size_t size() const { return ages_.size(); }

  std::vector<Key> keys() const {
    std::vector<std::tuple<std::size_t, std::int64_t, Key>> places;
    places.reserve(ages_.size());
    for (const auto& [key, age] : ages_) {
      const std::uint32_t hash = java_hash(key);
      places.emplace_back((hash ^ (hash >> 16)) & (capacity_ - 1), age, key);
    }
    std::sort(places.begin(), places.end());
    std::vector<Key> out;
    out.reserve(places.size());
    for (const auto& place : places) out.push_back(std::get<2>(place));
    return out;
  }

 private:
  std::map<Key, std::int64_t> ages_;
  std::int64_t next_age_ = 0;
  std::size_t capacity_;
  std::int64_t step_;
};

}  // namespace moldau::assignor
