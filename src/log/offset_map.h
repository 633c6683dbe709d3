// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/hash.h"
#include "base/types.h"

namespace moldau::log {

/// The newest offset of each key of a dirty section, keys being 128-bit hashes under a secret
/// seed: two keys meet by chance once in 2^64 pairs, and nobody can make them meet.
///
/// Thread   one pool thread.
/// Bounds   24 bytes per slot, allocated once: at most `bytes_max` (log.cleaner.dedupe.buffer.size
///          divided by log.cleaner.threads), filled to `load_factor`.
/// Source   SkimpyOffsetMap.
class OffsetMap {
 public:
  /// `keys_expected` keeps the map of a small section small.
  OffsetMap(std::size_t bytes_max, double load_factor, std::size_t keys_expected,
            std::uint64_t seed);

  /// False if the key is new and there is no room for it; then nothing changed.
  bool put(ByteView key, Offset offset);
  /// -1 if the key is not there.
  Offset get(ByteView key) const;
  std::size_t size() const { return size_; }
  /// Everything up to here is in the map; -1 at first.
  Offset latest_offset() const { return latest_; }
  void set_latest_offset(Offset offset) { latest_ = offset; }

 private:
  struct Slot {
    Hash128 hash;
    std::int64_t offset = -1;  // -1: free
  };
  std::size_t slot_of(const Hash128& hash) const;

  std::uint64_t seed_;
  std::size_t slots_;
  std::size_t size_max_;
  std::size_t size_ = 0;
  Offset latest_{-1};
  std::unique_ptr<Slot[]> table_;
};

}  // namespace moldau::log
