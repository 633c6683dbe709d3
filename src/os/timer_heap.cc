// SPDX-License-Identifier: Apache-2.0
#include "os/timer_heap.h"

#include <utility>

namespace moldau::os {

bool TimerHeap::earlier(std::uint32_t a, std::uint32_t b) const {
  const Slot& x = slots_[a];
  const Slot& y = slots_[b];
  return x.when != y.when ? x.when < y.when : x.order < y.order;
}

void TimerHeap::put(std::size_t place, std::uint32_t slot) {
  heap_[place] = slot;
  slots_[slot].place = static_cast<std::uint32_t>(place);
}

void TimerHeap::sift_up(std::size_t place) {
  const std::uint32_t slot = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!earlier(slot, heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, slot);
}

void TimerHeap::sift_down(std::size_t place) {
  const std::uint32_t slot = heap_[place];
  for (;;) {
    std::size_t child = place * 2 + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && earlier(heap_[child + 1], heap_[child])) ++child;
    if (!earlier(heap_[child], slot)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, slot);
}

Callback TimerHeap::remove_at(std::size_t place) {
  const std::uint32_t index = heap_[place];
  const std::uint32_t last = heap_.back();
  heap_.pop_back();
  if (index != last) {
    put(place, last);
    sift_up(place);
    sift_down(slots_[last].place);
  }
  Slot& slot = slots_[index];
  ++slot.generation;
  free_.push_back(index);
  return std::move(slot.callback);
}

env::TimerId TimerHeap::add(MonoTime when, Callback callback) {
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.when = when;
  slot.order = ++order_;
  slot.callback = std::move(callback);
  heap_.push_back(index);
  sift_up(heap_.size() - 1);
  return env::TimerId(std::uint64_t{slot.generation} << 32 | index);
}

bool TimerHeap::cancel(env::TimerId timer) {
  const auto index = static_cast<std::uint32_t>(timer.value());
  const auto generation = static_cast<std::uint32_t>(timer.value() >> 32);
  if (index >= slots_.size() || slots_[index].generation != generation) return false;
  // A free slot already carries the generation of its next user; nobody has been told that yet.
  const Callback dropped = remove_at(slots_[index].place);
  return true;
}

std::optional<Callback> TimerHeap::take_due(MonoTime now) {
  if (heap_.empty() || slots_[heap_.front()].when > now) return std::nullopt;
  return remove_at(0);
}

std::optional<MonoTime> TimerHeap::next() const {
  if (heap_.empty()) return std::nullopt;
  return slots_[heap_.front()].when;
}

}  // namespace moldau::os
