// SPDX-License-Identifier: Apache-2.0
#include "env/fake/file_content.h"

#include <algorithm>
#include <cstring>

namespace moldau::env::fake {

FileContent::Slot& FileContent::slot_at(std::uint64_t index) {
  if (index >= slots_.size()) slots_.resize(index + 1);
  return slots_[index];
}

void FileContent::mark(std::uint64_t index) {
  Slot& slot = slots_[index];
  if (slot.dirty) return;
  slot.dirty = true;
  dirty_.push_back(index);
}

void FileContent::take(Slot& slot) {
  if (slot.taken) return;
  slot.taken = true;
  ++pages_;
}

FileContent::Page& FileContent::page_to_change(std::uint64_t index) {
  Slot& slot = slot_at(index);
  take(slot);
  mark(index);
  if (!slot.cached) {
    slot.cached = std::make_shared<Page>();
    slot.cached->fill(std::byte{0});
  } else if (slot.cached == slot.durable) {
    slot.cached = std::make_shared<Page>(*slot.cached);
  }
  return *slot.cached;
}

std::uint64_t FileContent::pages_wanted(std::uint64_t position, std::uint64_t length) const {
  std::uint64_t wanted = 0;
  if (length == 0) return 0;
  for (std::uint64_t i = position / kPageBytes; i <= (position + length - 1) / kPageBytes; ++i)
    if (i >= slots_.size() || !slots_[i].taken) ++wanted;
  return wanted;
}

void FileContent::write(ByteView bytes, std::uint64_t position) {
  const std::uint64_t end = position + bytes.size();
  while (!bytes.empty()) {
    const std::size_t inside = position % kPageBytes;
    const std::size_t count = std::min(bytes.size(), kPageBytes - inside);
    std::memcpy(page_to_change(position / kPageBytes).data() + inside, bytes.data(), count);
    bytes = bytes.subspan(count);
    position += count;
  }
  size_ = std::max(size_, end);
}

std::size_t FileContent::read(MutableBytes into, std::uint64_t position) const {
  if (position >= size_) return 0;
  const auto count =
      static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - position));
  for (std::size_t done = 0; done < count;) {
    const std::uint64_t index = (position + done) / kPageBytes;
    const std::size_t inside = (position + done) % kPageBytes;
    const std::size_t part = std::min(count - done, kPageBytes - inside);
    if (index < slots_.size() && slots_[index].cached)
      std::memcpy(into.data() + done, slots_[index].cached->data() + inside, part);
    else
      std::memset(into.data() + done, 0, part);
    done += part;
  }
  return count;
}

void FileContent::truncate(std::uint64_t size) {
  if (size < size_) {
    const std::uint64_t first = (size + kPageBytes - 1) / kPageBytes;
    for (std::uint64_t i = first; i < slots_.size(); ++i) {
      Slot& slot = slots_[i];
      if (slot.cached || slot.durable) mark(i);
      slot.cached = nullptr;
      if (slot.taken) --pages_;
      slot.taken = false;
    }
    const std::size_t inside = size % kPageBytes;
    if (inside != 0 && size / kPageBytes < slots_.size() && slots_[size / kPageBytes].cached) {
      Page& page = page_to_change(size / kPageBytes);
      std::memset(page.data() + inside, 0, kPageBytes - inside);
    }
  }
  size_ = size;
}

void FileContent::allocate(std::uint64_t size) {
  const std::uint64_t pages = (size + kPageBytes - 1) / kPageBytes;
  if (pages > slots_.size()) slots_.resize(pages);
  for (std::uint64_t i = 0; i < pages; ++i) take(slots_[i]);
  size_ = std::max(size_, size);
}

void FileContent::sync() {
  for (const std::uint64_t index : dirty_) {
    Slot& slot = slots_[index];
    slot.durable = slot.cached;
    slot.dirty = false;
  }
  dirty_.clear();
  durable_size_ = size_;
}

void FileContent::fail_sync() {
  for (const std::uint64_t index : dirty_) slots_[index].dirty = false;
  dirty_.clear();
}

void FileContent::write_back(SeededRandom& random) {
  if (dirty_.empty()) return;
  const std::size_t which = random.below(dirty_.size());
  Slot& slot = slots_[dirty_[which]];
  slot.durable = slot.cached;
  slot.dirty = false;
  dirty_[which] = dirty_.back();
  dirty_.pop_back();
  if (random.chance(500)) durable_size_ = size_;
}

void FileContent::cut_power(SeededRandom& random) {
  const std::uint64_t fate = random.below(4);  // all new, all old, page by page twice as often
  for (const std::uint64_t index : dirty_) {
    Slot& slot = slots_[index];
    slot.dirty = false;
    const std::uint64_t page_fate = fate < 2 ? fate : random.below(3);
    if (page_fate == 0) slot.durable = slot.cached;
    if (page_fate != 2) continue;
    auto torn = std::make_shared<Page>();
    for (std::size_t at = 0; at < kPageBytes; at += kSectorBytes) {
      const PagePtr& source = random.chance(500) ? slot.cached : slot.durable;
      if (source)
        std::memcpy(torn->data() + at, source->data() + at, kSectorBytes);
      else
        std::memset(torn->data() + at, 0, kSectorBytes);
    }
    slot.durable = torn;
  }
  dirty_.clear();
  if (size_ != durable_size_) {
    const auto [low, high] = std::minmax(size_, durable_size_);
    const std::uint64_t kind = fate == 0 ? 0 : fate == 1 ? 1 : random.below(3);
    if (kind == 0) durable_size_ = size_;
    if (kind == 2) durable_size_ = low + random.below(high - low + 1);
  }
  size_ = durable_size_;
  for (Slot& slot : slots_) slot.cached = slot.durable;
  zero_tail();
}

void FileContent::zero_tail() {
  pages_ = 0;
  const std::uint64_t end = (size_ + kPageBytes - 1) / kPageBytes;
  if (slots_.size() > end) slots_.resize(end);
  for (Slot& slot : slots_) {
    slot.taken = slot.durable != nullptr;
    if (slot.taken) ++pages_;
  }
  const std::size_t inside = size_ % kPageBytes;
  if (inside == 0 || slots_.size() < end || end == 0 || !slots_[end - 1].durable) return;
  auto page = std::make_shared<Page>(*slots_[end - 1].durable);
  std::memset(page->data() + inside, 0, kPageBytes - inside);
  slots_[end - 1].cached = slots_[end - 1].durable = page;
}

bool FileContent::flip_bit(std::uint64_t position, unsigned bit) {
  if (position >= size_) return false;
  Slot& slot = slot_at(position / kPageBytes);
  auto page = slot.cached ? std::make_shared<Page>(*slot.cached) : std::make_shared<Page>();
  if (!slot.cached) page->fill(std::byte{0});
  (*page)[position % kPageBytes] ^= std::byte(1U << (bit % 8));
  const bool was_clean = slot.cached == slot.durable;
  slot.cached = page;
  if (was_clean) slot.durable = page;
  take(slot);
  return true;
}

}  // namespace moldau::env::fake
