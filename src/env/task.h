// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/check.h"

namespace moldau::env {

template <class T>
class Task;

namespace detail {

struct PromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> h) noexcept {
      return h.promise().continuation;
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }
  // Out of memory is the only exception we know; nothing sensible can follow.
  void unhandled_exception() noexcept { std::terminate(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& u) {
    value.emplace(std::forward<U>(u));
  }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() {}
};

}  // namespace detail

/// A lazy coroutine: runs when awaited, resumes who awaits it, is destroyed with this object.
///
/// Owner    whoever holds the Task; destroying a suspended one destroys its frame.
/// Thread   shard-bound: a Task starts, suspends and ends on one shard.
/// Source   the rules for coroutines in docs/contributing.md: `co_await` stands alone, its
///          arguments are locals, moves or scalars; no braced aggregates, no lambda coroutines.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    handle_.promise().continuation = awaiting;
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  Handle handle_;
};

namespace detail {
template <class T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}
}  // namespace detail

/// Holds the frames of tasks nobody awaits. Destroying the scope destroys the frames that are
/// still suspended: that is how a node is torn down, and how a simulated process dies.
///
/// Owner    the part of the node whose tasks it holds; must outlive nothing they refer to.
/// Thread   shard-bound.
class TaskScope {
 public:
  TaskScope() { head_.prev = head_.next = &head_; }
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
  ~TaskScope() { destroy_all(); }

  /// Starts the task now; runs until its first suspension before this returns.
  void spawn(Task<void> task) {
    Detached detached = run(std::move(task));
    detached.handle.promise().link_into(head_, count_);
    detached.handle.resume();
  }
  std::size_t running() const { return count_; }
  void destroy_all() {
    while (head_.next != &head_) {
      auto* promise = static_cast<DetachedPromise*>(head_.next);
      std::coroutine_handle<DetachedPromise>::from_promise(*promise).destroy();
    }
  }

 private:
  struct Link {
    Link* prev = nullptr;
    Link* next = nullptr;
  };
  struct DetachedPromise;
  struct Detached {
    using promise_type = DetachedPromise;
    std::coroutine_handle<DetachedPromise> handle;
  };
  struct DetachedPromise : Link {
    std::size_t* count = nullptr;
    Detached get_return_object() noexcept {
      return Detached{std::coroutine_handle<DetachedPromise>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
    void link_into(Link& head, std::size_t& counter) {
      count = &counter;
      ++counter;
      prev = head.prev;
      next = &head;
      prev->next = this;
      next->prev = this;
    }
    ~DetachedPromise() {
      if (!next) return;
      prev->next = next;
      next->prev = prev;
      --*count;
    }
  };
  static Detached run(Task<void> task) { co_await task; }

  Link head_;
  std::size_t count_ = 0;
};

}  // namespace moldau::env
