// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/types.h"
#include "env/fake/seeded_random.h"

namespace moldau::env::fake {

/// What one file holds, twice: in the page cache, and on the medium. They differ page by page
/// until sync(); after a power cut each page is the old one, the new one, or a mix of sectors.
///
/// Thread   one thread.
/// Bounds   a page per 4 KiB ever written; holes cost a slot.
/// Durable  what sync() has brought to the medium.
class FileContent {
 public:
  static constexpr std::size_t kPageBytes = 4096;
  static constexpr std::size_t kSectorBytes = 512;

  std::uint64_t size() const { return size_; }
  std::uint64_t durable_size() const { return durable_size_; }
  bool is_dirty() const { return !dirty_.empty() || size_ != durable_size_; }
  /// Room taken, in pages.
  std::uint64_t pages() const { return pages_; }
  /// Pages that a write of this range would newly take.
  std::uint64_t pages_wanted(std::uint64_t position, std::uint64_t length) const;

  void write(ByteView bytes, std::uint64_t position);
  std::size_t read(MutableBytes into, std::uint64_t position) const;
  void truncate(std::uint64_t size);
  void allocate(std::uint64_t size);
  void sync();
  /// An fsync that failed: the pages count as written although they are not (the kernel drops
  /// the mark), so no later sync brings them to the medium.
  void fail_sync();
  /// The kernel writes one page of its own accord.
  void write_back(SeededRandom& random);
  /// Only the medium stays, and of what was under way any part.
  void cut_power(SeededRandom& random);
  /// The medium changes a bit, and the cache forgets that it knew better.
  bool flip_bit(std::uint64_t position, unsigned bit);

 private:
  using Page = std::array<std::byte, kPageBytes>;
  using PagePtr = std::shared_ptr<Page>;
  struct Slot {
    PagePtr cached;  // null: zeros
    PagePtr durable;
    bool dirty = false;
    bool taken = false;  // room is taken on the medium
  };

  Slot& slot_at(std::uint64_t index);
  Page& page_to_change(std::uint64_t index);
  void mark(std::uint64_t index);
  void take(Slot& slot);
  void zero_tail();

  std::uint64_t size_ = 0;
  std::uint64_t durable_size_ = 0;
  std::uint64_t pages_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint64_t> dirty_;  // indexes whose slot is marked
};

}  // namespace moldau::env::fake
