// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/types.h"

namespace moldau::wire {

/// The record batches of a message: null, bytes, or bytes that lie elsewhere.
///
/// External records are those of a fetch answer that stay in their file: the message knows
/// only their length and a token of the caller; the Writer writes the length and notes where the
/// bytes belong (Splice), so that the answer goes out as slice, file range, slice.
/// Owner    views must outlive this and its copies; owned bytes and tokens are shared by copies.
/// Thread   a value.
/// Bounds   at most 2^31-1 bytes; checked.
class Records {
 public:
  /// Null, the default of Kafka.
  Records() noexcept = default;
  /// Borrows.
  Records(ByteView bytes) : Records(bytes.data(), bytes.size(), nullptr, State::kHere) {}

  static Records null() { return Records(); }
  static Records empty() { return Records(ByteView()); }
  /// `owner` keeps the bytes alive: a Slice in a shared_ptr, or whatever holds them.
  static Records owned(ByteView bytes, std::shared_ptr<const void> owner) {
    return Records(bytes.data(), bytes.size(), std::move(owner), State::kHere);
  }
  static Records copy_of(ByteView bytes);
  static Records external(std::size_t size, std::shared_ptr<const void> token) {
    return Records(nullptr, size, std::move(token), State::kExternal);
  }

  bool is_null() const { return state_ == State::kNull; }
  bool is_external() const { return state_ == State::kExternal; }
  /// Also of external records.
  std::size_t size() const { return size_; }
  /// Empty if null; checked not to be external.
  ByteView view() const {
    MOLDAU_CHECK(state_ != State::kExternal, "records that are not in memory");
    return {data_, size_};
  }
  /// The caller's own; nullptr of views.
  const std::shared_ptr<const void>& token() const { return token_; }

  /// External records are equal if their tokens are the same object.
  friend bool operator==(const Records& a, const Records& b) {
    if (a.state_ != b.state_ || a.size_ != b.size_) return false;
    if (a.is_external()) return a.token_ == b.token_;
    return as_text(a.view()) == as_text(b.view());
  }

 private:
  enum class State : std::uint8_t { kNull, kHere, kExternal };

  Records(const std::byte* data, std::size_t size, std::shared_ptr<const void> token, State state)
      : data_(data),
        size_(static_cast<std::uint32_t>(size)),
        state_(state),
        token_(std::move(token)) {
    MOLDAU_CHECK(size <= INT32_MAX, "too many bytes of records");
  }

  const std::byte* data_ = nullptr;
  std::uint32_t size_ = 0;
  State state_ = State::kNull;
  std::shared_ptr<const void> token_;
};

}  // namespace moldau::wire
