// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/types.h"

namespace moldau::wire {

/// Bytes that are either borrowed or owned, or null: what Text and Bytes are made of.
///
/// A copy of borrowed bytes borrows too; a copy of owned bytes is deep.
/// Owner    borrowed bytes must outlive this and its copies.
/// Thread   a value.
/// Bounds   at most 2^31-1 bytes; checked.
class ByteHolder {
 public:
  ByteHolder() noexcept = default;
  ByteHolder(const ByteHolder& other)
      : data_(other.data_), size_(other.size_), state_(other.state_) {
    if (state_ == State::kOwned) clone();
  }
  ByteHolder(ByteHolder&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        state_(std::exchange(other.state_, State::kBorrowed)) {}
  ByteHolder& operator=(const ByteHolder& other) {
    if (this != &other) *this = ByteHolder(other);
    return *this;
  }
  ByteHolder& operator=(ByteHolder&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(state_, other.state_);
    return *this;
  }
  ~ByteHolder() {
    if (state_ == State::kOwned) drop();
  }

  static ByteHolder borrow(const void* data, std::size_t size);
  static ByteHolder own(const void* data, std::size_t size);
  static ByteHolder null() {
    ByteHolder out;
    out.state_ = State::kNull;
    return out;
  }

  bool is_null() const { return state_ == State::kNull; }
  bool is_owned() const { return state_ == State::kOwned; }
  std::size_t size() const { return size_; }
  const std::byte* data() const { return data_; }

 private:
  enum class State : std::uint8_t { kBorrowed, kOwned, kNull };

  void clone();
  void drop();

  const std::byte* data_ = nullptr;
  std::uint32_t size_ = 0;
  State state_ = State::kBorrowed;
};

/// A nullable string of a message: UTF-8, borrowed from the received frame or owned.
///
/// From a literal or string_view it borrows (the caller keeps the characters alive), from a
/// std::string it copies.
/// Owner    see ByteHolder; own() makes it independent.
/// Thread   a value.
/// Bounds   Kafka carries at most 32,767 bytes; the encoder cuts what is longer.
class Text {
 public:
  Text() noexcept = default;
  Text(const char* literal) : Text(std::string_view(literal)) {}
  Text(std::string_view text) : bytes_(ByteHolder::borrow(text.data(), text.size())) {}
  Text(const std::string& text) : bytes_(ByteHolder::own(text.data(), text.size())) {}
  Text(std::nullptr_t) = delete;

  static Text null() {
    Text out;
    out.bytes_ = ByteHolder::null();
    return out;
  }
  static Text copy_of(std::string_view text) {
    Text out;
    out.bytes_ = ByteHolder::own(text.data(), text.size());
    return out;
  }

  bool is_null() const { return bytes_.is_null(); }
  /// Not null, and without a character.
  bool is_empty() const { return bytes_.size() == 0 && !bytes_.is_null(); }
  bool is_owned() const { return bytes_.is_owned(); }
  std::size_t size() const { return bytes_.size(); }
  /// Empty if null.
  std::string_view view() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }
  std::string str() const { return std::string(view()); }
  /// The same characters, independent of what they were borrowed from.
  Text own() const { return is_null() ? Text::null() : Text::copy_of(view()); }

  /// Null equals only null, and comes first.
  friend bool operator==(const Text& a, const Text& b) {
    return a.is_null() == b.is_null() && a.view() == b.view();
  }
  friend std::strong_ordering operator<=>(const Text& a, const Text& b) {
    if (a.is_null() || b.is_null()) return b.is_null() <=> a.is_null();
    return a.view() <=> b.view();
  }
  template <class T>
    requires(!std::is_same_v<T, Text> && std::is_convertible_v<const T&, std::string_view>)
  friend bool operator==(const Text& a, const T& b) {
    return !a.is_null() && a.view() == std::string_view(b);
  }

 private:
  ByteHolder bytes_;
};

/// Nullable opaque bytes of a message, borrowed from the received frame or owned.
/// Owner    see ByteHolder.
/// Thread   a value.
class Bytes {
 public:
  Bytes() noexcept = default;
  /// Borrows.
  Bytes(ByteView bytes) : bytes_(ByteHolder::borrow(bytes.data(), bytes.size())) {}

  static Bytes null() {
    Bytes out;
    out.bytes_ = ByteHolder::null();
    return out;
  }
  static Bytes copy_of(ByteView bytes) {
    Bytes out;
    out.bytes_ = ByteHolder::own(bytes.data(), bytes.size());
    return out;
  }

  bool is_null() const { return bytes_.is_null(); }
  bool is_empty() const { return bytes_.size() == 0 && !bytes_.is_null(); }
  bool is_owned() const { return bytes_.is_owned(); }
  std::size_t size() const { return bytes_.size(); }
  ByteView view() const { return {bytes_.data(), bytes_.size()}; }
  Bytes own() const { return is_null() ? Bytes::null() : Bytes::copy_of(view()); }

  friend bool operator==(const Bytes& a, const Bytes& b) {
    return a.is_null() == b.is_null() && as_text(a.view()) == as_text(b.view());
  }

 private:
  ByteHolder bytes_;
};

}  // namespace moldau::wire
