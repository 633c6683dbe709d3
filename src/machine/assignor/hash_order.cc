// SPDX-License-Identifier: Apache-2.0
#include "machine/assignor/hash_order.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/hash.h"

namespace moldau::assignor {

std::vector<std::size_t> java_hash_order(std::span<const std::string_view> keys,
                                         std::size_t capacity) {
  std::size_t buckets = std::bit_ceil(std::max<std::size_t>(capacity, 1));
  while (keys.size() > buckets * 3 / 4) buckets *= 2;
  std::vector<std::pair<std::size_t, std::size_t>> places;
  places.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto hash = static_cast<std::uint32_t>(java_string_hash(keys[i]));
    places.emplace_back((hash ^ (hash >> 16)) & (buckets - 1), i);
  }
  std::sort(places.begin(), places.end());
  std::vector<std::size_t> order;
  order.reserve(places.size());
  for (const auto& [bucket, index] : places) order.push_back(index);
  return order;
}

}  // namespace moldau::assignor
