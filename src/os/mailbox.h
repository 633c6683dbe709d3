// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <utility>

#include "base/unique_function.h"

namespace moldau::os {

/// Callbacks sent to a shard by other threads: lock-free, in order per sender.
///
/// A stack that the owner takes whole and turns round. A mark in the head says that the owner
/// sleeps, so one atomic operation both sends and learns whether a wake-up is needed.
/// Thread   push from any thread; the rest on the owner's.
/// Bounds   one node per message; senders bound what they have under way.
class Mailbox {
 public:
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() { free_all(take()); }

  /// True if the owner sleeps and the caller has to wake it.
  bool push(Callback callback) {
    Node* node = new Node{std::move(callback), nullptr};
    Node* head = head_.load(std::memory_order_relaxed);
    do {
      node->next = head == asleep() ? nullptr : head;
    } while (!head_.compare_exchange_weak(head, node, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    return head == asleep();
  }

  /// False if something has come meanwhile: then the owner must not sleep.
  bool fall_asleep() {
    Node* expected = nullptr;
    return head_.compare_exchange_strong(expected, asleep(), std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  /// Runs everything sent so far; also wakes the owner. Returns how many ran.
  std::size_t run_all() {
    Node* node = take();
    std::size_t count = 0;
    while (node) {
      Node* next = node->next;
      Callback callback = std::move(node->callback);
      delete node;
      callback();
      ++count;
      node = next;
    }
    return count;
  }
  bool empty() const {
    Node* head = head_.load(std::memory_order_relaxed);
    return head == nullptr || head == asleep();
  }
  /// Destroys what was sent, without running it.
  void drop_all() { free_all(take()); }

 private:
  struct Node {
    Callback callback;
    Node* next;
  };
  Node* asleep() const { return const_cast<Node*>(&mark_); }

  Node* take() {
    Node* head = head_.load(std::memory_order_relaxed);
    if (!head) return nullptr;
    head = head_.exchange(nullptr, std::memory_order_acq_rel);
    if (head == asleep()) return nullptr;
    Node* turned = nullptr;
    while (head) {
      Node* next = head->next;
      head->next = turned;
      turned = head;
      head = next;
    }
    return turned;
  }
  static void free_all(Node* node) {
    while (node) {
      Node* next = node->next;
      delete node;
      node = next;
    }
  }

  Node mark_{};
  alignas(64) std::atomic<Node*> head_{nullptr};
};

}  // namespace moldau::os
