// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace moldau {

/// A number with a meaning: an Offset is no LeaderEpoch. Wraps without cost.
/// Adding a plain number moves it; subtracting two gives the plain distance.
/// Thread   a value.
template <class Tag, class Rep = std::int64_t>
class Strong {
 public:
  using rep = Rep;

  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }

  constexpr auto operator<=>(const Strong&) const = default;
  constexpr Strong operator+(Rep n) const { return Strong(static_cast<Rep>(value_ + n)); }
  constexpr Strong operator-(Rep n) const { return Strong(static_cast<Rep>(value_ - n)); }
  constexpr Rep operator-(Strong other) const { return static_cast<Rep>(value_ - other.value_); }
  constexpr Strong& operator+=(Rep n) { return *this = *this + n; }
  constexpr Strong& operator++() { return *this = *this + 1; }

 private:
  Rep value_{};
};

}  // namespace moldau

template <class Tag, class Rep>
struct std::hash<moldau::Strong<Tag, Rep>> {
  std::size_t operator()(const moldau::Strong<Tag, Rep>& s) const {
    return std::hash<Rep>()(s.value());
  }
};
