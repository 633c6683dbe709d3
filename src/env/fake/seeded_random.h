// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "env/random.h"

namespace moldau::env::fake {

/// Random numbers of a seed (splitmix64): equal on every machine.
/// Thread   one thread.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() override {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// In [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  /// True `per_mille` times in a thousand.
  bool chance(std::uint32_t per_mille) { return below(1000) < per_mille; }
  /// A stream of its own: what one part draws does not move the others.
  SeededRandom fork() { return SeededRandom(next()); }

 private:
  std::uint64_t state_;
};

/// A hash over everything that happened: equal runs have equal hashes.
/// Thread   one thread.
class TraceHash {
 public:
  void add(std::uint64_t value) { hash_ = (std::rotl(hash_, 23) ^ value) * 0x9fb21c651e98df25ULL; }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0x243f6a8885a308d3ULL;
};

}  // namespace moldau::env::fake
