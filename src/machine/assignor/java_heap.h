// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace moldau::assignor {

/// A heap that breaks ties as `java.util.PriorityQueue` does.
/// Thread   a value.
/// Source   java.util.PriorityQueue (OpenJDK 17).
template <class T, class Less>
class JavaHeap {
 public:
  explicit JavaHeap(Less less) : less_(std::move(less)) {}

  bool is_empty() const { return items_.empty(); }
  void add(T item) {
    std::size_t at = items_.size();
    items_.push_back(item);
    while (at > 0) {
      const std::size_t parent = (at - 1) / 2;
      if (!less_(item, items_[parent])) break;
      items_[at] = items_[parent];
      at = parent;
    }
    items_[at] = item;
  }
  /// Must not be empty.
  T poll() {
    T first = items_.front();
    T last = items_.back();
    items_.pop_back();
    if (!items_.empty()) sift_down(last);
    return first;
  }

 private:
  void sift_down(T item) {
    std::size_t at = 0;
    while (at < items_.size() / 2) {
      std::size_t child = 2 * at + 1;
      if (child + 1 < items_.size() && less_(items_[child + 1], items_[child])) ++child;
      if (!less_(items_[child], item)) break;
      items_[at] = items_[child];
      at = child;
    }
    items_[at] = item;
  }

  Less less_;
  std::vector<T> items_;
};

}  // namespace moldau::assignor
