// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "wire/text.h"

namespace moldau::client::admin {

/// What became of one item of a call. An error's detail is the broker's sentence; it is empty if
/// the broker gave only the code.
/// Thread   a value.
template <class K, class T>
struct Outcome {
  Outcome(K k, Result<T> r) : key(std::move(k)), result(std::move(r)) {}
  K key;
  Result<T> result;
};
template <class K, class T>
using Outcomes = std::vector<Outcome<K, T>>;

/// The error of an item of an answer.
inline Error told_error(std::int16_t code, const wire::Text& message = {}) {
  return {error_from_wire(code), message.str()};
}

}  // namespace moldau::client::admin
