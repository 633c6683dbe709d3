// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include "base/types.h"

namespace moldau::image {

/// The broker ids of replicas, ISR, ELR: 16 bytes; up to three ids need no further memory.
/// Thread   a value.
class ReplicaList {
 public:
  ReplicaList() = default;
  explicit ReplicaList(std::span<const NodeId> ids) { assign(ids); }
  ReplicaList(std::initializer_list<NodeId> ids) { assign({ids.begin(), ids.size()}); }
  ReplicaList(const ReplicaList& other) { assign(other); }
  ReplicaList(ReplicaList&& other) noexcept { swap(other); }
  ReplicaList& operator=(ReplicaList other) noexcept {
    swap(other);
    return *this;
  }
  ~ReplicaList() {
    if (size_ > kInside) delete[] outside();
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const NodeId* begin() const { return size_ > kInside ? outside() : inside_; }
  const NodeId* end() const { return begin() + size_; }
  NodeId operator[](std::size_t i) const { return begin()[i]; }
  NodeId front() const { return *begin(); }
  bool contains(NodeId id) const { return std::find(begin(), end(), id) != end(); }
  operator std::span<const NodeId>() const { return {begin(), size_}; }
  std::vector<NodeId> to_vector() const { return {begin(), end()}; }
  bool operator==(const ReplicaList& other) const {
    return std::equal(begin(), end(), other.begin(), other.end());
  }

 private:
  static constexpr std::uint32_t kInside = 3;

  void assign(std::span<const NodeId> ids) {
    size_ = static_cast<std::uint32_t>(ids.size());
    NodeId* into = inside_;
    if (size_ > kInside) {
      into = new NodeId[size_];
      std::memcpy(static_cast<void*>(&inside_[1]), &into, sizeof into);
    }
    std::copy(ids.begin(), ids.end(), into);
  }
  NodeId* outside() const {
    NodeId* ids;
    std::memcpy(&ids, static_cast<const void*>(&inside_[1]), sizeof ids);
    return ids;
  }
  void swap(ReplicaList& other) noexcept {
    std::swap(size_, other.size_);
    std::swap(inside_, other.inside_);
  }

  std::uint32_t size_ = 0;
  NodeId inside_[kInside];
};

static_assert(sizeof(ReplicaList) == 16);

}  // namespace moldau::image
