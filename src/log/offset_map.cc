// SPDX-License-Identifier: Apache-2.0
#include "log/offset_map.h"

#include <algorithm>

namespace moldau::log {

OffsetMap::OffsetMap(std::size_t bytes_max, double load_factor, std::size_t keys_expected,
                     std::uint64_t seed)
    : seed_(seed) {
  const double factor = std::clamp(load_factor, 0.1, 0.95);
  const std::size_t slots_max = std::max<std::size_t>(bytes_max / sizeof(Slot), 16);
  const double wanted = static_cast<double>(keys_expected) / factor + 16;
  slots_ = wanted < static_cast<double>(slots_max) ? static_cast<std::size_t>(wanted) : slots_max;
  size_max_ =
      std::max<std::size_t>(static_cast<std::size_t>(static_cast<double>(slots_) * factor), 1);
  table_ = std::make_unique<Slot[]>(slots_);
}

std::size_t OffsetMap::slot_of(const Hash128& hash) const {
  std::size_t slot = hash.low % slots_;
  while (table_[slot].offset >= 0 && table_[slot].hash != hash) slot = (slot + 1) % slots_;
  return slot;
}

bool OffsetMap::put(ByteView key, Offset offset) {
  const Hash128 hash = hash128(key, seed_);
  Slot& slot = table_[slot_of(hash)];
  if (slot.offset < 0) {
    if (size_ == size_max_) return false;
    ++size_;
    slot.hash = hash;
  }
  slot.offset = offset.value();
  latest_ = offset;
  return true;
}

Offset OffsetMap::get(ByteView key) const {
  return Offset(table_[slot_of(hash128(key, seed_))].offset);
}

}  // namespace moldau::log
