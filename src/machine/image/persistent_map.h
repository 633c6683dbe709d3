// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>

namespace moldau::image {

/// Who may change nodes of a PersistentMap in place: those made under the same edit.
/// Every delta works under a number above all that its base image has seen.
using Edit = std::uint64_t;

/// An ordered map whose copies are cheap: a change copies only the path to the root.
///
/// Within one Edit the nodes made by it are changed in place, so that a thousand changes in a row
/// cost no thousand paths. A published map is never changed: the next edit has a higher number.
/// Thread   copies may be read on any thread; set and erase only by whoever holds the edit.
/// Bounds   height ≤ 1.44 log2(size).
template <class Key, class Value, class Less = std::less<>>
class PersistentMap {
  struct Node;
  using Link = std::shared_ptr<Node>;
  struct Node {
    Node(Edit e, Key k, Value v) : entry(std::move(k), std::move(v)), edit(e) {}
    std::pair<const Key, Value> entry;
    Link left, right;
    Edit edit;
    std::int32_t height = 1;
  };

 public:
  using value_type = std::pair<const Key, Value>;

  bool empty() const { return root_ == nullptr; }
  std::size_t size() const { return size_; }

  template <class K>
  const Value* find(const K& key) const {
    const Node* node = root_.get();
    while (node != nullptr) {
      if (Less()(key, node->entry.first)) {
        node = node->left.get();
      } else if (Less()(node->entry.first, key)) {
        node = node->right.get();
      } else {
        return &node->entry.second;
      }
    }
    return nullptr;
  }
  template <class K>
  bool contains(const K& key) const {
    return find(key) != nullptr;
  }

  void set(Edit edit, Key key, Value value) {
    root_ = insert(edit, std::move(root_), std::move(key), std::move(value));
  }
  /// Nothing happens if there is no such key.
  template <class K>
  void erase(Edit edit, const K& key) {
    if (!contains(key)) return;
    root_ = remove(edit, std::move(root_), key);
    --size_;
  }
  void clear() {
    root_.reset();
    size_ = 0;
  }

  /// In the order of the keys.
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = PersistentMap::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    Iterator() = default;
    explicit Iterator(const Node* root) { descend(root); }
    /// At the first entry that is not less than `key`.
    template <class K>
    Iterator(const Node* root, const K& key) {
      while (root != nullptr) {
        if (Less()(root->entry.first, key)) {
          root = root->right.get();
        } else {
          path_[depth_++] = root;
          root = root->left.get();
        }
      }
    }
    reference operator*() const { return path_[depth_ - 1]->entry; }
    pointer operator->() const { return &path_[depth_ - 1]->entry; }
    Iterator& operator++() {
      const Node* done = path_[--depth_];
      descend(done->right.get());
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const {
      if (depth_ != other.depth_) return false;
      return depth_ == 0 || path_[depth_ - 1] == other.path_[other.depth_ - 1];
    }

   private:
    void descend(const Node* node) {
      for (; node != nullptr; node = node->left.get()) path_[depth_++] = node;
    }
    std::array<const Node*, 64> path_{};
    std::size_t depth_ = 0;
  };
  Iterator begin() const { return Iterator(root_.get()); }
  Iterator end() const { return Iterator(); }
  template <class K>
  Iterator lower_bound(const K& key) const {
    return Iterator(root_.get(), key);
  }
  /// The greatest entry that is less than `key`, or nullptr.
  template <class K>
  const value_type* below(const K& key) const {
    const value_type* found = nullptr;
    const Node* node = root_.get();
    while (node != nullptr) {
      if (Less()(node->entry.first, key)) {
        found = &node->entry;
        node = node->right.get();
      } else {
        node = node->left.get();
      }
    }
    return found;
  }

  bool operator==(const PersistentMap& other) const {
    if (root_ == other.root_) return true;
    return size_ == other.size_ && std::equal(begin(), end(), other.begin());
  }

 private:
  static std::int32_t height(const Link& node) { return node ? node->height : 0; }

  static Link own(Edit edit, Link node) {
    if (node->edit == edit) return node;
    auto copy = std::make_shared<Node>(edit, node->entry.first, node->entry.second);
    copy->left = node->left;
    copy->right = node->right;
    copy->height = node->height;
    return copy;
  }
  static void measure(Node& node) {
    node.height = 1 + std::max(height(node.left), height(node.right));
  }
  /// The left child becomes the root of this part; `node` is owned by the edit.
  static Link rotate_right(Edit edit, Link node) {
    Link top = own(edit, std::move(node->left));
    node->left = std::move(top->right);
    measure(*node);
    top->right = std::move(node);
    measure(*top);
    return top;
  }
  static Link rotate_left(Edit edit, Link node) {
    Link top = own(edit, std::move(node->right));
    node->right = std::move(top->left);
    measure(*node);
    top->left = std::move(node);
    measure(*top);
    return top;
  }
  static Link balance(Edit edit, Link node) {
    const std::int32_t lean = height(node->left) - height(node->right);
    if (lean > 1) {
      if (height(node->left->left) < height(node->left->right)) {
        node->left = rotate_left(edit, own(edit, std::move(node->left)));
      }
      return rotate_right(edit, std::move(node));
    }
    if (lean < -1) {
      if (height(node->right->right) < height(node->right->left)) {
        node->right = rotate_right(edit, own(edit, std::move(node->right)));
      }
      return rotate_left(edit, std::move(node));
    }
    measure(*node);
    return node;
  }
  Link insert(Edit edit, Link node, Key key, Value value) {
    if (!node) {
      ++size_;
      return std::make_shared<Node>(edit, std::move(key), std::move(value));
    }
    node = own(edit, std::move(node));
    if (Less()(key, node->entry.first)) {
      node->left = insert(edit, std::move(node->left), std::move(key), std::move(value));
    } else if (Less()(node->entry.first, key)) {
      node->right = insert(edit, std::move(node->right), std::move(key), std::move(value));
    } else {
      node->entry.second = std::move(value);
      return node;
    }
    return balance(edit, std::move(node));
  }
  template <class K>
  static Link remove(Edit edit, Link node, const K& key) {
    if (Less()(key, node->entry.first)) {
      node = own(edit, std::move(node));
      node->left = remove(edit, std::move(node->left), key);
      return balance(edit, std::move(node));
    }
    if (Less()(node->entry.first, key)) {
      node = own(edit, std::move(node));
      node->right = remove(edit, std::move(node->right), key);
      return balance(edit, std::move(node));
    }
    if (!node->left) return node->right;
    if (!node->right) return node->left;
    const Node* next = node->right.get();
    while (next->left) next = next->left.get();
    auto top = std::make_shared<Node>(edit, next->entry.first, next->entry.second);
    top->left = node->left;
    top->right = remove(edit, node->right, top->entry.first);
    return balance(edit, std::move(top));
  }

  Link root_;
  std::size_t size_ = 0;
};

}  // namespace moldau::image
