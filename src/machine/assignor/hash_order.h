// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace moldau::assignor {

/// The order in which a `java.util.HashMap` walks these keys: by the bucket of the key's hash,
/// then in the order of insertion. Apache's assignors take what comes first, so who wants the same
/// assignment must walk in the same order.
///
/// Gives indices into `keys`. `capacity` is that of the HashMap's constructor (16 if it is given
/// none); the keys are distinct and all there at once. Buckets of more than eight keys, which Java
/// makes trees of, are walked in order of insertion, too.
/// Thread   any thread; pure.
/// Source   java.util.HashMap (OpenJDK 17).
std::vector<std::size_t> java_hash_order(std::span<const std::string_view> keys,
                                         std::size_t capacity = 16);

}  // namespace moldau::assignor
