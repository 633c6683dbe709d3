// SPDX-License-Identifier: Apache-2.0
#include "machine/assignor/hash_order.h"

#include <algorithm>
#include <bit>

#include "machine/assignor/java_order.h"

namespace moldau::assignor {

std::vector<std::size_t> java_hash_order(std::span<const std::string_view> keys,
                                         std::size_t capacity) {
  const std::size_t made_with = std::bit_ceil(std::max<std::size_t>(capacity, 1));
  return java_order_of(keys, grown_capacity(keys.size(), made_with));
}

}  // namespace moldau::assignor
