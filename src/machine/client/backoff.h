// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/types.h"

namespace moldau::client {

/// A pause that grows with each failure: initial × 2^failures, a fifth more or less, at most max.
/// Thread   a value.
/// Source   ExponentialBackoff of Apache's clients.
struct Backoff {
  static constexpr double kJitter = 0.2;

  Millis initial{100};
  Millis max{1000};

  /// `random` is any 64 bits; the jitter comes from them.
  Millis after(std::uint32_t failures, std::uint64_t random) const {
    const auto first = static_cast<double>(initial.value());
    const auto most = static_cast<double>(std::max(initial.value(), max.value()));
    const double part = static_cast<double>(random >> 11) * 0x1.0p-53;
    const double factor = 1 - kJitter + 2 * kJitter * part;
    const double pause = first * std::ldexp(1.0, static_cast<int>(std::min(failures, 60U)));
    return Millis(std::llround(std::min(pause * factor, most)));
  }
};

}  // namespace moldau::client
