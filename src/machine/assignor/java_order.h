// SPDX-License-Identifier: Apache-2.0
#pragma once

// Apache's assignors walk through hash collections, so that ties between members or partitions are
// broken by the order in which Java's HashMap shows its keys. Records, too, list topics so.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/types.h"

namespace moldau::assignor {

inline std::uint32_t java_hash(std::string_view text) {
  return static_cast<std::uint32_t>(java_string_hash(text));
}
inline std::uint32_t java_hash(const Uuid& id) {
  const auto both = static_cast<std::uint64_t>(id.high) ^ static_cast<std::uint64_t>(id.low);
  return static_cast<std::uint32_t>(both >> 32) ^ static_cast<std::uint32_t>(both);
}
inline std::uint32_t java_hash(PartitionId id) {
  return static_cast<std::uint32_t>(id.value());
}

/// Buckets of a HashMap that was made with so many (a power of two) and got its keys one by one.
inline std::size_t grown_capacity(std::size_t count, std::size_t capacity = 16) {
  while (count > capacity * 3 / 4) capacity *= 2;
  return capacity;
}

/// Buckets of a HashSet that was made as the copy of a collection of so many.
inline std::size_t copied_capacity(std::size_t count) {
  const auto wanted =
      std::max<std::size_t>(static_cast<std::size_t>(static_cast<float>(count) / 0.75F) + 1, 16);
  std::size_t capacity = 16;
  while (capacity < wanted) capacity *= 2;
  return capacity;
}

/// The indices of `keys` as a HashMap of so many buckets shows them that got them in this order.
template <class Keys>
std::vector<std::size_t> java_order_of(const Keys& keys, std::size_t capacity) {
  std::vector<std::pair<std::size_t, std::size_t>> places;
  places.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint32_t hash = java_hash(keys[i]);
    places.emplace_back((hash ^ (hash >> 16)) & (capacity - 1), i);
  }
  std::sort(places.begin(), places.end());
  std::vector<std::size_t> order;
  order.reserve(places.size());
  for (const auto& [bucket, index] : places) order.push_back(index);
  return order;
}

/// The keys themselves in that order.
template <class Key>
void in_java_order(std::vector<Key>& keys, std::size_t capacity) {
  std::vector<Key> out;
  out.reserve(keys.size());
  for (const std::size_t i : java_order_of(keys, capacity)) out.push_back(std::move(keys[i]));
  keys = std::move(out);
}

}  // namespace moldau::assignor
